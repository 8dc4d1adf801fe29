"""The rules of the alerts, as Prometheus reads them."""

from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent
GROUPS: dict[str, list[dict[str, Any]]] = {
    group["name"]: group["rules"]
    for group in yaml.safe_load((ROOT / "docker/alerts.yaml").read_text("utf-8"))[
        "groups"
    ]
}


def rules_of(group: str) -> dict[str, dict[str, Any]]:
    """Return the rules of one group by the names of their alerts."""
    return {rule["alert"]: rule for rule in GROUPS[group]}
