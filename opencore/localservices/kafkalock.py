"""Renews the lock of Kafka's jars from Maven's own resolution; for developers."""

import hashlib
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from opencore.localservices.jars import LOCK_FILE

KAFKA = ("org.apache.kafka", "kafka_2.13", "4.3.0")
LOGGING = ("org.apache.logging.log4j", "log4j-slf4j-impl", "2.25.4")
# The console clients need nothing beyond Kafka; the rest of the tools needs Connect.
TOOLS = ("org.apache.kafka", "kafka-tools", "4.3.0")
HEADER = (
    "# Apache Kafka and what it needs: group:artifact:version, SHA-256 of the jar.\n"
    "# Renewed by `make kafka-lock`.\n"
)
DEPENDENCY = (
    "<dependency><groupId>{}</groupId><artifactId>{}</artifactId>"
    "<version>{}</version></dependency>"
)
ALONE = DEPENDENCY.replace(
    "</dependency>",
    "<exclusions><exclusion><groupId>*</groupId><artifactId>*</artifactId>"
    "</exclusion></exclusions></dependency>",
)
POM = (
    '<project xmlns="http://maven.apache.org/POM/4.0.0">'
    "<modelVersion>4.0.0</modelVersion><groupId>opencore</groupId>"
    "<artifactId>kafka</artifactId><version>1</version>"
    "<dependencies>{}</dependencies></project>"
)
FOUND = re.compile(r"([\w.-]+):([\w.-]+):jar:([\w.-]+):(?:compile|runtime)")


def main() -> int:
    """Write the lock anew; return 1 with a sentence if Maven is not there or fails."""
    maven = shutil.which("mvn")
    if maven is None:
        sys.stderr.write("Maven is needed for this: sudo apt install maven\n")
        return 1
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        wanted = "".join(DEPENDENCY.format(*one) for one in (KAFKA, LOGGING))
        wanted += ALONE.format(*TOOLS)
        (folder / "pom.xml").write_text(POM.format(wanted), "utf-8")
        for goal in (
            "dependency:copy-dependencies -DoutputDirectory=jars",
            "dependency:list -DoutputFile=list.txt",
        ):
            command = [maven, "-q", "-B", *goal.split(), "-DincludeScope=runtime"]
            if subprocess.run(command, check=False, cwd=folder).returncode != 0:
                return 1
        lines = sorted(_line(folder, *found) for found in _found(folder))
    LOCK_FILE.write_text(HEADER + "".join(lines), "utf-8")
    sys.stdout.write(f"Locked {len(lines)} jars.\n")
    return 0


def _found(folder: Path) -> set[tuple[str, str, str]]:
    text = (folder / "list.txt").read_text("utf-8")
    return {(match[1], match[2], match[3]) for match in FOUND.finditer(text)}


def _line(folder: Path, group: str, artifact: str, version: str) -> str:
    jar = folder / "jars" / f"{artifact}-{version}.jar"
    digest = hashlib.sha256(jar.read_bytes()).hexdigest()
    return f"{group}:{artifact}:{version} {digest}\n"


if __name__ == "__main__":
    sys.exit(main())
