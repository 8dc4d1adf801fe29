"""The words of each notification; a text with a hole in it is never sent."""

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from string import Template

FOLDER = Path(__file__).resolve().parent.parent / "templates" / "notifications"


@dataclass(frozen=True, slots=True)
class Text:
    """A line that says what it is about, and the rest."""

    title: str
    body: str


def render(kind: str, **words: str) -> Text:
    """Return the text of this type; raises KeyError for a word that it lacks."""
    title, _, body = _template(kind).substitute(words).partition("\n\n")
    return Text(title=title, body=body.strip() + "\n")


@lru_cache(maxsize=32)
def _template(kind: str) -> Template:
    return Template((FOLDER / f"{kind}.txt").read_text("utf-8"))


def clock_time(moment: datetime) -> str:
    """Return a moment of today, as a text says it."""
    return f"{moment.astimezone(UTC):%H:%M} UTC"


def day_and_time(moment: datetime) -> str:
    """Return a moment of any day, as a text says it."""
    return f"{moment.astimezone(UTC):%Y-%m-%d at %H:%M} UTC"
