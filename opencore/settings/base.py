"""Every setting, with values that are safe anywhere."""

from datetime import timedelta
from pathlib import Path
from tempfile import gettempdir
from typing import Any

from psycopg.conninfo import conninfo_to_dict

from opencore.settings.environment import environment_of_this_start, split
from opencore.settings.issuers import issuers_of
from opencore.settings.mail import mail_of

BASE_DIR = Path(__file__).resolve().parent.parent.parent
LOCAL_DIR = BASE_DIR / ".local"
ENVIRONMENT = environment_of_this_start()

PROFILE = "base"
DEBUG = False
SECRET_KEY = ENVIRONMENT.django_secret_key
ALLOWED_HOSTS = split(ENVIRONMENT.allowed_hosts)
CSRF_TRUSTED_ORIGINS = split(ENVIRONMENT.csrf_trusted_origins)
TRUSTED_PROXIES = split(ENVIRONMENT.trusted_proxies)
PUBLIC_URL = ENVIRONMENT.public_url.rstrip("/")

INSTALLED_APPS = [
    "opencore.apps.OpenCoreAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "pgtrigger",
    "opencore.apps.OpenCoreConfig",
    "outbox.apps.OutboxConfig",
    "accounts.apps.AccountsConfig",
    "billing.apps.BillingConfig",
    "notifications.apps.NotificationsConfig",
    "gateway_proxy.apps.GatewayProxyConfig",
]

MIDDLEWARE = [
    "opencore.middleware.RequestIdMiddleware",
    "opencore.middleware.ProblemMiddleware",
    "opencore.middleware.TenancyMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "opencore.urls"
WSGI_APPLICATION = "opencore.wsgi.application"
ASGI_APPLICATION = "opencore.asgi.application"
APPEND_SLASH = False
USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en-us"
# What people can choose; none named: every language.
LOCALES = split(ENVIRONMENT.locales)
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTH_USER_MODEL = "accounts.User"
# Of operators; all others sign in by codes.
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {
        "NAME": (
            "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"
        ),
        "OPTIONS": {"user_attributes": ("email", "name")},
    },
]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
# Addresses are unique by lower(email), a constraint that this check can't see.
SILENCED_SYSTEM_CHECKS = ["auth.E003"]
STATIC_URL = "/static/"
STATIC_ROOT = LOCAL_DIR / "static"
DATA_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

# Database

DATABASE_WAIT = ENVIRONMENT.database_wait
DATABASE_API_ROLE = ENVIRONMENT.database_api_role
DATABASE_UNENCRYPTED = ENVIRONMENT.database_unencrypted


def database_options() -> dict[str, Any]:
    """Return how a connection is made, watched and given up on."""
    timeouts = {
        "statement_timeout": ENVIRONMENT.database_statement_timeout,
        "lock_timeout": ENVIRONMENT.database_lock_timeout,
        "idle_in_transaction_session_timeout": (
            ENVIRONMENT.database_idle_in_transaction_timeout
        ),
    }
    return {
        "connect_timeout": 2,
        "tcp_user_timeout": 5000,
        "keepalives": 1,
        "keepalives_idle": 10,
        "keepalives_interval": 3,
        "keepalives_count": 3,
        "application_name": "opencore",
        "options": " ".join(
            f"-c {name}={int(seconds * 1000)}" for name, seconds in timeouts.items()
        ),
        "pool": {
            "min_size": 1,
            "max_size": ENVIRONMENT.database_pool_size,
            "timeout": ENVIRONMENT.database_pool_timeout,
            "max_waiting": 2 * ENVIRONMENT.database_pool_size,
            "deadline": ENVIRONMENT.database_deadline,
        },
    }


_dsn = conninfo_to_dict(ENVIRONMENT.database_url)
DATABASES: dict[str, dict[str, Any]] = {
    "default": {
        "ENGINE": "opencore.postgresql",
        "NAME": _dsn.pop("dbname", "opencore"),
        "USER": _dsn.pop("user", ""),
        "PASSWORD": _dsn.pop("password", ""),
        "HOST": _dsn.pop("host", ""),
        "PORT": str(_dsn.pop("port", "")),
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {**database_options(), **_dsn},
    }
}

# Redis, Celery

REDIS_URL = ENVIRONMENT.redis_url
REDIS_TIMEOUT = ENVIRONMENT.redis_timeout
CACHES: dict[str, dict[str, Any]] = {
    "default": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"},
    # Counts of the brakes on single views; an error of Redis becomes an answer.
    "brakes": {"BACKEND": "opencore.brakes.BrakeCache", "LOCATION": REDIS_URL},
}
RATELIMIT_USE_CACHE = "brakes"

