"""`make run`: starts everything, keeps it running, and ends it all."""

import os
import signal
import subprocess
import urllib.error
import urllib.request
from dataclasses import dataclass, field, replace
from io import StringIO
from pathlib import Path
from threading import Event, Thread
from time import monotonic
from types import FrameType

from dotenv import dotenv_values
from dotenv.parser import parse_stream

from opencore.localservices.parts import PARTS, PYTHON, Part
from opencore.localservices.places import LocalServiceError
from opencore.localservices.process import Child
from opencore.localservices.services import VARIABLES, LocalServices
from opencore.localservices.state import RunningSystem, myself, wish_folder
from opencore.localservices.terminal import Terminal

TICK = 0.1
LONGEST_BACKOFF = 30.0
STEADY_AFTER = 30.0
API_WITHIN = 60.0
LOOK_FOR_KAFKA_EVERY = 0.5


class _StartInterrupted(Exception):
    """Somebody asked to stop before everything was started."""


@dataclass
class Restarts:
    """How often a part crashed lately, and when it may be started again."""

    crashes: int = 0
    due_at: float = 0.0
    started_at: float = field(default_factory=monotonic)

    def crashed(self) -> float:
        """Note a crash; return the seconds until the next start."""
        if monotonic() - self.started_at > STEADY_AFTER:
            self.crashes = 0
        pause: float = min(0.5 * 2**self.crashes, LONGEST_BACKOFF)
        self.crashes += 1
        self.due_at = monotonic() + pause
        return pause


