"""The rules of the alerts, as Prometheus reads them."""

import operator
import re
from pathlib import Path
from typing import Any

import yaml

from tests.scraping import Scrape

ROOT = Path(__file__).resolve().parent.parent
GROUPS: dict[str, list[dict[str, Any]]] = {
    group["name"]: group["rules"]
    for group in yaml.safe_load((ROOT / "docker/alerts.yaml").read_text("utf-8"))[
        "groups"
    ]
}
EXPRESSION = re.compile(r"(\w+)(?:\{(.*)\})? (==|>|<) (\d+(?:\.\d+)?)")
COMPARE = {"==": operator.eq, ">": operator.gt, "<": operator.lt}


def rules_of(group: str) -> dict[str, dict[str, Any]]:
    """Return the rules of one group by the names of their alerts."""
    return {rule["alert"]: rule for rule in GROUPS[group]}


def holds(expression: str, found: Scrape) -> bool:
    """Evaluate `metric{label="value"} op number`, for what the page says now."""
    match = EXPRESSION.fullmatch(expression)
    assert match is not None, expression
    name, labels, compare, number = match.groups()
    wanted = set(re.findall(r'(\w+)="([^"]*)"', labels or ""))
    return any(
        COMPARE[compare](value, float(number))
        for sample, value in found.get(name, {}).items()
        if wanted <= set(sample)
    )
