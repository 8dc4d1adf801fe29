"""Every environment variable that OpenCore reads, with its type and its default."""

import os
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

import psycopg
from django.core.exceptions import ImproperlyConfigured
from psycopg.conninfo import conninfo_to_dict
from pydantic import Field, ValidationError, field_validator
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from opencore.settings.issuers import issuers_of
from opencore.settings.mail import mail_of


def split(text: str) -> list[str]:
    """Split a list that was written with commas."""
    return [part.strip() for part in text.split(",") if part.strip()]


class Environment(BaseSettings):
    """The process's environment; `NAME_FILE` names a file that holds NAME's value."""

    model_config = SettingsConfigDict(extra="ignore", case_sensitive=False)

    django_secret_key: str = Field(
        default="", description="Django's secret, at least 50 random characters."
    )
    jwt_signing_key: str = Field(
        default="",
        description="Key of access tokens: a secret of at least 48 bytes (HS384), or the"
        " PEM of a private key (RS256, ES256, EdDSA).",
    )
    jwt_refresh_signing_key: str = Field(
        default="", description="HS384 key of refresh tokens, at least 48 bytes."
    )
    jwt_previous_signing_keys: Annotated[str, NoDecode] = Field(
        default="",
        description="Other keys whose access tokens are still believed, with commas.",
    )
    jwt_previous_refresh_signing_keys: Annotated[str, NoDecode] = Field(
        default="",
        description="Other keys whose refresh tokens are still believed, with commas.",
    )
    jwt_internal_signing_key: str = Field(
        default="",
        description="Key of the tokens by which the gateway tells upstreams who asks, a"
        " secret or a PEM; needed if a route has them.",
    )
    jwt_previous_internal_signing_keys: Annotated[str, NoDecode] = Field(
        default="",
        description="Other keys whose internal tokens are still believed, with commas.",
    )
    jwt_audience: str = Field(
        default="",
        description="Names that access tokens are meant for, with commas; empty is none.",
    )
    jwt_issuers: Annotated[str, NoDecode] = Field(
        default="",
        description="Others whose access tokens are believed: issuer=URL of its"
        " keys[|audience] pairs, with commas.",
    )
    locales: str = Field(
        default="",
        description="The languages that people can choose, as BCP 47 tags with commas;"
        " empty is any.",
    )
    code_pepper: str = Field(
        default="", description="Keys the hashes of sign-in codes, at least 32 bytes."
    )
    lookup_pepper: str = Field(
        default="",
        description="Keys the hashes by which API keys, links and addresses are found,"
        " at least 32 bytes.",
    )
    previous_lookup_peppers: Annotated[str, NoDecode] = Field(
        default="",
        description="Other keys of such hashes that are still good, with commas.",
    )
    sealing_keys: Annotated[str, NoDecode] = Field(
        default="",
        description="Fernet keys that seal secrets inside events, newest first.",
    )
    allowed_hosts: str = Field(
        default="", description="Host names this deployment answers to, with commas."
    )
    csrf_trusted_origins: str = Field(
        default="", description="Origins whose forms the admin trusts, with commas."
    )
    trusted_proxies: str = Field(
        default="",
        description="Networks whose X-Forwarded-For is believed, with commas.",
    )
    public_url: str = Field(
        default="https://opencore.invalid",
        description="Where clients reach this deployment; the root of event sources.",
    )
    invitation_link: str = Field(
        default="",
        description="What the link in an invitation begins with, such as a page of yours;"
        " its token follows. Empty is PUBLIC_URL/v1/invitations/.",
    )

    database_url: str = Field(
        default="", description="postgresql://user:password@host:port/name"
    )
    database_pool_size: int = Field(
        default=10, ge=1, description="Connections that one process may hold."
    )
    database_pool_timeout: float = Field(
        default=1.0, gt=0, description="Seconds a request waits for a connection."
    )
    database_deadline: float = Field(
        default=4.0, gt=0, description="Seconds a client waits for any one answer."
    )
    database_statement_timeout: float = Field(
        default=3.5, ge=0, description="Seconds after which the server gives up."
    )
    database_lock_timeout: float = Field(
        default=2.0, ge=0, description="Seconds a statement waits for a lock."
    )
    database_idle_in_transaction_timeout: float = Field(
        default=10.0, ge=0, description="Seconds a transaction may sit idle."
    )
    database_wait: float = Field(
        default=60.0, ge=0, description="Seconds a starting process waits for Postgres."
    )
    database_api_role: str = Field(
        default="opencore_app",
        pattern="^[a-z_][a-z0-9_]{0,62}$",
        description="Role that requests run as, to which row-level security applies.",
    )
    database_unencrypted: bool = Field(
        default=False, description="Allow a Postgres connection without TLS."
    )

    redis_url: str = Field(default="", description="redis://:password@host:port/0")
    redis_timeout: float = Field(
        default=0.05, gt=0, description="Seconds a request waits for Redis."
    )

    kafka_bootstrap_servers: str = Field(default="", description="host:port, commas.")
    kafka_security_protocol: Literal[
        "PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"
    ] = Field(default="PLAINTEXT", description="How Kafka is spoken to.")
    kafka_sasl_mechanism: str = Field(default="", description="PLAIN, SCRAM-SHA-512 …")
    kafka_sasl_username: str = Field(default="", description="Kafka's user.")
    kafka_sasl_password: str = Field(default="", description="Kafka's password.")
    kafka_ssl_ca_location: str = Field(default="", description="Kafka's CA file.")
    kafka_partitions: int = Field(
        default=6, ge=1, description="Partitions of a topic that is created."
    )
    kafka_replication: int = Field(
        default=1, ge=1, description="Replicas of a topic that is created."
    )

    outbox_lanes: int = Field(
        default=16,
        ge=1,
        le=1024,
        description="Lanes the outbox is split into; change it only when drained.",
    )
    outbox_archive_days: int = Field(
        default=30, ge=1, description="Days that delivered events are kept."
    )

    outbox_inbox_days: int = Field(
        default=90,
        ge=1,
        description="Days that consumers remember what they handled; more than Kafka"
        " and the archive keep it.",
    )

    outbox_backlog_ceiling: int = Field(
        default=0,
        ge=0,
        description="Waiting events above which new ones are refused; 0 is never.",
    )
    outbox_backlog_age: float = Field(
        default=0.0,
        ge=0,
        description="Seconds that the oldest event may wait before new ones are"
        " refused; 0 is never.",
    )

    email_url: str = Field(
        default="console:",
        description="console:, memory:, file:FOLDER, or"
        " smtp[+tls|s]://user:password@host:port",
    )
    email_from: str = Field(
        default="OpenCore <no-reply@opencore.invalid>", description="Sender of mail."
    )

    gateway_jwt: Literal["on", "off"] = Field(
        default="on", description="JWT verification; off only in the local profile."
    )
    gateway_rate: float = Field(
        default=25.0, gt=0, description="Requests per second of one user or address."
    )
    gateway_burst: int = Field(
        default=50, ge=1, description="Requests that may come at once."
    )
    gateway_legacy_limit_headers: bool = Field(
        default=False, description="Tell X-RateLimit-* beside RateLimit."
    )
    gateway_processes: int = Field(
        default=1,
        ge=1,
        description="Processes that share the rates while Redis is away.",
    )
    gateway_alone: bool = Field(
        default=False,
        description="Serve only what other services answer: no database is needed.",
    )
    gateway_threads: int = Field(
        default=16, ge=1, description="Requests that one process works on at once."
    )
    gateway_upstreams: str = Field(
        default="",
        description="prefix=URL pairs, with commas; what is not named stays local.",
    )
    gateway_cors_origins: str = Field(
        default="",
        description="Origins whose scripts may call the gateway, with commas; or *.",
    )
    gateway_cors_credentials: bool = Field(
        default=False, description="Let those scripts send cookies; never with *."
    )
    gateway_table_file: str = Field(
        default="",
        description="File that keeps the last route table for a start without Redis"
        " and PostgreSQL; one in the folder for temporary files unless set.",
    )
    gateway_access_log_sample: float = Field(
        default=1.0,
        ge=0,
        le=1,
        description="Share of successful requests that the access log names.",
    )

    drain_seconds: float = Field(
        default=5.0,
        ge=0,
        description="Seconds a stopping server serves on while it is not ready.",
    )

    metrics_token: str = Field(
        default="",
        description="Bearer token of /metrics; without one there is no such page.",
    )

    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        default="INFO", description="Least severe level that is logged."
    )

    @field_validator("database_url")
    @classmethod
    def _names_a_database(cls, url: str) -> str:
        try:
            conninfo_to_dict(url)
        except psycopg.ProgrammingError as error:
            # What libpq says about it may repeat the password.
            raise ValueError("use postgresql://user:password@host:port/name") from error
        return url

    @field_validator("redis_url")
    @classmethod
    def _names_a_redis(cls, url: str) -> str:
        if url and not url.startswith(("redis://", "rediss://", "unix://")):
            raise ValueError("use redis[s]://:password@host:port/0")
        return url

    @field_validator("email_url")
    @classmethod
    def _names_a_way_for_mail(cls, url: str) -> str:
        mail_of(url)
        return url

    @field_validator("jwt_issuers")
    @classmethod
    def _names_issuers(cls, text: str) -> str:
        issuers_of(text)
        return text

    @field_validator("public_url")
    @classmethod
    def _is_where_clients_go(cls, url: str) -> str:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError(f"use https://host; this is {url!r}")
        return url

    @field_validator("trusted_proxies")
    @classmethod
    def _names_networks(cls, text: str) -> str:
        for network in split(text):
            ip_network(network)
        return text

    @field_validator("gateway_upstreams")
    @classmethod
    def _names_pairs(cls, text: str) -> str:
        for pair in split(text):
            if "=" not in pair:
                raise ValueError(f"use prefix=URL; this is {pair!r}")
        return text

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 -- the signature is pydantic's
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 -- the signature is pydantic's
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Read arguments, then files that are named, then plain variables."""
        return init_settings, NamedFiles(settings_cls), env_settings


class NamedFiles(PydanticBaseSettingsSource):
    """Reads a field's value from the file that `FIELD_FILE` names."""

    def get_field_value(
        self,
        field: FieldInfo,  # noqa: ARG002 -- the signature is pydantic's
        field_name: str,
    ) -> tuple[str | None, str, bool]:
        """Return the file's text without its last line break."""
        path = os.environ.get(f"{field_name.upper()}_FILE")
        if path is None:
            return None, field_name, False
        try:
            return Path(path).read_text("utf-8").rstrip("\n"), field_name, False
        except OSError as error:
            raise ImproperlyConfigured(
                f"{field_name.upper()}_FILE={path!r} can't be read: {error.strerror}."
            ) from error

    def __call__(self) -> dict[str, str]:
        """Return what the named files hold."""
        fields = self.settings_cls.model_fields
        found = {
            name: self.get_field_value(field, name)[0] for name, field in fields.items()
        }
        return {name: value for name, value in found.items() if value is not None}


def environment_of_this_start() -> Environment:
    """Read the environment; a wrong one ends the process with a sentence."""
    try:
        return read_environment()
    except ImproperlyConfigured as error:
        raise SystemExit(f"OpenCore does not start: {error}") from error


def read_environment() -> Environment:
    """Read and check all variables at once; what is wrong is said in one error."""
    try:
        return Environment()
    except ValidationError as error:
        wrong = "; ".join(_in_words(problem) for problem in error.errors())
        raise ImproperlyConfigured(f"The environment is wrong: {wrong}.") from error


def _in_words(problem: ErrorDetails) -> str:
    name = str(problem["loc"][0]).upper()
    if problem["type"] == "value_error":
        # Such a value may be a URL that holds a password.
        return f"{name}: {problem['ctx']['error']}"
    return f"{name}={problem['input']!r}: {problem['msg']}"
