"""The system that the nemesis breaks: services behind lines, and writers beside it."""

import shutil
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from threading import Event
from time import monotonic
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import psycopg

from opencore.localservices.kafka import Kafka
from opencore.localservices.parts import PYTHON
from opencore.localservices.process import Child
from opencore.localservices.services import VARIABLES
from tests.chaos.checker import Sighting
from tests.chaos.line import Line
from tests.chaos.observer import all_sightings
from tests.failure_modes.system import LOOK_AGAIN, System

WRITERS = ("first writer", "second writer")
KEYS = 12
RECOVERS_WITHIN = 120.0
RELAY = ("manage.py", "outbox_relay")
# Beside the processes of a deployment, by the same names.
MORE: Mapping[str, tuple[str, ...]] = {
    "second relay": RELAY,
    "hasty relay": RELAY,
    "first greedy relay": ("-m", "tests.chaos.greedy_relay"),
    "second greedy relay": ("-m", "tests.chaos.greedy_relay"),
    "third greedy relay": ("-m", "tests.chaos.greedy_relay"),
    "second consumer": ("manage.py", "consume_events", "--group", "notifications"),
    "second beat": (
        *("-m", "celery", "--app", "opencore", "beat", "--loglevel", "WARNING"),
        *("--schedule", ".local/chaos/second-beat"),
    ),
}
ENVIRONMENTS: Mapping[str, Mapping[str, str]] = {
    "hasty relay": {"DJANGO_SETTINGS_MODULE": "tests.chaos.hasty"},
}
WRITER_NAME = "chaos-writer"


