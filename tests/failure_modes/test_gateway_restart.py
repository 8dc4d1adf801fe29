"""The gateway restarts: the limits go on where they were, tokens are still verified."""

import os
import signal
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from uuid import uuid4

from opencore.localservices.parts import PARTS
from opencore.localservices.places import answers
from opencore.tokens import mint_access
from tests.failure_modes.conftest import BURST, StrictGateway
from tests.failure_modes.people import sign_up
from tests.failure_modes.system import System, Visitor
from tests.ports import free_port


def test_who_spent_the_burst_before_a_restart_waits_after_it(
    system: System, strict: StrictGateway
) -> None:
    strict.visitor.token = sign_up(system).visitor.token
    before = [strict.visitor.ask("GET", "/users/me").status for _ in range(BURST)]

    strict.stop()
    strict.start()

    after = strict.visitor.ask("GET", "/users/me")
    assert before == [200] * BURST
    assert (after.status, after.body["code"]) == (429, "rate_limited")
    assert int(after.headers["Retry-After"]) > 0


def test_nobody_comes_in_without_a_token_after_a_restart(
    system: System, strict: StrictGateway
) -> None:
    assert "GATEWAY_JWT" not in system.environment

    strict.stop()
    strict.start()

    # Well formed, but signed with a key that is not the system's.
    strict.visitor.token = mint_access(
        user_id=uuid4(), session_id=uuid4(), role="operator", now=datetime.now(UTC)
    )
    forged = strict.visitor.ask("GET", "/users/me")
    strict.visitor.token = ""
    none = strict.visitor.ask("GET", "/users/me")
    assert (forged.status, forged.body["code"]) == (401, "token_invalid")
    assert (none.status, none.body["code"]) == (401, "unauthenticated")


def test_a_gateway_that_is_told_to_stop_drains_first(system: System) -> None:
    port = free_port()
    (api,) = (part for part in PARTS if part.name == "api")
    child = system.run("draining", *api.command(port), DRAIN_SECONDS="5")
    visitor = Visitor(f"http://127.0.0.1:{port}", sign_up(system).visitor.token)
    system.until(lambda: answers(port), "the gateway answers")
    # The port is open a moment before SIGTERM is heard as a wish to drain.
    before = visitor.ask("GET", "/livez")

    os.kill(child.pid, signal.SIGTERM)
    system.until(
        lambda: visitor.ask("GET", "/readyz").status == 503, "readiness says so"
    )
    ready = visitor.ask("GET", "/readyz")
    with ThreadPoolExecutor(4) as threads:
        served = list(
            threads.map(lambda _: visitor.ask("GET", "/users/me").status, range(40))
        )

    assert before.status == 200
    assert ready.body["reason"] == "draining"
    assert served == [200] * 40
    system.until(lambda: not child.running, "it ends")
    assert child.status == 0
    del system.children["draining"]
