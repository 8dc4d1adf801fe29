"""What may happen next, as values: Hypothesis draws them, and shows them on a failure."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from hypothesis import strategies as st

from tests.outbox.stateful.broker import Answer
from tests.outbox.stateful.stage import SENDERS, WRITERS

# Two of them share a lane.
NAMES = ("ada", "mallory", "grace")


class Then(StrEnum):
    """How far a writer goes after it has emitted."""

    WAIT = "wait"
    WRITE = "write"
    COMMIT = "commit"


class How(StrEnum):
    """How a transaction ends."""

    COMMIT = "commit"
    ROLL_BACK = "roll back"
    CRASH = "crash"


class Deed(StrEnum):
    """What others do, also while a relay waits for the broker."""

    LANES_ARE_LOST = "the_lanes_are_lost"
    ANOTHER_TURN = "another_relay_has_its_turn"
    CRASH = "this_relay_crashes"
    RETRIES_ARE_DUE = "retries_are_due"
    CURE = "poison_is_cured"
    WRITERS_COMMIT = "writers_commit"
    TELL_OF_ADA = "somebody_tells_of_ada"
    HOLD = "keys_are_held"
    RELEASE = "keys_are_released"
    SKIP = "events_are_skipped"
    REPLAY = "a_letter_is_replayed"
    DISCARD = "a_letter_is_discarded"


@dataclass(frozen=True)
class Tell:
    """A writer emits in its transaction."""

    writer: int
    name: str
    poisoned: bool
    then: Then


@dataclass(frozen=True)
class TellAFew:
    """Some transactions, one after the other."""

    told: Sequence[tuple[str, bool]]


@dataclass(frozen=True)
class EndOne:
    """The oldest or the newest transaction that is open ends."""

    oldest: bool
    how: How


@dataclass(frozen=True)
class Relaying:
    """A relay has a turn, and others act before the broker takes or answers."""

    sender: int
    answer: Answer
    takes_lanes: bool
    looks_anew: bool
    before_sending: Sequence[Deed]
    before_answering: Sequence[Deed]


@dataclass(frozen=True)
class RelayingAFew:
    """A relay has a few quiet turns, and maybe ends in good order."""

    sender: int
    ends: bool


@dataclass(frozen=True)
class Meanwhile:
    """Others act."""

    sender: int
    deeds: Sequence[Deed]


Step = Tell | TellAFew | EndOne | Relaying | RelayingAFew | Meanwhile

seldom = st.sampled_from([False, False, False, True])
names = st.sampled_from(["ada", *NAMES])
senders = st.integers(0, SENDERS - 1)
deeds = st.lists(st.sampled_from(Deed), max_size=2)
# One strategy, not a rule for each: Hypothesis leaves rules out, and then nothing
# happens in most examples.
steps: st.SearchStrategy[Step] = st.one_of(
    st.builds(
        Tell,
        st.integers(0, WRITERS - 1),
        names,
        seldom,
        st.sampled_from([Then.WRITE, *Then]),
    ),
    st.builds(TellAFew, st.lists(st.tuples(names, seldom), min_size=1, max_size=3)),
    st.builds(EndOne, st.booleans(), st.sampled_from([How.COMMIT, *How])),
    st.builds(
        Relaying,
        sender=senders,
        answer=st.sampled_from([Answer.OK, Answer.OK, *Answer]),
        takes_lanes=st.sampled_from([True, True, True, False]),
        looks_anew=st.booleans(),
        before_sending=deeds,
        before_answering=deeds,
    ),
    st.builds(RelayingAFew, senders, seldom),
    st.builds(Meanwhile, senders, deeds),
)
