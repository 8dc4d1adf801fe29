"""The test suite: as production, with known secrets and mail kept in memory."""

from opencore.settings.base import *

PROFILE = "test"
# Says which migrations the version before could not live with.
INSTALLED_APPS = [*INSTALLED_APPS, "django_migration_linter"]
SECRET_KEY = "test-only-" + "0123456789abcdef" * 4
JWT_SIGNING_KEY = "test-only-access-" + "0123456789abcdef" * 4
JWT_REFRESH_SIGNING_KEY = "test-only-refresh-" + "0123456789abcdef" * 4
JWT_INTERNAL_SIGNING_KEY = "test-only-internal-" + "0123456789abcdef" * 4
SIMPLE_JWT = {**SIMPLE_JWT, "SIGNING_KEY": JWT_SIGNING_KEY}
CODE_PEPPER = "test-only-pepper-" + "0123456789abcdef" * 2
LOOKUP_PEPPER = "test-only-lookup-" + "0123456789abcdef" * 2
SEALING_KEYS = ["dGVzdC1vbmx5LXRlc3Qtb25seS10ZXN0LW9ubHktdGU="]
ALLOWED_HOSTS = ["testserver", "localhost", "127.0.0.1"]
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
SESSION_COOKIE_SECURE = False
CSRF_COOKIE_SECURE = False
if "gateway_table_file" not in ENVIRONMENT.model_fields_set:
    GATEWAY_TABLE_FILE = LOCAL_DIR / "gateway-table.json"
