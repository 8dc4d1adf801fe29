"""Writers, relays, a broker and an operator, whose steps come in any order."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from uuid import UUID

from django.db import OperationalError
from django.test import override_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from opencore.events.user.v1 import UserCreated
from outbox.actions import ActionRefused
from outbox.holding import hold_key
from outbox.models import Replay
from outbox.releasing import release_key, skip_event
from outbox.replay import Selection, replay
from tests.outbox.events import person
from tests.outbox.stateful.broker import Broker
from tests.outbox.stateful.promises import Truth, Violation, check, check_quiet
from tests.outbox.stateful.senders import Sender, Turn
from tests.outbox.stateful.stage import SENDERS, Stage
from tests.outbox.stateful.steps import (
    NAMES,
    Deed,
    EndOne,
    How,
    Meanwhile,
    Relaying,
    RelayingAFew,
    Step,
    Tell,
    TellAFew,
    Then,
    steps,
)
from tests.outbox.stateful.store import Held
from tests.outbox.stateful.writers import Writer

MOST_RETRIES = 3
ENOUGH = 100
TOPIC = UserCreated.topic()
ACTOR, REASON = "grace@example.com", "the machine wants it"


class OutboxMachine(RuleBasedStateMachine):
    """The outbox's own code, step by step, beside what its promises make of it."""

    stage: Stage

    def __init__(self) -> None:
        super().__init__()
        self.broker, self.truth = Broker(), Truth()
        self.store, self.writers = self.stage.store, self.stage.writers
        self.store.empty()
        self.stage.examples += 1
        self.acting = 0
        self.broken = False

    @initialize(rows=st.integers(1, 3), attempts=st.sampled_from([1, 2, 2]))
    def begin(self, rows: int, attempts: int) -> None:
        self.settings = override_settings(
            OUTBOX_BATCH_ROWS=rows, OUTBOX_MAX_ATTEMPTS=attempts
        )
        self.settings.enable()
        self.senders = [
            Sender(self.broker, self.store, self.truth, self.stage.connections)
            for _ in range(SENDERS)
        ]

    @rule(step=steps)
    def act(self, step: Step) -> None:
        with self._noting_violations():
            self._take(step)

    def _take(self, step: Step) -> None:
        match step:
            case Tell():
                self._tell(step)
            case TellAFew():
                self._tell_a_few(step.told)
            case EndOne():
                self._end(step)
            case Relaying():
                self._relay(step)
            case RelayingAFew():
                self._relay_a_few(step)
            case Meanwhile():
                self.acting = step.sender
                self._do(step.deeds)

    def _tell(self, step: Tell) -> None:
        writer = self.writers[step.writer]
        if writer.written:
            self._commit(writer)
        event_id = writer.tell_of(step.name)
        if step.poisoned:
            self.broker.poison.add(event_id)
            self.truth.poisoned.add(event_id)
        if step.then is Then.WRITE:
            writer.write()
        elif step.then is Then.COMMIT:
            self._commit(writer)

    def _tell_a_few(self, told: Sequence[tuple[str, bool]]) -> None:
        busy = [writer.is_open for writer in self.writers]
        idle = busy.index(False) if False in busy else 0
        for name, poisoned in told:
            self._tell(Tell(idle, name, poisoned, Then.COMMIT))

    def _end(self, step: EndOne) -> None:
        open_ones = [writer for writer in self.writers if writer.is_open]
        for writer in open_ones[:1] if step.oldest else open_ones[-1:]:
            if step.how is How.COMMIT:
                self._commit(writer)
            elif step.how is How.ROLL_BACK:
                writer.roll_back()
            else:
                writer.crash(self.store.wait_until_gone)

    def _relay(self, step: Relaying) -> None:
        self.acting = step.sender
        self.senders[step.sender].take_turn(
            Turn(
                step.answer,
                step.takes_lanes,
                step.looks_anew,
                partial(self._do, step.before_sending),
                partial(self._do, step.before_answering),
            )
        )

    def _relay_a_few(self, step: RelayingAFew) -> None:
        for _ in range(3):
            self.senders[step.sender].take_turn(Turn())
        if step.ends:
            self.senders[step.sender].give_back()

    # What others do

    def the_lanes_are_lost(self) -> None:
        self.store.let_leases_run_out()
        self.senders[1 - self.acting].take_lanes()

    def another_relay_has_its_turn(self) -> None:
        self.senders[1 - self.acting].take_turn(Turn())

    def this_relay_crashes(self) -> None:
        self.senders[self.acting].crash()

    def retries_are_due(self) -> None:
        self.store.let_retries_be_due()

    def poison_is_cured(self) -> None:
        self.broker.poison.clear()

    def writers_commit(self) -> None:
        for writer in self.writers:
            self._commit(writer)

    def somebody_tells_of_ada(self) -> None:
        self._tell_a_few([("ada", False)])

    def keys_are_held(self) -> None:
        for name in NAMES:
            self._operate(hold_key, scope="relay", topic=TOPIC, key=str(person(name)))

    def keys_are_released(self) -> None:
        self._release(self.store.held())

    def events_are_skipped(self) -> None:
        for held in self.store.held():
            self._operate(skip_event, scope="relay", topic=held.topic, key=held.key)

    def a_letter_is_replayed(self) -> None:
        self._decide(Replay.Action.REPLAY, limit=1)

    def a_letter_is_discarded(self) -> None:
        self._decide(Replay.Action.DISCARD, limit=1)

    # Proofs

    @invariant()
    def promises_hold(self) -> None:
        with self._noting_violations():
            check(self.truth, self.broker, self.store.places())

    def teardown(self) -> None:
        try:
            if not self.broken:
                with override_settings(OUTBOX_BATCH_ROWS=ENOUGH):
                    self._heal()
                check(self.truth, self.broker, self.store.places())
                check_quiet(self.broker, self.store.places())
        finally:
            for each in self.senders:
                each.close()
            for writer in self.writers:
                writer.stop()
            self.settings.disable()

    @contextmanager
    def _noting_violations(self) -> Iterator[None]:
        try:
            yield
        except Violation:
            self.broken = True
            raise

    def _heal(self) -> None:
        self.broker.poison.clear()
        for writer in self.writers:
            writer.stop()
        self._release(self.store.held_by_operators())
        self._decide(Replay.Action.REPLAY, limit=None)
        # First without the retries: nothing may pass an event that is tried again.
        self._relay_until_quiet()
        for _ in range(MOST_RETRIES):
            self.store.let_retries_be_due()
            self._relay_until_quiet()
            # What failed or died under an operator's hold needs another decision.
            self._release(self.store.held_by_operators())
            self._decide(Replay.Action.REPLAY, limit=None)
            self._relay_until_quiet()

    def _relay_until_quiet(self) -> None:
        before: list[UUID] = []
        while (now := sorted(self.store.places().pending)) != before:
            before = now
            self.store.let_leases_run_out()
            for sender in self.senders:
                # One that was superseded ends in its first turn.
                sender.take_turn(Turn())
                sender.take_turn(Turn())

    def _commit(self, writer: Writer) -> None:
        if writer.is_open:
            self.truth.add(writer.commit())

    def _do(self, deeds: Sequence[Deed]) -> None:
        for deed in deeds:
            getattr(self, deed)()

    def _release(self, held: Sequence[Held]) -> None:
        for each in held:
            self._operate(release_key, scope="relay", topic=each.topic, key=each.key)

    def _decide(self, action: Replay.Action, *, limit: int | None) -> None:
        if self.store.places().dead:
            self._operate(
                replay,
                selection=Selection(),
                action=action,
                limit=limit,
                rate=None,
                stop_on_failure_rate=None,
            )

    def _operate(self, deed: Callable[..., object], **what: object) -> None:
        """Let an operator try; what is refused changes nothing."""
        with (
            self.stage.operator.at_work(),
            suppress(ActionRefused, OperationalError),
        ):
            deed(**what, actor=ACTOR, reason=REASON)
