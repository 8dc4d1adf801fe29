"""One way to write a JSON value, so that its digest is the same everywhere."""

import json


def canonical(value: object) -> bytes:
    """Return the value as JSON in ASCII: names sorted, no blanks, nothing doubled."""
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode("ascii")
