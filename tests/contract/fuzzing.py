"""Asks for every operation with what its description allows, and with what it forbids.

Schemathesis makes the requests from the description that the product itself gives out,
and holds each answer against it by all of its checks. The product answers as it does in
production: through its middleware, on the real PostgreSQL and as the role of the API.
"""

import logging
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from ipaddress import IPv6Address
from random import Random
from typing import Any
from unittest import mock

import schemathesis
from django.core.handlers.wsgi import WSGIHandler
from django.db import connections
from schemathesis.config import SchemathesisConfig
from schemathesis.core.failures import Failure
from schemathesis.core.transport import Response
from schemathesis.engine import events, from_schema
from schemathesis.engine.recorder import ScenarioRecorder
from schemathesis.generation.case import Case
from schemathesis.hooks import HookContext
from schemathesis.transport.wsgi import WSGI_TRANSPORT

from tests.contract.beyond import is_beyond_description
from tests.contract.fuzzers import Fuzzer
from tests.lending import Lending

# How long all who ask take together; `make fuzz` takes ten minutes.
SECONDS = float(os.environ.get("FUZZ_SECONDS", "60"))
# All checks run. These three would know other statuses than ours: who names no version
# is refused by 428, who names an old one by 412, and a server that fails refuses nothing.
CONFIG: dict[str, Any] = {
    "continue-on-failure": True,
    "generation": {"database": "none"},
    "checks": {
        "missing_required_header": {"expected-statuses": [400, 401, 403, 428]},
        "negative_data_rejection": {
            "expected-statuses": [400, 401, 403, 404, 405, 409, 412, 415, 422, 428, 429]
        },
        "positive_data_acceptance": {
            "expected-statuses": ["2xx", "3xx", 401, 403, 404, 409, 429]
        },
    },
}
# The engine names these to every transport, but they are of HTTP alone.
OF_HTTP = ("max_redirects", "verify", "cert", "proxies")
Application = Callable[[dict[str, Any], Any], Iterable[bytes]]
application = WSGIHandler()
send = WSGI_TRANSPORT.send


@dataclass
class Run:
    """What came of a run."""

    # The statuses that came back, by operation.
    answered: dict[str, Counter[int]] = field(default_factory=dict)
    # The operations that did at least once what they are for.
    succeeded: set[str] = field(default_factory=set)
    phases: set[str] = field(default_factory=set)
    # What is wrong with an operation, with the first request that shows it.
    failures: dict[str, str] = field(default_factory=dict)
    # Who took a connection to the database and did not give it back.
    kept: list[str] = field(default_factory=list)

    def shown(self) -> str:
        """Return it in words."""
        statuses = sum(self.answered.values(), Counter[int]())
        never = sorted(self.answered.keys() - self.succeeded)
        return "\n".join(
            [
                f"{statuses.total()} requests to {len(self.answered)} operations",
                f"answered {dict(sorted(statuses.items()))}",
                f"in the phases {', '.join(sorted(self.phases))}",
                f"never with success: {', '.join(never)}",
                f"keeping {len(self.kept)} connections: {', '.join(self.kept)}",
                *(f"{what}\n    {how}" for what, how in self.failures.items()),
            ]
        )


def fuzz(fuzzer: Fuzzer, *, seconds: float, seed: int) -> Run:
    """Let somebody ask for so long, and return what came of it."""
    run, lending = Run(), Lending()
    config = SchemathesisConfig.from_dict({**CONFIG, "seed": seed})
    with _hooked(fuzzer), _quiet(), lending.watched():
        schema = schemathesis.openapi.from_wsgi(
            "/openapi.json",
            as_served(lending, seed=seed),
            config=config,
        )
        schema.config.max_time = round(seconds)
        if fuzzer.is_somebody:
            schema.auth(refresh_interval=None)(fuzzer.tokens())
        for event in from_schema(schema).execute():
            _note(event, run)
        connections.close_all()
    run.kept = lending.kept()
    return run


def as_served(lending: Lending, *, seed: int) -> Application:
    """Return the product as a server serves it: to anybody, and to each to the end."""
    random = Random(seed)  # noqa: S311 -- it decides no secret

    def answer(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:  # noqa: ANN401 -- as WSGI has it
        # No network asks so often that a brake stops it.
        network = 0x20010DB8 << 96 | random.getrandbits(32) << 64
        environ["REMOTE_ADDR"] = str(IPv6Address(network + 1))
        asked = f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}"
        # Werkzeug's client closes no answer. Then the request never ends, and its thread
        # takes the connection into its grave.
        with (
            lending.named(asked),
            closing(application(environ, start_response)) as response,
        ):
            return list(response)

    return answer


@contextmanager
def _hooked(fuzzer: Fuzzer) -> Iterator[None]:
    def filter_failure(
        context: HookContext,
        failure: Failure,
        case: Case[Any],
        response: Response,
    ) -> bool:
        return not is_beyond_description(failure, case, response)

    def before_call(
        context: HookContext,
        case: Case[Any],
        kwargs: dict[str, Any],
    ) -> None:
        fuzzer.reach(case)

    def send_in_process(case: Case[Any], **kwargs: Any) -> Response:
        known = {name: kwargs[name] for name in kwargs if name not in OF_HTTP}
        return send(case, **known)

    schemathesis.hook(filter_failure)
    schemathesis.hook(before_call)
    try:
        with mock.patch.object(WSGI_TRANSPORT, "send", send_in_process):
            yield
    finally:
        schemathesis.hooks.unregister_all()


@contextmanager
def _quiet() -> Iterator[None]:
    # Thousands of requests write more than anybody reads, and pytest keeps all of it.
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)


def _note(event: events.EngineEvent, run: Run) -> None:
    match event:
        case events.FatalError():
            raise event.exception
        case events.NonFatalError():
            run.failures[f"{event.label}: {event.value!r:.200}"] = str(event.info)
        case events.ScenarioFinished():
            run.phases.add(event.phase.value)
            _note_answers(event.recorder, run)
            _note_failures(event.recorder, run)


def _note_answers(recorder: ScenarioRecorder, run: Run) -> None:
    for case_id, interaction in recorder.interactions.items():
        if case_id not in recorder.cases or interaction.response is None:
            continue
        case, status = recorder.cases[case_id].value, interaction.response.status_code
        operation = case.operation.definition.raw["operationId"]
        run.answered.setdefault(operation, Counter())[status] += 1
        # Some ask by other methods than the operation's, as OPTIONS, which is free.
        if status < 300 and case.method.upper() == case.operation.method.upper():
            run.succeeded.add(operation)


def _note_failures(recorder: ScenarioRecorder, run: Run) -> None:
    for case_id, checks in recorder.checks.items():
        for check in checks:
            if check.failure_info is None:
                continue
            failure = check.failure_info.failure
            said = _said(recorder, case_id)
            run.failures.setdefault(
                f"{failure.operation}: {check.name}: {said[:60]}",
                f"{check.failure_info.code_sample}\n{failure.message}\n{said}",
            )


def _said(recorder: ScenarioRecorder, case_id: str) -> str:
    response = recorder.interactions[case_id].response
    content = b"" if response is None else response.content or b""
    return content.decode(errors="replace")[-1000:]
