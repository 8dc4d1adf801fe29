"""Codes of authenticator apps (RFC 6238): six digits, a new one each half a minute."""

import hmac
from datetime import datetime

import pyotp

ISSUER = "OpenCore"
STEP = 30  # seconds
# Clocks of phones differ: the code before and the code after are right, too.
WINDOW = 1


def new_secret() -> str:
    """Return a secret for an app and for us, in base32."""
    return pyotp.random_base32()


def uri_of(secret: str, *, account: str) -> str:
    """Return what an app reads from a QR code to know the secret."""
    return pyotp.TOTP(secret, interval=STEP).provisioning_uri(
        name=account, issuer_name=ISSUER
    )


def code_of(secret: str, *, now: datetime) -> str:
    """Return the code that an app with this secret shows."""
    return pyotp.TOTP(secret, interval=STEP).at(now)


def step_of(secret: str, code: str, *, now: datetime) -> int | None:
    """Return the step of time whose code this is; None if it is of none near now."""
    totp, step = pyotp.TOTP(secret, interval=STEP), int(now.timestamp()) // STEP
    found = None
    for near in range(step - WINDOW, step + WINDOW + 1):
        if hmac.compare_digest(totp.generate_otp(near), code):
            found = near
    return found