CELERY_BROKER_URL = REDIS_URL
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT = 10
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_REDIRECT_STDOUTS = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_TIME_LIMIT = 240
CELERY_TASK_DEFAULT_QUEUE = "default"
CELERY_TASK_ROUTES = {
    # Beside the relay's turn, which fills its worker.
    "outbox.run_replays": {"queue": "default"},
    "outbox.*": {"queue": "outbox"},
}
CELERY_TIMEZONE = "UTC"
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 300,
    "unacked_restore_interval": 5,
    "unacked_restore_throttle": 1,
    "socket_timeout": 5,
    "socket_connect_timeout": 2,
    "socket_keepalive": True,
    "health_check_interval": 5,
}
CELERY_BEAT_SCHEDULE_FILENAME = str(LOCAL_DIR / "celerybeat-schedule")

# Kafka and the outbox

KAFKA: dict[str, str] = {
    key: value
    for key, value in {
        "bootstrap.servers": ENVIRONMENT.kafka_bootstrap_servers,
        "security.protocol": ENVIRONMENT.kafka_security_protocol,
        "sasl.mechanism": ENVIRONMENT.kafka_sasl_mechanism,
        "sasl.username": ENVIRONMENT.kafka_sasl_username,
        "sasl.password": ENVIRONMENT.kafka_sasl_password,
        "ssl.ca.location": ENVIRONMENT.kafka_ssl_ca_location,
    }.items()
    if value
}
KAFKA_PARTITIONS = ENVIRONMENT.kafka_partitions
KAFKA_REPLICATION = ENVIRONMENT.kafka_replication
EVENT_SOURCE = PUBLIC_URL
OUTBOX_LANES = ENVIRONMENT.outbox_lanes
OUTBOX_LEASE = timedelta(seconds=10)
OUTBOX_TURN = timedelta(seconds=30)
OUTBOX_REPLAY_TURN = timedelta(seconds=20)
OUTBOX_POLL = timedelta(milliseconds=500)
OUTBOX_BATCH_ROWS = 2000
OUTBOX_BATCH_BYTES = 8 * 1024 * 1024
OUTBOX_DELIVERY_DEADLINE = timedelta(seconds=30)
OUTBOX_MAX_EVENT_BYTES = 64 * 1024
OUTBOX_MAX_ATTEMPTS = 8
OUTBOX_ARCHIVE_DAYS = ENVIRONMENT.outbox_archive_days
OUTBOX_INBOX_DAYS = ENVIRONMENT.outbox_inbox_days
OUTBOX_BACKLOG_CEILING = ENVIRONMENT.outbox_backlog_ceiling
OUTBOX_BACKLOG_AGE = ENVIRONMENT.outbox_backlog_age
# Topics whose successors may pass an event that can't be sent; all others hold.
OUTBOX_PASS_TOPICS: frozenset[str] = frozenset({"opencore.auth.v1"})

# Mail

globals().update(mail_of(ENVIRONMENT.email_url))
DEFAULT_FROM_EMAIL = ENVIRONMENT.email_from
EMAIL_TIMEOUT = 5

# Tokens, codes, secrets inside events

JWT_SIGNING_KEY = ENVIRONMENT.jwt_signing_key
JWT_REFRESH_SIGNING_KEY = ENVIRONMENT.jwt_refresh_signing_key
JWT_PREVIOUS_SIGNING_KEYS = split(ENVIRONMENT.jwt_previous_signing_keys)
JWT_PREVIOUS_REFRESH_SIGNING_KEYS = split(ENVIRONMENT.jwt_previous_refresh_signing_keys)
JWT_INTERNAL_SIGNING_KEY = ENVIRONMENT.jwt_internal_signing_key
JWT_PREVIOUS_INTERNAL_SIGNING_KEYS = split(
    ENVIRONMENT.jwt_previous_internal_signing_keys
)
JWT_AUDIENCE = split(ENVIRONMENT.jwt_audience)
JWT_ISSUERS = issuers_of(ENVIRONMENT.jwt_issuers)
CODE_PEPPER = ENVIRONMENT.code_pepper
LOOKUP_PEPPER = ENVIRONMENT.lookup_pepper
PREVIOUS_LOOKUP_PEPPERS = split(ENVIRONMENT.previous_lookup_peppers)
SEALING_KEYS = split(ENVIRONMENT.sealing_keys)
ACCESS_TOKEN_LIFETIME = timedelta(minutes=10)
REFRESH_TOKEN_LIFETIME = timedelta(days=30)
# Codes that one address may ask for, counted in Postgres, and what one network may try.
CODE_RESEND_AFTER = timedelta(minutes=1)
CODES_PER_HOUR = 5
CODES_PER_HOUR_OF_CLIENT = 20
CODE_REQUEST_RATE = "10/m"
CODE_VERIFY_RATE = "30/m"
# Invitations are good for so long; each is sent so often at most, and so many are open
# at once and made in a day by one organization. So long after its end one is forgotten.
INVITATION_LIFETIME = timedelta(days=7)
INVITATION_RESEND_AFTER = timedelta(minutes=1)
INVITATION_MOST_SENT = 5
INVITATIONS_MOST_OPEN = 100
INVITATIONS_PER_DAY = 200
INVITATIONS_KEPT = timedelta(days=30)
INVITATION_READ_RATE = "60/m"
INVITATION_LINK = ENVIRONMENT.invitation_link or f"{PUBLIC_URL}/v1/invitations/"
# An offer of the ownership is good for so long.
OWNERSHIP_OFFER_LIFETIME = timedelta(days=7)
# An erasure can be taken back for so long; the law wants it done within a month.
ERASURE_COOL_OFF = timedelta(days=7)
ERASURE_REMINDER = timedelta(days=1)
DATA_REQUEST_DUE = timedelta(days=30)
DATA_EXPORT_KEPT = timedelta(days=7)
SIMPLE_JWT: dict[str, Any] = {
    "ALGORITHM": "HS384",
    "SIGNING_KEY": JWT_SIGNING_KEY,
    "ISSUER": PUBLIC_URL,
    "ACCESS_TOKEN_LIFETIME": ACCESS_TOKEN_LIFETIME,
    "REFRESH_TOKEN_LIFETIME": REFRESH_TOKEN_LIFETIME,
    "TOKEN_TYPE_CLAIM": "typ",
    "USER_ID_CLAIM": "sub",
    "UPDATE_LAST_LOGIN": False,
    "LEEWAY": 5,
}

