"""What a refresh of ours costs beside simplejwt's, which rotates and blacklists, too.

In a process of its own, for simplejwt's tables need an app that OpenCore has not. Four
clients renew tokens, each those of its own session; the views are called as they are,
without what stands before them, by the same DRF.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path
from typing import Any

from tests.bench.figures import Result, Rounds, Sample, Say, interleaved, timed

ROOT = Path(__file__).resolve().parents[2]
SETTINGS = "tests.bench.blacklisting"
CLIENTS = 4
THEIRS = "simplejwt's TokenRefreshView, rotating and blacklisting"
OURS = "RefreshView, one statement that compares and swaps"
THEIR_CORE = "simplejwt's serializer, without the view"
OUR_CORE = "refresh_session(), without the view"
# What a server says of a request; the framework's factory of requests for tests takes
# a tenth of the time of a refresh, which is nobody's.
ENVIRON = {
    "REQUEST_METHOD": "POST",
    "PATH_INFO": "/",
    "CONTENT_TYPE": "application/json",
    "SERVER_NAME": "testserver",
    "SERVER_PORT": "80",
    "wsgi.url_scheme": "http",
}

Renew = Callable[[str], str]


def measure(*, events: int, rounds: int, say: Say) -> Result:
    """Measure how many refreshes a second are answered."""
    each = max(events // 400, 5)
    ended = subprocess.run(
        [sys.executable, "-m", "tests.bench.refresh", str(each), str(rounds)],
        cwd=ROOT,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": SETTINGS},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    samples = json.loads(ended.stdout)
    found = Rounds(
        bench="refresh",
        unit="refreshes/s",
        samples={
            name: [Sample(*sample) for sample in each] for name, each in samples.items()
        },
    )
    say(f"refresh: {OURS} is {found.ratio(OURS, THEIRS):.1f} x {THEIRS}")
    return Result(found.figures(), [found.at_least(8, OURS, of=THEIRS)])


def main() -> None:
    """Measure each way in turn, and print what they came to."""
    import django  # noqa: PLC0415 -- settings are read when it is set up

    django.setup()
    from django.core.management import call_command  # noqa: PLC0415 -- as above

    call_command("migrate", "token_blacklist", verbosity=0)
    each, rounds = int(sys.argv[1]), int(sys.argv[2])
    try:
        found = interleaved(
            "refresh",
            _ways(each),
            rounds=rounds,
            unit="refreshes/s",
            say=lambda line: print(line, file=sys.stderr),  # noqa: T201 -- a program
        )
    finally:
        _leave_nothing()
    samples = {
        name: [(sample.value, sample.cpu_us) for sample in all_of]
        for name, all_of in found.samples.items()
    }
    json.dump(samples, sys.stdout)


def _ways(each: int) -> dict[str, Callable[[], Sample]]:
    from rest_framework_simplejwt.views import (  # noqa: PLC0415 -- once Django is set up
        TokenRefreshView,
    )

    from accounts.views.signing_in import RefreshView  # noqa: PLC0415 -- as above

    theirs = _through(TokenRefreshView.as_view(), "refresh", "refresh")
    ours = _through(RefreshView.as_view(), "refresh_token", "refresh_token")
    return {
        THEIRS: lambda: _renewing(_their_tokens(), theirs, each),
        OURS: lambda: _renewing(_our_tokens(), ours, each),
        THEIR_CORE: lambda: _renewing(_their_tokens(), _their_core, each),
        OUR_CORE: lambda: _renewing(_our_tokens(), _our_core, each),
    }


def _renewing(tokens: list[str], renew: Renew, each: int) -> Sample:
    def all_clients() -> None:
        with ThreadPoolExecutor(CLIENTS) as clients:
            done = [
                clients.submit(_renew_often, token, renew, each) for token in tokens
            ]
            for one in done:
                one.result()

    return timed(CLIENTS * each, all_clients)


def _renew_often(token: str, renew: Renew, times: int) -> None:
    from django.db import connection  # noqa: PLC0415 -- as above

    try:
        for _ in range(times):
            token = renew(token)
    finally:
        connection.close()


def _through(view: Any, asked: str, answered: str) -> Renew:  # noqa: ANN401 -- any view
    from django.core.handlers.wsgi import WSGIRequest  # noqa: PLC0415 -- as above

    def renew(token: str) -> str:
        body = json.dumps({asked: token}).encode()
        request = WSGIRequest(
            {
                **ENVIRON,
                "CONTENT_LENGTH": str(len(body)),
                "wsgi.input": BytesIO(body),
            }
        )
        answer = json.loads(view(request).render().content)
        return str(answer[answered])

    return renew


def _our_core(token: str) -> str:
    from django.utils import timezone  # noqa: PLC0415 -- as above

    from accounts.services import refresh_session  # noqa: PLC0415 -- as above

    return refresh_session(refresh_token=token, now=timezone.now()).refresh_token


def _their_core(token: str) -> str:
    from rest_framework_simplejwt.serializers import (  # noqa: PLC0415 -- as above
        TokenRefreshSerializer,
    )

    serializer = TokenRefreshSerializer(data={"refresh": token})
    serializer.is_valid(raise_exception=True)
    return str(serializer.validated_data["refresh"])


def _our_tokens() -> list[str]:
    from django.utils import timezone  # noqa: PLC0415 -- as above

    from accounts.services.sessions import open_session  # noqa: PLC0415 -- as above

    now = timezone.now()
    return [
        open_session(user=user, ip=None, user_agent="", now=now).refresh_token
        for user in _people()
    ]


def _their_tokens() -> list[str]:
    from rest_framework_simplejwt.tokens import RefreshToken  # noqa: PLC0415 -- as above

    return [str(RefreshToken.for_user(user)) for user in _people()]


def _people() -> list[Any]:
    from accounts.services import find_or_create_user  # noqa: PLC0415 -- as above

    return [
        find_or_create_user(email=f"client-{number}@example.com", actor_id=None)
        for number in range(CLIENTS)
    ]


def _leave_nothing() -> None:
    from django.db import connection  # noqa: PLC0415 -- as above

    with connection.cursor() as cursor:
        cursor.execute(
            "drop table token_blacklist_blacklistedtoken,"
            " token_blacklist_outstandingtoken"
        )
        cursor.execute("delete from django_migrations where app = 'token_blacklist'")
        cursor.execute("set session_replication_role = replica")
        cursor.execute(
            "truncate accounts_user, accounts_session, accounts_auditentry,"
            " accounts_auditpersonal, outbox_event cascade"
        )
        cursor.execute("set session_replication_role = origin")


if __name__ == "__main__":
    main()
