"""The settings of a relay that waits a second for Kafka instead of thirty."""

from datetime import timedelta

from tests.chaos.settings import *  # noqa: F403 -- settings are all of them

OUTBOX_DELIVERY_DEADLINE = timedelta(seconds=1)