# The gateway

GATEWAY_JWT = ENVIRONMENT.gateway_jwt
GATEWAY_RATE = ENVIRONMENT.gateway_rate
GATEWAY_BURST = ENVIRONMENT.gateway_burst
GATEWAY_LEGACY_LIMIT_HEADERS = ENVIRONMENT.gateway_legacy_limit_headers
GATEWAY_PROCESSES = ENVIRONMENT.gateway_processes
GATEWAY_ALONE = ENVIRONMENT.gateway_alone
GATEWAY_THREADS = ENVIRONMENT.gateway_threads
# So many requests wait for each thread before any more are refused.
GATEWAY_WAITING = 4
GATEWAY_UPSTREAMS: dict[str, str] = dict(
    pair.split("=", 1) for pair in split(ENVIRONMENT.gateway_upstreams)
)
GATEWAY_CORS_ORIGINS = split(ENVIRONMENT.gateway_cors_origins)
GATEWAY_CORS_CREDENTIALS = ENVIRONMENT.gateway_cors_credentials
GATEWAY_TABLE_FILE = Path(
    ENVIRONMENT.gateway_table_file or Path(gettempdir()) / "opencore-gateway-table.json"
)
# Whom the gateway asks about API keys; it knows no other app.
API_KEY_FINDER = "accounts.services.look_up_key"
GATEWAY_ACCESS_LOG_SAMPLE = ENVIRONMENT.gateway_access_log_sample

# REST

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "accounts.authentication.ApiKeyAuthentication",
        "opencore.authentication.AccessTokenAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_PARSER_CLASSES": ["opencore.rest.StrictJSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "opencore.rest.negotiation.QuickNegotiation",
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "opencore.rest.answer_exception",
    "UNAUTHENTICATED_USER": None,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "OpenCore",
    "VERSION": "1",
    "DESCRIPTION": (
        "The back end that a SaaS team starts from. The gateway serves the paths of"
        " /v1/auth, /v1/users, /v1/orgs, /v1/invitations, /v1/billing and"
        " /v1/notifications without /v1 as well."
    ),
    "OAS_VERSION": "3.1.1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "SCHEMA_PATH_PREFIX": "/v1",
    "COMPONENT_SPLIT_REQUEST": True,
    # What a PATCH needs is what its serializer says.
    "COMPONENT_SPLIT_PATCH": False,
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "opencore.describing.add_problems",
        "opencore.describing.complete",
    ],
    "ENUM_NAME_OVERRIDES": {
        "DeadLetterState": "outbox.models.DeadLetter.State",
        "ReplayState": "outbox.models.Replay.State",
        "ReplayAction": "outbox.models.Replay.Action",
        "LetterDecision": "outbox.serializers.DECISIONS",
        "RoleEnum": "accounts.roles.Role",
        "ServiceAccountRole": "accounts.serializers.keys.ROLES",
    },
}

# Cookies and transport

SESSION_COOKIE_SECURE = True
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_AGE = 30 * 60
CSRF_COOKIE_SECURE = True
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_SSL_REDIRECT = False
SECURE_REDIRECT_EXEMPT = [r"^(livez|readyz|startupz|metrics)$"]
X_FRAME_OPTIONS = "DENY"

# Metrics, logs

METRICS_TOKEN = ENVIRONMENT.metrics_token
LOG_LEVEL = ENVIRONMENT.log_level
LOG_FORMAT = "json"
LOGGING_CONFIG = "opencore.telemetry.configure_logging"
LOGGING: dict[str, Any] = {"level": LOG_LEVEL, "format": LOG_FORMAT}
