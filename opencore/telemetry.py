"""Logs that a machine can read in production and a person can read locally."""

import logging
import logging.config
from collections.abc import Mapping
from typing import Any

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from opencore.context import current_causation_id, current_request_id
from opencore.redaction import redact


def configure_logging(config: Mapping[str, Any]) -> None:
    """Send every log line of every library through one formatter."""
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {"line": {"()": lambda: formatter(config["format"])}},
            "handlers": {
                "stream": {"class": "logging.StreamHandler", "formatter": "line"}
            },
            "root": {"handlers": ["stream"], "level": config["level"]},
            "loggers": {
                "django": {"handlers": [], "level": "INFO", "propagate": True},
                # What a fault means is logged once, where it is answered.
                "django.request": {"level": "CRITICAL"},
                "psycopg.pool": {"level": "ERROR"},
                "django.security.DisallowedHost": {"level": "CRITICAL"},
            },
        }
    )


def formatter(kind: str) -> structlog.stdlib.ProcessorFormatter:
    """Return the formatter of JSON lines, or of readable ones."""
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[
            structlog.stdlib.add_log_level,
            structlog.stdlib.add_logger_name,
            structlog.stdlib.ExtraAdder(),
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _add_context,
        ],
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            *_rendering(kind),
        ],
    )


def _rendering(kind: str) -> list[Processor]:
    if kind == "json":
        return [
            structlog.processors.format_exc_info,
            _redact,
            structlog.processors.EventRenamer("message"),
            structlog.processors.JSONRenderer(default=str, ensure_ascii=False),
        ]
    plain = structlog.dev.plain_traceback
    return [
        structlog.processors.format_exc_info,
        _redact,
        structlog.dev.ConsoleRenderer(colors=False, exception_formatter=plain),
    ]


def _add_context(_: WrappedLogger, __: str, fields: EventDict) -> EventDict:
    request_id, causation_id = current_request_id(), current_causation_id()
    if request_id is not None:
        fields.setdefault("request_id", request_id)
    if causation_id is not None:
        fields.setdefault("causation_id", str(causation_id))
    return fields


def _redact(_: WrappedLogger, __: str, fields: EventDict) -> EventDict:
    return {name: redact(name, value) for name, value in fields.items()}
