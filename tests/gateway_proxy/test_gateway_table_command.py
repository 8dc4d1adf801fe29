"""`manage.py gateway_table`: says first what it would do, and does it with a reason."""

import json
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from gateway_proxy.defaults import ROUTES
from gateway_proxy.models import TableVersion
from gateway_proxy.selectors import Published, latest_published
from tests.gateway_proxy.publishing import COST_FIVE, WHY, publish
from tests.gateway_proxy.redis_server import RedisServer

pytestmark = pytest.mark.django_db

DECIDED = ("--execute", "--reason", WHY, "--actor", "grace")
RUNBOOK = Path(__file__).resolve().parents[2] / "RUNBOOK.md"
DIFFERENCE = "~ /routes/~1billing/cost 1 -> 5\n"


@pytest.fixture(autouse=True)
def _board(settings: Settings, redis_server: RedisServer) -> None:
    settings.REDIS_URL = redis_server.url


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file with one change."""
    path = tmp_path / "changes.json"
    path.write_text(json.dumps(COST_FIVE), "utf-8")
    return path


def run(*arguments: str) -> str:
    out = StringIO()
    call_command("gateway_table", *arguments, stdout=out)
    return out.getvalue()


def test_it_shows_the_routes_and_the_limits_and_ends_with_a_sentence() -> None:
    publish({**COST_FIVE, "limits": {"address": {"shadow": True}}})

    lines = run().splitlines()

    assert "/auth/otp -> local (costs 1, closed without Redis, 1 public)" in lines
    assert "/billing -> local (costs 5, local without Redis)" in lines
    assert "/orgs -> local (costs 1, local without Redis, API keys)" in lines
    assert "limit address: 25 a second, 50 at once, in the shadow" in lines
    assert lines[-1] == f"Version 1: {len(ROUTES)} routes, 0 plans, 0 assignments."


def test_it_says_that_nothing_was_published_yet() -> None:
    assert (
        run().splitlines()[-1].startswith(f"The settings' table: {len(ROUTES)} routes")
    )


def test_it_shows_the_whole_table_in_json() -> None:
    publish(COST_FIVE)

    shown = json.loads(run("--json"))

    assert (shown["version"], shown["routes"]["/billing"]["cost"]) == (1, 5)


def test_what_it_shows_as_changes_is_a_file_that_changes_nothing(
    tmp_path: Path,
) -> None:
    publish(COST_FIVE)
    file = tmp_path / "shown.json"

    file.write_text(run("--changes"), "utf-8")

    assert run("--diff", str(file)).startswith("0 differences to version 1;")


@pytest.mark.parametrize(
    "arguments", [("--diff",), ("--apply",), (*DECIDED, "--diff")], ids=" ".join
)
def test_it_says_what_a_file_would_change_and_changes_nothing(
    file: Path, arguments: tuple[str, ...]
) -> None:
    said = run(*arguments, str(file))

    assert said.startswith(DIFFERENCE)
    assert "1 difference to version 0; --apply or --rollback with --execute" in said
    assert TableVersion.objects.count() == 0


def test_a_file_is_published_with_who_and_why(file: Path) -> None:
    said = run("--apply", str(file), *DECIDED)

    version = TableVersion.objects.get()
    assert said == (
        f"{DIFFERENCE}Published version 1 with 1 difference to version 0.\n"
    )
    assert (version.actor, version.reason) == ("grace", WHY)
    assert version.changes == COST_FIVE


def test_what_is_not_in_the_file_is_as_the_settings_say_again(file: Path) -> None:
    publish({"routes": {"/users": {"cost": 2}}})

    run("--apply", str(file), *DECIDED)

    assert latest_published() == Published(2, COST_FIVE)


def test_a_version_is_brought_back() -> None:
    publish(COST_FIVE)

    looked = run("--rollback", "0")
    assert latest_published().version == 1
    done = run("--rollback", "0", *DECIDED)

    assert looked.startswith("~ /routes/~1billing/cost 5 -> 1\n")
    assert done.endswith("Published version 2 with 1 difference to version 1.\n")
    assert latest_published() == Published(2, {})


def test_a_version_that_never_was_is_refused() -> None:
    with pytest.raises(CommandError, match="There is no such version"):
        run("--rollback", "9")


def test_nothing_is_published_without_a_reason(file: Path) -> None:
    with pytest.raises(CommandError, match="Say who decides this and why"):
        run("--apply", str(file), "--execute")

    assert TableVersion.objects.count() == 0


def test_all_that_is_wrong_with_a_file_is_listed(file: Path) -> None:
    file.write_text('{"routes": {"/billing": {"cost": 0, "wait": 1}}}', "utf-8")

    with pytest.raises(CommandError) as refused:
        run("--apply", str(file), *DECIDED)

    assert str(refused.value).splitlines()[1:] == [
        "  /routes/~1billing/cost: Input should be greater than or equal to 1.",
        "  /routes/~1billing/wait: There is no such field.",
    ]
    assert TableVersion.objects.count() == 0


@pytest.mark.parametrize(
    ("text", "said"),
    [("{", "not JSON"), ('{"routes": {}, "routes": {}}', "stands twice")],
)
def test_a_file_that_is_no_document_is_refused(
    file: Path, text: str, said: str
) -> None:
    file.write_text(text, "utf-8")

    with pytest.raises(CommandError, match=said):
        run("--diff", str(file))


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="can't be read: No such file"):
        run("--diff", str(tmp_path / "none.json"))


def test_the_file_that_the_runbook_shows_can_be_applied(tmp_path: Path) -> None:
    entry = RUNBOOK.read_text("utf-8").partition("What such a file may hold")[2]
    file = tmp_path / "shown.json"
    file.write_text(entry.split("```")[1], "utf-8")

    said = run("--apply", str(file), *DECIDED)

    assert "~ /routes/~1orgs/enabled true -> false\n" in said
    assert "~ /limits/network/shadow false -> true\n" in said
    assert said.endswith("Published version 1 with 11 differences to version 0.\n")
