"""One kilobyte of JSON, which every upstream answers with."""

import json

BODY = json.dumps({"items": ["abcdefghij" * 10] * 9, "rest": "k" * 65})
