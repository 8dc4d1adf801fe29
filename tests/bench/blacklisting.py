"""Settings of the refresh bench: ours, and simplejwt's own rotation and blacklist."""

from opencore.settings import test

globals().update({name: each for name, each in vars(test).items() if name.isupper()})

INSTALLED_APPS = [*test.INSTALLED_APPS, "rest_framework_simplejwt.token_blacklist"]
SIMPLE_JWT = {
    **test.SIMPLE_JWT,
    "ROTATE_REFRESH_TOKENS": True,
    "BLACKLIST_AFTER_ROTATION": True,
}