class Lab(System):
    """Services of the suite's own; every process reaches them over a line."""

    def __init__(self) -> None:
        super().__init__("chaos")
        self.lines: dict[str, Line] = {}
        self.kills = 0
        self.kept: list[Sighting] = []
        self.empty_until = datetime.min.replace(tzinfo=UTC)

    def start(self) -> None:
        """Start the services, with an empty database and an empty Kafka."""
        self.services.start(("postgres", "redis"), wait=True)
        places = self.services.places
        self.lines["kafka"] = Line(places.port("kafka line"), places.port("kafka"))
        kafka = Kafka(
            places,
            say=lambda _line: None,
            advertised_port=self.lines["kafka"].port,
        )
        self.services.embedded["kafka"] = kafka
        self.forget_log()
        kafka.start()
        for name in ("postgres", "redis"):
            target = urlsplit(self.services.embedded[name].url).port or 0
            self.lines[name] = Line(places.port(f"{name} line"), target)
        self.services.wait_ready(("postgres",))
        # A run that was broken off may have left some.
        self._forget_settings()
        self.prepare()
        self.environment["DJANGO_SETTINGS_MODULE"] = "tests.chaos.settings"
        self.sql_script(TABLES)

    def stop(self) -> None:
        """End all of it."""
        super().stop()
        for line in self.lines.values():
            line.close()

    def urls(self) -> dict[str, str]:
        """Return where processes find the services: at the ends of the lines."""
        urls = self.services.urls()
        for name, variable in VARIABLES.items():
            port = urls[variable].rpartition(":")[2].partition("/")[0]
            urls[variable] = urls[variable].replace(
                f":{port}", f":{self.lines[name].port}"
            )
        return urls

    def heal(self) -> None:
        """Undo what was done to services and lines; a healthy one stays as it is."""
        for line in self.lines.values():
            line.open()
        for name, service in self.services.embedded.items():
            if service.child is None or not service.child.running:
                service.forget()
                self.start_service(name)
            else:
                service.child.resume()
        self._forget_settings()

    def forget_log(self) -> None:
        """Let Kafka's disk be empty when it starts the next time."""
        shutil.rmtree(self.services.places.home / "kafka" / "data", ignore_errors=True)

    def pause(self, seconds: float) -> None:
        """Let things take their course."""
        Event().wait(seconds)

    def only(self, names: Iterable[str]) -> None:
        """Run these processes and no others."""
        wanted = tuple(names)
        for name in set(self.children) - set(wanted):
            self.children.pop(name).kill()
        for name in wanted:
            if name not in self.children or not self.children[name].running:
                self.launch(name)

    def launch(self, name: str, **environment: str) -> Child:
        """Start a process by its name."""
        if name not in MORE:
            return super().launch(name, **environment)
        command = (PYTHON, *MORE[name])
        return self.run(name, *command, **{**ENVIRONMENTS.get(name, {}), **environment})

    def service(self, name: str) -> Child:
        """Return the process of PostgreSQL, Redis or Kafka."""
        child = self.services.embedded[name].child
        assert child is not None
        return child

    def crash_service(self, name: str, *, down_for: float) -> None:
        """End a service with SIGKILL, and start it again over what it kept."""
        self.kill_service(name)
        self.pause(down_for)
        self.start_service(name)

    def kill_relay(self, name: str) -> None:
        """End a relay with SIGKILL, and count it."""
        self.kill(name)
        self.kills += 1

    def keep_sightings(self) -> None:
        """Remember what Kafka's log holds, before it is erased."""
        self.kept = all_sightings(self)

    def leader(self, among: Iterable[str]) -> str | None:
        """Return which of these relays holds the lanes."""
        owner = self.sql("select max(owner) from outbox_lane where lease_until > now()")
        pid = int(owner.split(":")[1]) if owner else 0
        names = [name for name in among if self.children[name].pid == pid]
        return names[0] if names else None

    def until_led(self, among: Iterable[str]) -> str:
        """Return which of these relays holds the lanes, as soon as one does."""
        names, found = tuple(among), list[str]()

        def led() -> bool:
            found.extend(name for name in [self.leader(names)] if name is not None)
            return bool(found)

        self.until(led, f"one of {names} holds the lanes")
        return found[0]

    def start_writers(self, folder: Path, seed: str, *options: str) -> list[str]:
        """Start processes that write to keys that nobody had before; return those."""
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        keys = [str(uuid4()) for _ in range(KEYS)]
        # So that a consumer knows whom to tell.
        self.sql(RECIPIENTS, keys)
        separator = "&" if "?" in self.urls()["DATABASE_URL"] else "?"
        named = (
            f"{self.urls()['DATABASE_URL']}{separator}application_name={WRITER_NAME}"
        )
        for name in WRITERS:
            self.run(
                name,
                *(PYTHON, "-m", "tests.chaos.writer", "--keys", ",".join(keys)),
                *("--log", str(folder / name), "--seed", f"{seed}:{name}", *options),
                DATABASE_URL=named,
            )
        self.until(lambda: _all_wrote(folder), "all writers write")
        return keys

    def kill_writers(self) -> None:
        """End the writers in the middle of what they do; return when all is decided."""
        for name in WRITERS:
            assert self.children[name].running, self.children[name].tail(20)
            self.children.pop(name).kill()
        self.until(
            lambda: self.sql(CONNECTED, WRITER_NAME) == 0, "the writers are gone"
        )

    def seconds_until_delivered(self) -> float:
        """Return how long it takes from now until all is as it was.

        What waits now is in Kafka then, and something that was written since.
        """
        began = monotonic()
        until_now: Any = None
        while until_now is None:
            until_now = self._ask("select last_value from outbox_event_id_seq")
        self.until(
            lambda: self._ask(RECOVERED, until_now, until_now),
            "it is delivered",
            seconds=RECOVERS_WITHIN,
        )
        return monotonic() - began

    def stored(self, keys: Iterable[str]) -> set[str]:
        """Return the ids of these keys' events, wherever they are stored."""
        return set(self.sql(STORED, *[list(keys)] * 3))

    def held_against_events(self) -> int:
        """Return how many attempts were counted, and events given up."""
        return int(self.sql(COUNTED))

    def _forget_settings(self) -> None:
        self.sql_script("alter system reset all")
        self.sql("select pg_reload_conf()")
        self.until(
            lambda: self.sql("show default_transaction_read_only") == "off",
            "PostgreSQL takes writes",
        )

    def _ask(self, query: str, *arguments: object) -> Any:  # noqa: ANN401 -- a column is any value
        """Return the value, or None while PostgreSQL does not answer."""
        try:
            return self.sql(query, *arguments)
        except psycopg.Error:
            Event().wait(LOOK_AGAIN)
            return None


def _all_wrote(folder: Path) -> bool:
    return all(
        '"acked"' in (folder / name).read_text("utf-8")
        for name in WRITERS
        if (folder / name).exists()
    ) and len(list(folder.iterdir())) == len(WRITERS)


TABLES = """
create table chaos_aggregate (key uuid primary key, version bigint not null);
create table chaos_change (key uuid not null, filler bytea not null);
"""
RECIPIENTS = """
with made as (
    insert into notifications_recipient (user_id, email)
    select key, key || '@example.com' from unnest(%s::uuid[]) as key returning 1
)
select count(*) from made
"""
CONNECTED = "select count(*) from pg_stat_activity where application_name = %s"
RECOVERED = """
select not exists (select from outbox_event where id <= %s)
    and exists (select from outbox_archive where id > %s)
"""
STORED = """
select coalesce(json_agg(event_id), '[]') from (
    select event_id from outbox_event where key = any(%s)
    union all
    select event_id from outbox_archive where key = any(%s)
    union all
    select event_id from outbox_dead_letter where key = any(%s)
) as either
"""
COUNTED = """
select (select count(*) from outbox_attempt) + (select count(*) from outbox_dead_letter)
"""
