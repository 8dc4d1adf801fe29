"""How mail goes out, from one URL."""

from typing import Any
from urllib.parse import unquote, urlsplit

BACKENDS = "django.core.mail.backends"
SMTP_PORTS = {"smtp": 25, "smtp+tls": 587, "smtps": 465}


def mail_of(url: str) -> dict[str, Any]:
    """Return Django's EMAIL_* settings; raises ValueError for a URL of no known kind.

    `console:` prints, `memory:` keeps, `file:FOLDER` writes into a folder. `smtp:` is
    plain, `smtp+tls:` turns to TLS before it signs in, `smtps:` is TLS from the start.
    """
    scheme, _, rest = url.partition(":")
    if scheme == "console":
        return {"EMAIL_BACKEND": f"{BACKENDS}.console.EmailBackend"}
    if scheme == "memory":
        return {"EMAIL_BACKEND": f"{BACKENDS}.locmem.EmailBackend"}
    if scheme == "file" and rest:
        # Not decoded: it is a folder's name, which may hold any character.
        backend = f"{BACKENDS}.filebased.EmailBackend"
        return {"EMAIL_BACKEND": backend, "EMAIL_FILE_PATH": rest}
    parts = urlsplit(url)
    if scheme not in SMTP_PORTS or not parts.hostname:
        raise ValueError(
            "mail goes to console:, memory:, file:FOLDER,"
            " or smtp[+tls|s]://user:password@host:port"
        )
    return {
        "EMAIL_BACKEND": f"{BACKENDS}.smtp.EmailBackend",
        "EMAIL_HOST": parts.hostname,
        "EMAIL_PORT": parts.port or SMTP_PORTS[scheme],
        "EMAIL_HOST_USER": unquote(parts.username or ""),
        "EMAIL_HOST_PASSWORD": unquote(parts.password or ""),
        "EMAIL_USE_TLS": scheme == "smtp+tls",
        "EMAIL_USE_SSL": scheme == "smtps",
    }
