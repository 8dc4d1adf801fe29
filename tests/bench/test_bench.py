"""Each bench runs and says each of its figures; how quick it was is not asserted."""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from opencore.localservices.parts import PYTHON
from tests.bench import peering
from tests.bench.contest import field as gateway
from tests.bench.contest import today
from tests.bench.figures import (
    Goal,
    Result,
    Rounds,
    Sample,
    figure_of,
    interleaved,
    percentile,
)
from tests.bench.peering import Peer
from tests.bench.report import page

ROOT = Path(__file__).resolve().parents[2]
NAMED = {"DATABASE_URL", "REDIS_URL", "KAFKA_BOOTSTRAP_SERVERS"}
FIGURES = {
    "drain, mock": 4,
    "latency, mock": 8,
    "emitting, 1": 2,
    "emitting, 1,000": 3,
    "consuming": 3,
    "growth": 2,
    "growth, an old snapshot": 2,
    "replaying": 1,
    "refresh": 4,
    "auditing": 6,
    "paging, at row 360": 3,
    "paging, at row 360, in PostgreSQL": 2,
    "paging, at row 360, what PostgreSQL reads": 2,
    "tenancy, a transaction of one query": 2,
    "tenancy, a transaction of ten queries": 2,
    "tenancy, GET .../members": 2,
    "signing in, a code is asked for": 2,
    "signing in, a wrong code is told": 2,
    "gateway, inside": 2,
    "gateway, decisions": 2,
}
GOALS = {
    "drain, mock": 1,
    "latency, mock": 2,
    "consuming": 1,
    "refresh": 1,
    "auditing": 3,
    "paging, at row 360": 1,
    "paging, at row 360, in PostgreSQL": 1,
    "tenancy, a transaction of one query": 1,
    "tenancy, a transaction of ten queries": 1,
    "signing in, a code is asked for": 2,
    "signing in, a wrong code is told": 2,
    "growth": 1,
    "growth, an old snapshot": 1,
    "gateway": 1,
    "gateway, inside": 1,
    "gateway, p50": 1,
    "gateway, decisions": 1,
}
# Of these some may be absent, and are told of.
FORWARDING = {"gateway", "gateway, p50", "gateway, memory"}


def test_every_bench_measures_all_that_it_promises(tmp_path: Path) -> None:
    ended = subprocess.run(
        [
            *(PYTHON, "-m", "tests.bench", "--events", "400", "--rounds", "1"),
            *("--seconds", "1", "--json", str(tmp_path / "figures.json")),
            *("--rows", "400", "--snapshot-seconds", "0", "--letters", "5"),
            *(
                "--load-seconds",
                "0",
                "--page",
                str(tmp_path / "page.md"),
                "--peers",
                "--brokers",
                "mock",
            ),
        ],
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if name not in NAMED},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )

    assert ended.returncode == 0, ended.stderr[-3000:]
    found = json.loads((tmp_path / "figures.json").read_text("utf-8"))
    forwarding = [one for one in found["figures"] if one["bench"] in FORWARDING]
    others = [one for one in found["figures"] if one["bench"] not in FORWARDING]
    assert counted(others) == FIGURES
    assert counted(found["goals"]) == GOALS
    written = (tmp_path / "page.md").read_text("utf-8")
    for text in (ended.stdout, written):
        assert [
            one["what"] for one in found["figures"] if one["what"] not in text
        ] == []
    assert set(found["circumstances"]) >= {"machine", "packages", "PostgreSQL"}
    assert "fsync on" in written
    assert {one["bench"] for one in forwarding} == FORWARDING
    absent = {line.rpartition(": ")[0] for line in found["remarks"]}
    assert absent >= {gateway.NGINX, gateway.LUA, gateway.REQUESTS, gateway.HTTPX}
    assert {one["what"] for one in forwarding} | absent == gateway.CONTESTANTS


def counted(lines: list[dict[str, object]]) -> dict[object, int]:
    names = [line["bench"] for line in lines]
    return {name: names.count(name) for name in names}


@pytest.mark.parametrize(
    ("values", "share", "found"),
    [
        pytest.param(range(1, 101), 0.5, 50, id="the median"),
        pytest.param(range(1, 101), 0.99, 99, id="not the largest of a hundred"),
        pytest.param(range(1, 101), 1.0, 100, id="the largest"),
        pytest.param([7], 0.99, 7, id="one value"),
        pytest.param([3, 1, 2], 0.34, 2, id="not in order"),
    ],
)
def test_a_percentile_is_the_nearest_rank(
    values: range | list[int], share: float, found: int
) -> None:
    assert percentile(list(values), share) == found


def test_a_ratio_is_the_median_of_the_rounds_ratios() -> None:
    rounds = Rounds(
        bench="b",
        unit="u",
        samples={
            "limit": [Sample(10), Sample(100), Sample(1000)],
            "ours": [Sample(5), Sample(20), Sample(900)],
        },
    )

    assert rounds.ratio("ours", "limit") == 0.5
    assert rounds.at_least(0.5, "ours", of="limit").kept
    assert not rounds.at_least(0.6, "ours", of="limit").kept


def test_the_ways_take_turns() -> None:
    order: list[str] = []

    def way(name: str) -> Sample:
        order.append(name)
        return Sample(len(order))

    interleaved(
        "b",
        {"ours": lambda: way("ours"), "limit": lambda: way("limit")},
        rounds=2,
        unit="u",
        say=lambda _line: None,
    )

    assert order == ["ours", "limit", "ours", "limit"]


def test_a_page_says_what_was_missed_and_what_could_not_be_measured() -> None:
    goal = Goal(
        bench="b", what="rate", wanted=">= 2 x", measured=1.5, unit="x", kept=False
    )
    figure = figure_of("b", "rate", [Sample(1), Sample(3), Sample(2)], "u")

    written = page(Result([figure], [goal], ["peer: no wheel"]), {"cores": "2"})

    assert "| b | rate | >= 2 x | 1.50 x | **missed** |" in written
    assert "| rate | 2.00 | u | 1.00-3.00 |  |  |" in written
    assert "- peer: no wheel" in written
    assert "| cores | 2 |" in written


def test_a_peer_that_does_not_install_is_told_of_in_a_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "nobody.txt").write_text("nobody==1\n", "utf-8")
    monkeypatch.setattr(peering, "LOCKS", tmp_path)
    monkeypatch.setattr(peering, "PEERS", (Peer("nobody", "idle", python="3.99"),))

    found, remarks = peering.present(["nobody"], lambda _line: None)

    assert found == []
    assert len(remarks) == 1
    assert remarks[0].startswith("nobody: ")
    assert "3.99" in remarks[0]


def test_a_peer_that_is_not_asked_for_is_not_installed() -> None:
    assert peering.present([], lambda _line: None) == ([], [])


@pytest.mark.parametrize("peer", peering.PEERS, ids=lambda peer: peer.name)
def test_a_peer_has_a_driver(peer: Peer) -> None:
    assert peer.lock.with_name(f"{peer.name.replace('-', '_')}.py").exists()


@pytest.mark.parametrize(
    "lock",
    [*(peer.lock for peer in peering.PEERS), today.LOCK],
    ids=lambda lock: lock.stem,
)
def test_all_that_a_peer_needs_is_pinned_by_hashes(lock: Path) -> None:
    entries = re.split(r"\n(?=[A-Za-z0-9])", lock.read_text("utf-8").strip())

    assert [entry for entry in entries if "--hash=sha256:" not in entry] == []
