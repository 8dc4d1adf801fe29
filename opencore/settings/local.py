"""A developer's own machine: known secrets, plain HTTP, readable logs."""

import os
from datetime import timedelta
from pathlib import Path

from opencore.settings.base import *

PROFILE = "local"
DEBUG = True
LOCAL_DIR = Path(os.environ.get("OPENCORE_LOCAL_DIR", BASE_DIR / ".local"))

# These are published with the source; a production start refuses each of them.
SECRET_KEY = SECRET_KEY or "local-only-" + "0123456789abcdef" * 4
JWT_SIGNING_KEY = JWT_SIGNING_KEY or "local-only-access-" + "0123456789abcdef" * 4
JWT_REFRESH_SIGNING_KEY = (
    JWT_REFRESH_SIGNING_KEY or "local-only-refresh-" + "0123456789abcdef" * 4
)
JWT_INTERNAL_SIGNING_KEY = (
    JWT_INTERNAL_SIGNING_KEY or "local-only-internal-" + "0123456789abcdef" * 4
)
SIMPLE_JWT = {**SIMPLE_JWT, "SIGNING_KEY": JWT_SIGNING_KEY}
CODE_PEPPER = CODE_PEPPER or "local-only-pepper-" + "0123456789abcdef" * 2
LOOKUP_PEPPER = LOOKUP_PEPPER or "local-only-lookup-" + "0123456789abcdef" * 2
SEALING_KEYS = SEALING_KEYS or ["bG9jYWwtb25seS1sb2NhbC1vbmx5LWxvY2FsLW9ubHk="]
# One machine plays many people.
CODE_RESEND_AFTER = timedelta(0)
CODES_PER_HOUR = 1000
CODES_PER_HOUR_OF_CLIENT = 1_000_000
CODE_REQUEST_RATE = "6000/m"
CODE_VERIFY_RATE = "6000/m"

ALLOWED_HOSTS = ALLOWED_HOSTS or ["localhost", "127.0.0.1", "[::1]"]
SESSION_COOKIE_SECURE = False
CSRF_COOKIE_SECURE = False
STATIC_ROOT = LOCAL_DIR / "static"
WHITENOISE_USE_FINDERS = True
CELERY_BEAT_SCHEDULE_FILENAME = str(LOCAL_DIR / "celerybeat-schedule")
if "email_url" not in ENVIRONMENT.model_fields_set:
    EMAIL_BACKEND = "opencore.mailing.LocalMail"
    EMAIL_FILE_PATH = LOCAL_DIR / "mail"
LOG_FORMAT = "readable"
LOGGING = {"level": LOG_LEVEL, "format": LOG_FORMAT}
if "gateway_table_file" not in ENVIRONMENT.model_fields_set:
    GATEWAY_TABLE_FILE = LOCAL_DIR / "gateway-table.json"
