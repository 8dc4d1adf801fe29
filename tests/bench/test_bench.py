"""Each bench runs and says each of its figures; how quick it was is not asserted."""

import json
import os
import subprocess
from pathlib import Path

from opencore.localservices.parts import PYTHON

ROOT = Path(__file__).resolve().parents[2]
NAMED = {"DATABASE_URL", "REDIS_URL", "KAFKA_BOOTSTRAP_SERVERS"}
FIGURES = {"drain": 3, "latency": 4, "emitting": 3, "serving": 2}


def test_every_bench_measures_all_that_it_promises(tmp_path: Path) -> None:
    ended = subprocess.run(
        [
            *(PYTHON, "-m", "tests.bench", "--events", "400", "--rounds", "1"),
            *("--seconds", "1", "--json", str(tmp_path / "figures.json")),
        ],
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if name not in NAMED},
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )

    assert ended.returncode == 0, ended.stderr[-3000:]
    figures = json.loads((tmp_path / "figures.json").read_text("utf-8"))
    counted = {
        name: sum(figure["bench"] == name for figure in figures) for name in FIGURES
    }
    assert counted == FIGURES
    assert [figure["what"] for figure in figures if figure["value"] <= 0] == []
    assert all(figure["what"] in ended.stdout for figure in figures)
    assert "drain 1 of 1" in ended.stderr
