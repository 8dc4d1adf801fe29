"""One line of the log for each request: who, which route, what came of it, how long.

Never the path, the query, a header or a token: they may hold what nobody may read.
"""

import logging
from zlib import crc32

from gateway_proxy.core.messages import AccessRecord
from opencore.telemetry import ACCESS_LOG

log = logging.getLogger(ACCESS_LOG)

_ALL = 2**32


class AccessLog:
    """Writes down failures and refusals always, and a share of all else.

    Which requests are of that share is decided by their id, so that all gateways on
    the way of one request decide alike.
    """

    def __init__(self, *, sample: float) -> None:
        self._share = int(sample * _ALL)

    def write(
        self, record: AccessRecord, *, status: int, seconds: float, size: int
    ) -> None:
        """Write the line of a request, if it is one to be written."""
        if status < 400 and crc32(record.request_id.encode()) >= self._share:
            return
        if not log.isEnabledFor(logging.INFO):
            return
        fields = {
            "method": record.method,
            "route": record.route,
            "status": status,
            "ms": round(seconds * 1000, 1),
            "bytes": size,
            "user_id": record.user_id,
            "key_id": record.key_id,
            "upstream": record.upstream,
            "limited": _limited(record),
            "refusal": record.code,
            "request_id": record.request_id,
            "trace_id": record.trace_id,
        }
        # As Logger.info does, without a look at the stack for who calls.
        log.handle(
            log.makeRecord(
                *(log.name, logging.INFO, "", 0, "request answered", (), None),
                extra=fields,
            )
        )


def _limited(record: AccessRecord) -> str | None:
    """Return the names of the limits that refused a request."""
    decision = record.decision
    if decision is None or decision.allowed:
        return None
    return ",".join(one.policy.name for one in decision.refusals) or None