class Supervisor:
    """One running system in one checkout."""

    def __init__(self, root: Path, terminal: Terminal) -> None:
        self._root = root
        self._terminal = terminal
        self._stop = Event()
        self._starting = False
        self._kafka_trouble = ""
        self._began = monotonic()
        self._state = myself()
        named = {**_dotenv(root), **os.environ}
        self._services = LocalServices(
            root=root, profile="run", say=self._say, environment=named
        )
        self._environment: dict[str, str] = {}
        self._children: dict[str, Child] = {}
        self._restarts: dict[str, Restarts] = {}
        self._down: set[str] = set()
        self._kafka_ready = Event()
        self._port = 0

    def run(self) -> None:
        """Start, watch and end everything. Raises LocalServiceError if it can't."""
        signal.signal(signal.SIGINT, self._asked_to_stop)
        signal.signal(signal.SIGTERM, self._asked_to_stop)
        try:
            self._starting = True
            self._start()
            self._starting = False
            while not self._stop.is_set():
                self._watch()
                self._stop.wait(TICK)
        except _StartInterrupted:
            self._say("Stopped while starting")
        finally:
            self._starting = False
            if self._services.held:
                self._end()

    def _start(self) -> None:
        self._services.start()
        self._port = self._services.places.port("api")
        self._forget_wishes()
        self._describe_services()
        self._environment = self._make_environment()
        self._tell()
        self._look_for_kafka()
        self._services.wait_ready(["postgres"])
        self._step("PostgreSQL accepts connections")
        self._manage("prepare")
        self._step("the database is migrated and seeded")
        self._services.wait_ready(["redis"])
        # The others wait until requests are served: together they would be slow.
        self._launch(PARTS[0])
        self._await_api()
        for part in PARTS[1:]:
            if not part.after_kafka:
                self._launch(part)

    def _watch(self) -> None:
        if self._kafka_ready.is_set() and "relay" not in self._restarts:
            self._begin_with_kafka()
        if self._everything_launched() and not self._state.ready:
            self._state = replace(self._state, ready=True)
            self._tell()
            self._describe_system()
        self._heed_wishes()
        self._terminal.look()
        for name in list(self._restarts):
            self._revive(name)

    def _begin_with_kafka(self) -> None:
        try:
            self._manage("create_topics")
        except LocalServiceError as error:
            self._say_of_kafka(str(error))
            self._kafka_ready.clear()
            self._look_for_kafka()
            return
        self._step("Kafka is ready")
        for part in PARTS:
            if part.after_kafka:
                self._launch(part)

    def _everything_launched(self) -> bool:
        return all(part.name in self._restarts for part in PARTS)

    def _revive(self, name: str) -> None:
        restarts = self._restarts[name]
        child = self._child(name)
        if name in self._down:
            return
        if child is not None and not child.running:
            pause = restarts.crashed()
            self._terminal.say(
                f"ended with status {child.status}; it is started again in {pause:g} s"
                f" (see {child.log})",
                who=name,
            )
            self._children.pop(name, None)
            self._forget_child(name)
            self._tell()
        elif child is None and monotonic() > restarts.due_at:
            self._start_again(name)

    def _start_again(self, name: str) -> None:
        self._restarts[name].started_at = monotonic()
        if name in self._services.embedded:
            try:
                self._services.embedded[name].start()
            except LocalServiceError as error:
                self._terminal.say(str(error), who=name)
        else:
            self._launch(next(part for part in PARTS if part.name == name))
        self._tell()

    def _child(self, name: str) -> Child | None:
        if name in self._services.embedded:
            return self._services.embedded[name].child
        return self._children.get(name)

    def _forget_child(self, name: str) -> None:
        if name in self._services.embedded:
            self._services.embedded[name].forget()

    def _launch(self, part: Part) -> None:
        child = Child(
            part.name,
            part.command(self._port),
            log=self._services.places.logs / f"{part.name}.log",
            env=self._environment,
            cwd=self._root,
            pipe=True,
        )
        self._children[part.name] = child
        self._restarts.setdefault(part.name, Restarts())
        self._terminal.listen(child)

    def _heed_wishes(self) -> None:
        folder = wish_folder(self._root)
        wished = {path.name for path in folder.iterdir()} if folder.exists() else set()
        for name in (wished & set(self._services.embedded)) - self._down:
            self._down.add(name)
            self._services.embedded[name].stop()
            self._services.embedded[name].forget()
            self._terminal.say("is down, as you asked", who=name)
            self._tell()
        for name in self._down - wished:
            self._down.discard(name)
            self._start_again(name)
            self._terminal.say("is started again, as you asked", who=name)

    def _forget_wishes(self) -> None:
        folder = wish_folder(self._root)
        folder.mkdir(exist_ok=True)
        for path in folder.iterdir():
            path.unlink()

    def _look_for_kafka(self) -> None:
        Thread(target=self._await_kafka, daemon=True).start()

    def _await_kafka(self) -> None:
        while not self._stop.wait(LOOK_FOR_KAFKA_EVERY):
            try:
                self._services.wait_ready(["kafka"])
            except LocalServiceError as error:
                self._say_of_kafka(str(error))
            else:
                self._kafka_ready.set()
                return

    def _say_of_kafka(self, trouble: str) -> None:
        if trouble != self._kafka_trouble and "kafka" not in self._down:
            self._kafka_trouble = trouble
            self._terminal.say(trouble, who="kafka")

    def _await_api(self) -> None:
        api, give_up = PARTS[0].name, monotonic() + API_WITHIN
        while not self._stop.is_set():
            try:
                with urllib.request.urlopen(f"{self._url}/readyz", timeout=2):  # noqa: S310 -- our own address
                    self._step("the first request was served")
                    return
            except (urllib.error.URLError, OSError):
                child = self._children[api]
                if not child.running or monotonic() > give_up:
                    raise LocalServiceError(
                        f"The {api} does not serve; it said: {child.tail()}"
                    ) from None
                self._stop.wait(TICK)

    def _manage(self, command: str) -> None:
        done = subprocess.run(
            [PYTHON, "manage.py", command],
            env=self._environment,
            cwd=self._root,
            check=False,
            capture_output=True,
            text=True,
        )
        log = self._services.places.logs / f"{command}.log"
        log.write_text(done.stdout + done.stderr, "utf-8")
        if done.returncode != 0:
            raise LocalServiceError(
                f"manage.py {command} failed: {done.stderr.strip()[-2000:]}"
            )
        if command == "prepare":
            for line in done.stdout.splitlines():
                self._say(f"  {line}")

    @property
    def _url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def _make_environment(self) -> dict[str, str]:
        local = self._services.places.local
        return {
            **_dotenv(self._root),
            **os.environ,
            **self._services.urls(),
            "DJANGO_SETTINGS_MODULE": "opencore.settings.local",
            "OPENCORE_LOCAL_DIR": str(local),
            "OPENCORE_URL": self._url,
            "PUBLIC_URL": self._url,
            # Nobody spreads load here.
            "DRAIN_SECONDS": "0",
            "PYTHONUNBUFFERED": "1",
        }

    def _tell(self) -> None:
        parts = {name: "external" for name in VARIABLES if self._services.named(name)}
        for name in [*self._services.embedded, *self._restarts]:
            child = self._child(name)
            up = child is not None and child.running
            parts[name] = "down" if name in self._down else "up" if up else "restarting"
        self._restarts.update(
            {
                name: Restarts()
                for name in self._services.embedded
                if name not in self._restarts
            }
        )
        self._state = replace(
            self._state, environment=_ours(self._environment), parts=parts
        )
        self._state.write(self._services.places)

    def _describe_services(self) -> None:
        for name, variable in VARIABLES.items():
            if self._services.named(name):
                self._say(f"  {name:<10} yours, named by {variable}")
            else:
                where = self._services.urls()[variable].rpartition("@")[2]
                self._say(f"  {name:<10} embedded, at {where}")

    def _describe_system(self) -> None:
        names = ", ".join(part.name for part in PARTS)
        for line in (
            "",
            f"OpenCore runs at {self._url}",
            f"  admin      {self._url}/admin/",
            f"  API        {self._url}/docs",
            f"  logs       {self._services.places.logs}",
            f"  processes  {names}",
            "",
            "Try next, in another terminal:",
            "  make demo         one person's way through everything, hop by hop",
            "  make kafka-down   then make demo, then make kafka-up: nothing is lost",
            "Ctrl-C stops everything. The data stays; rm -r .local is a factory reset.",
        ):
            self._say(line)

    def _step(self, what: str) -> None:
        self._say(f"  {monotonic() - self._began:5.1f} s  {what}")

    def _say(self, text: str) -> None:
        self._terminal.say(text)

    def _asked_to_stop(self, _number: int, _frame: FrameType | None) -> None:
        if self._stop.is_set():
            # A second wish is meant.
            for child in self._children.values():
                child.kill()
        self._stop.set()
        if self._starting:
            self._starting = False
            raise _StartInterrupted

    def _end(self) -> None:
        self._say("Stopping")
        for child in self._children.values():
            child.ask_to_end()
        for child in self._children.values():
            child.stop(grace=15)
        self._services.stop()
        RunningSystem(pid=0, started_at=0.0).write(self._services.places)
        self._say("Everything that was started is stopped.")


def _dotenv(root: Path) -> dict[str, str]:
    """Return what .env says. Raises LocalServiceError for a line that says nothing."""
    path = root / ".env"
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        return {}
    except UnicodeDecodeError as error:
        raise LocalServiceError(f"{path} is not UTF-8 text.") from error
    for binding in parse_stream(StringIO(text)):
        if binding.error:
            raise LocalServiceError(
                f"{path}, line {binding.original.line}: can't be read; write NAME=value."
            )
    found = dotenv_values(stream=StringIO(text))
    return {name: value for name, value in found.items() if value}


def _ours(environment: dict[str, str]) -> dict[str, str]:
    """Return what a command needs to join; not the whole environment of a person."""
    names = (*VARIABLES.values(), "DJANGO_SETTINGS_MODULE", "OPENCORE_LOCAL_DIR")
    kept = (*names, "OPENCORE_URL", "PUBLIC_URL")
    return {name: environment[name] for name in kept if name in environment}
