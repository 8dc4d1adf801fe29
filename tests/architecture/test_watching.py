"""Alerts, boards and lists of metrics know the same names, and lead somewhere."""

import json
import re
from typing import Any

import pytest
import yaml

from accounts.metrics import names as accounts
from gateway_proxy import metrics as gateway
from outbox.metrics import names as outbox
from tests.alerts import GROUPS, ROOT, rules_of

LISTS = {
    "outbox": {metric.name for metric in outbox.METRICS},
    "gateway": {metric.name for metric in gateway.METRICS},
    "accounts": {metric.name for metric in accounts.METRICS},
}
RULES = {
    name: (group, rule) for group in GROUPS for name, rule in rules_of(group).items()
}
BOARDS: dict[str, dict[str, Any]] = {
    path.stem: json.loads(path.read_text("utf-8"))
    for path in (ROOT / "docker/grafana/dashboards").glob("*.json")
}
OF_A_LIST = re.compile(r"\b(?:outbox|inbox|replay|gateway|accounts)_\w+")
PART_OF_A_HISTOGRAM = re.compile(r"_seconds_(bucket|count|sum)$")


def metrics_in(expression: str) -> set[str]:
    """Return the metrics that an expression asks for, a histogram under one name."""
    return {
        PART_OF_A_HISTOGRAM.sub("_seconds", name)
        for name in OF_A_LIST.findall(expression)
    }


def provisioned(path: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(
        (ROOT / "docker/grafana/provisioning" / path).read_text("utf-8")
    )
    return found


def test_each_list_has_alerts_and_a_board() -> None:
    assert set(GROUPS) == set(LISTS)
    assert set(BOARDS) == set(LISTS)


def test_no_metric_is_in_two_lists() -> None:
    assert len(set().union(*LISTS.values())) == sum(map(len, LISTS.values()))


def test_no_alert_is_in_two_groups() -> None:
    assert len(RULES) == sum(len(rules) for rules in GROUPS.values())


@pytest.mark.parametrize("name", RULES)
def test_an_alert_asks_for_metrics_of_its_list(name: str) -> None:
    group, rule = RULES[name]

    asked = metrics_in(rule["expr"])

    assert asked
    assert asked - LISTS[group] == set()


@pytest.mark.parametrize("name", RULES)
def test_an_alert_says_for_how_long_and_how_urgently(name: str) -> None:
    _, rule = RULES[name]

    assert rule["for"] in {"1m", "5m"}
    assert rule["labels"]["severity"] in {"page", "ticket"}
    assert rule["annotations"]["summary"]


def test_each_alert_has_an_entry_of_its_own_in_the_runbook() -> None:
    headings = re.findall(
        r"^## (.+)$", (ROOT / "RUNBOOK.md").read_text("utf-8"), re.MULTILINE
    )
    anchors = {f"RUNBOOK.md#{_anchor(heading)}" for heading in headings}

    named = [rule["annotations"]["runbook"] for _, rule in RULES.values()]

    assert set(named) - anchors == set()
    assert len(set(named)) == len(RULES)


@pytest.mark.parametrize("part", LISTS)
def test_a_board_shows_exactly_the_metrics_of_its_list(part: str) -> None:
    asked = [
        target["expr"]
        for panel in BOARDS[part]["panels"]
        for target in panel["targets"]
    ]

    assert set().union(*map(metrics_in, asked)) == LISTS[part]


@pytest.mark.parametrize("board", BOARDS.values(), ids=BOARDS)
def test_a_board_asks_the_source_that_is_provisioned(board: dict[str, Any]) -> None:
    sources = provisioned("datasources/prometheus.yaml")["datasources"]

    asked = {panel["datasource"]["uid"] for panel in board["panels"]}

    assert asked == {source["uid"] for source in sources}


@pytest.mark.parametrize("board", BOARDS.values(), ids=BOARDS)
def test_the_panels_of_a_board_do_not_overlap(board: dict[str, Any]) -> None:
    cells = [
        (column, row)
        for place in (panel["gridPos"] for panel in board["panels"])
        for column in range(place["x"], place["x"] + place["w"])
        for row in range(place["y"], place["y"] + place["h"])
    ]

    assert len(cells) == len(set(cells))
    assert max(column for column, _ in cells) == 23


def test_boards_are_told_apart() -> None:
    assert len({board["uid"] for board in BOARDS.values()}) == len(BOARDS)
    assert len({board["title"] for board in BOARDS.values()}) == len(BOARDS)


def _anchor(heading: str) -> str:
    """Return a heading's name in a link, as hosts of Markdown make it."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
