"""The operators' pages of the route table: previewed, published with a reason."""

import re
from html import unescape
from uuid import uuid4

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from pytest_django import Settings

from gateway_proxy.models import TableVersion
from gateway_proxy.selectors import Published, latest_published
from tests.gateway_proxy.publishing import COST_FIVE, WHY, publish
from tests.gateway_proxy.redis_server import RedisServer
from tests.outbox.operators import operator_with, sign_in

pytestmark = pytest.mark.django_db(transaction=True)

ROOT = "/admin/gateway_proxy"
CHANGE = f"{ROOT}/tableversion/change-table/"
TOKEN = re.compile(r'name="plan_token" value="([^"]+)"')
CHEAPER = '{"routes": {"/billing": {"cost": 5}}}'
DIFFERENCE = "<td>/routes/~1billing/cost</td><td>1</td><td>5</td>"
ACME = uuid4()


@pytest.fixture(autouse=True)
def _board(settings: Settings, redis_server: RedisServer) -> None:
    settings.REDIS_URL = redis_server.url


@pytest.fixture
def grace() -> Client:
    return sign_in("grace", staff=True, superuser=True)


def text(client: Client, path: str, **said: str) -> str:
    """Return the text of a page, asked for with what was typed, if anything was."""
    ask = client.post if said else client.get
    response = ask(path, said or None, follow=True)
    assert response.status_code == 200
    return unescape(response.content.decode())


def token_on(page: str) -> str:
    found = TOKEN.search(page)
    assert found is not None
    return found.group(1)


def test_a_change_is_previewed_before_anything_is_published(grace: Client) -> None:
    shown = text(grace, CHANGE, change=CHEAPER)

    assert DIFFERENCE in shown
    assert "What would be different from version 0" in shown
    assert TableVersion.objects.count() == 0


def test_what_was_previewed_is_published_with_a_name_and_a_reason(
    grace: Client,
) -> None:
    token = token_on(text(grace, CHANGE, change=CHEAPER))

    shown = text(grace, CHANGE, plan_token=token, reason=WHY)

    version = TableVersion.objects.get()
    assert (version.actor, version.reason) == ("grace@example.com", WHY)
    assert version.changes == COST_FIVE
    assert "Published as version 1." in shown
    assert LogEntry.objects.get().change_message == WHY


def test_nothing_is_published_without_a_reason(grace: Client) -> None:
    token = token_on(text(grace, CHANGE, change=CHEAPER))

    shown = text(grace, CHANGE, plan_token=token, reason=" ")

    assert "Say who decides this and why" in shown
    assert (TableVersion.objects.count(), LogEntry.objects.count()) == (0, 0)


def test_what_moved_meanwhile_is_not_published(grace: Client) -> None:
    token = token_on(text(grace, CHANGE, change=CHEAPER))
    publish({"routes": {"/users": {"cost": 2}}})

    shown = text(grace, CHANGE, plan_token=token, reason=WHY)

    assert "Another version was published meanwhile" in shown
    assert latest_published().version == 1


def test_another_operators_preview_is_not_published(grace: Client) -> None:
    token = token_on(text(grace, CHANGE, change=CHEAPER))
    ada = operator_with("view_tableversion", "add_tableversion")

    shown = text(ada, CHANGE, plan_token=token, reason=WHY)

    assert "This is no plan token that was given to you." in shown
    assert TableVersion.objects.count() == 0


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("{", "It is not JSON"),
        (
            '{"routes": {"/billing": {"wait": 1}}}',
            "/routes/~1billing/wait: There is no such field.",
        ),
    ],
    ids=["no JSON", "no such field"],
)
def test_a_change_that_is_refused_can_be_mended(
    grace: Client, change: str, said: str
) -> None:
    shown = text(grace, CHANGE, change=change)

    assert said in shown
    assert f"{change}</textarea>" in shown


def test_an_older_version_is_brought_back_from_its_page(grace: Client) -> None:
    publish(COST_FIVE)
    publish({"routes": {"/billing": {"cost": 7}}})
    page = text(grace, f"{ROOT}/tableversion/1/change/")
    asked = text(grace, CHANGE, restores="1")

    text(grace, CHANGE, plan_token=token_on(asked), reason="too dear")

    assert '<input type="hidden" name="restores" value="1">' in page
    assert "<td>7</td><td>5</td>" in asked
    assert latest_published() == Published(3, COST_FIVE)


@pytest.mark.parametrize("restores", ["9", "nine", ""])
def test_a_version_that_never_was_is_not_brought_back(
    grace: Client, restores: str
) -> None:
    assert "There is no such version" in text(grace, CHANGE, restores=restores)


def test_a_versions_page_shows_what_it_changed_of_the_one_before(
    grace: Client,
) -> None:
    publish(COST_FIVE)
    publish({"routes": {"/billing": {"cost": 7}}})

    shown = text(grace, f"{ROOT}/tableversion/2/change/")

    assert "<td>/routes/~1billing/cost</td><td>5</td><td>7</td>" in shown


def test_the_history_begins_with_the_latest(grace: Client) -> None:
    publish(COST_FIVE)
    publish({"limits": {"user": {"shadow": True}}}, reason="let us look first")

    shown = text(grace, f"{ROOT}/tableversion/")

    assert shown.index("let us look first") < shown.index(WHY)
    assert f'<a href="{CHANGE}">Change the route table…</a>' in shown


def test_what_is_changed_is_listed_by_its_kind(grace: Client) -> None:
    publish(
        {
            "routes": {"/reports": {"upstreams": ["http://reports"]}},
            "plans": {"pro": {"user": {"rate": 100, "burst": 200}}},
            "plan_of": {str(ACME): "pro"},
        }
    )

    assert "http://reports" in text(grace, f"{ROOT}/route/")
    assert "200" in text(grace, f"{ROOT}/limit/")
    assert "pro" in text(grace, f"{ROOT}/plan/")
    assert str(ACME) in text(grace, f"{ROOT}/planassignment/?q={ACME}")


def test_the_whole_table_is_shown_where_it_is_changed(grace: Client) -> None:
    publish(COST_FIVE)

    shown = text(grace, CHANGE)

    assert "Changed of the settings, in version 1" in shown
    assert '"/notifications": {' in shown


def test_nobody_types_a_row_in(grace: Client) -> None:
    publish(COST_FIVE)

    pages = [f"{ROOT}/{kind}/add/" for kind in ("route", "limit", "tableversion")]

    assert [grace.get(page).status_code for page in pages] == [403, 403, 403]


@pytest.mark.parametrize("said", [{}, {"change": CHEAPER}, {"restores": "0"}])
def test_who_may_only_look_changes_nothing(said: dict[str, str]) -> None:
    publish(COST_FIVE)
    ada = operator_with("view_tableversion")

    page = text(ada, f"{ROOT}/tableversion/1/change/")
    response = ada.post(CHANGE, said)

    assert "Bring this version back" not in page
    assert response.status_code == 403
    assert TableVersion.objects.count() == 1
