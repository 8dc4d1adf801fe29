"""Seals what is kept sealed under the newest key, so that older ones can be dropped."""

import logging

from accounts.models import Authenticator
from opencore.sealing import reseal

log = logging.getLogger(__name__)


def reseal_authenticators() -> int:
    """Seal each authenticator's secret under the newest key; return how many.

    One that is changed meanwhile stays as it was changed. Raises SealBroken for one that
    none of the keys sealed, and leaves the others to the next time.
    """
    sealed = Authenticator.objects.values_list("id", "sealed_secret")
    done = 0
    for authenticator_id, secret in sealed.order_by("id").iterator():
        same = Authenticator.objects.filter(id=authenticator_id, sealed_secret=secret)
        done += same.update(sealed_secret=reseal(secret))
    log.info("authenticators sealed anew", extra={"authenticators": done})
    return done
