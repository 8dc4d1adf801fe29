"""The settings of the lab: batches so small that a second of writing is several."""

from opencore.settings.local import *  # noqa: F403 -- settings are all of them

OUTBOX_BATCH_ROWS = 20
