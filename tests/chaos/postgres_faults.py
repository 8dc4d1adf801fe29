"""P1 to P8: what happens to PostgreSQL, and to the way there."""

from contextlib import suppress
from random import Random

import psutil
import psycopg

from tests.chaos.lab import Lab
from tests.chaos.scenario import Extent, Scenario

KILLS = 3
RESETS = 10
# What a file may grow to: a table of this size is full, the write-ahead log (16 MiB a
# file) is not; and the log, too.
FULL_TABLE, FULL_LOG = 16 * 1024 * 1024, 64 * 1024
LOCKED_FOR = 2.5


def killed(lab: Lab, chance: Random, extent: Extent) -> None:
    for _ in range(KILLS):
        lab.pause(chance.uniform(0, extent.seconds / KILLS))
        lab.kill_service("postgres")
        lab.pause(chance.uniform(0, 1))
        lab.start_service("postgres")


def hung(lab: Lab, _chance: Random, extent: Extent) -> None:
    lab.service("postgres").pause()
    lab.pause(extent.seconds)
    lab.service("postgres").resume()


def reset(lab: Lab, chance: Random, extent: Extent) -> None:
    for _ in range(RESETS):
        lab.pause(chance.uniform(0, 2 * extent.seconds / RESETS))
        lab.lines["postgres"].reset()


def silent(lab: Lab, _chance: Random, extent: Extent) -> None:
    lab.lines["postgres"].lose_replies()
    lab.pause(extent.seconds / 2)
    lab.lines["postgres"].go_silent()
    lab.pause(extent.seconds / 2)
    lab.lines["postgres"].open()


def full(lab: Lab, _chance: Random, extent: Extent) -> None:
    lab.sql_script(BALLAST)
    _limit_files(lab, FULL_TABLE)
    lab.pause(extent.seconds)
    _limit_files(lab, FULL_LOG)
    lab.until(lambda: not lab.service("postgres").running, "PostgreSQL gives up")
    lab.services.embedded["postgres"].forget()
    lab.start_service("postgres")
    lab.sql_script(DROP_BALLAST)


def read_only_then_crowded(lab: Lab, _chance: Random, extent: Extent) -> None:
    _configure(lab, default_transaction_read_only="on")
    lab.pause(extent.seconds / 2)
    _configure(lab, default_transaction_read_only="off")
    crowd: list[psycopg.Connection[tuple[object, ...]]] = []
    for _ in range(2):
        # Who was connected must connect again, and finds no place.
        lab.lines["postgres"].reset()
        _crowd_in(lab, crowd)
    lab.pause(extent.seconds / 2)
    for connection in crowd:
        connection.close()


def slow(lab: Lab, _chance: Random, extent: Extent) -> None:
    _configure(lab, commit_delay="100000", commit_siblings="0")
    lab.pause(extent.seconds)
    _configure(lab, commit_delay="0", commit_siblings="5")


def locked(lab: Lab, chance: Random, extent: Extent) -> None:
    for table in ("outbox_event", "chaos_aggregate"):
        with psycopg.connect(lab.services.urls()["DATABASE_URL"]) as connection:
            connection.execute(f"lock table {table} in access exclusive mode".encode())
            lab.pause(LOCKED_FOR)
        lab.pause(chance.uniform(0, extent.seconds / 2))


def _limit_files(lab: Lab, size: int) -> None:
    postmaster = psutil.Process(lab.service("postgres").pid)
    for process in (postmaster, *postmaster.children(recursive=True)):
        process.rlimit(psutil.RLIMIT_FSIZE, (size, psutil.RLIM_INFINITY))


def _configure(lab: Lab, **settings: str) -> None:
    for name, value in settings.items():
        lab.sql_script(f"alter system set {name} = {value}")
    lab.sql("select pg_reload_conf()")


def _crowd_in(lab: Lab, crowd: list[psycopg.Connection[tuple[object, ...]]]) -> None:
    with suppress(psycopg.OperationalError):
        while True:
            crowd.append(psycopg.connect(lab.services.urls()["DATABASE_URL"]))


BALLAST = """
insert into chaos_change (key, filler)
select gen_random_uuid(), decode(repeat('00', 1900), 'hex')
from generate_series(1, 9500);
insert into outbox_archive
    (id, lane, event_id, type, topic, key, payload, occurred_at, created_at, attempts,
     delivered_at)
select -n, 0, gen_random_uuid(), '', 'ballast', '', decode(repeat('00', 1900), 'hex'),
       now(), now(), 0, now()
from generate_series(1, 9500) as n
"""
DROP_BALLAST = "delete from outbox_archive where topic = 'ballast'"
SCENARIOS = (
    Scenario(
        id="P1",
        sentence=f"PostgreSQL is killed (SIGKILL, all of it) {KILLS} times.",
        fault=killed,
    ),
    Scenario(id="P2", sentence="PostgreSQL hangs (SIGSTOP, SIGCONT).", fault=hung),
    Scenario(
        id="P3",
        sentence=f"Connections to PostgreSQL are reset {RESETS} times.",
        fault=reset,
    ),
    Scenario(
        id="P4",
        sentence=(
            "The way to PostgreSQL breaks without a word: first answers are lost, then"
            " everything. By a proxy that swallows: dropping packets takes a kernel's"
            " firewall."
        ),
        fault=silent,
    ),
    Scenario(
        id="P5",
        sentence=(
            "Tables can't grow, then the write-ahead log can't either, PostgreSQL gives"
            " up and is started again with room. By a limit on the size of files: a"
            " full disk takes a file system of its own."
        ),
        fault=full,
    ),
    Scenario(
        id="P6",
        sentence=(
            "PostgreSQL takes no writes, as a standby; then all its connections are"
            " taken."
        ),
        fault=read_only_then_crowded,
    ),
    Scenario(id="P7", sentence="Every commit takes 100 ms longer.", fault=slow),
    Scenario(
        id="P8",
        sentence=(
            "Writers are serializable and take two locks in any order, so that many"
            " fail by deadlocks and conflicts, and tables are locked for longer than"
            " anybody waits."
        ),
        fault=locked,
        writers=("--at-once", "2", "--serializable"),
    ),
)
