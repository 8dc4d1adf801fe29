"""Changes of the route table that are published as an operator does it."""

from typing import Any

from gateway_proxy.models import TableVersion
from gateway_proxy.services import preview_change, publish_table

WHY = "they asked for more"
COST_FIVE = {"routes": {"/billing": {"cost": 5}}}


def publish(change: dict[str, Any], *, reason: str = WHY) -> TableVersion:
    """Publish a change, as grace."""
    return publish_table(
        preview=preview_change(change=change), actor="grace", reason=reason
    )
