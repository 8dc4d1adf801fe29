"""nginx and wrk from Debian's packages, unpacked into the checkout, not installed."""

import os
import platform
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.bench.figures import Say

PACKAGES = (
    "wrk",
    "nginx",
    "libnginx-mod-http-ndk",
    "libnginx-mod-http-lua",
    "lua-resty-core",
    "lua-resty-lrucache",
    "lua-nginx-redis",
    "lua-cjson",
    "libluajit2-5.1-2",
    "libpcre3",
)
HOME = Path(__file__).resolve().parents[3] / ".local" / "bench-debian" / "root"
PATIENCE = 120


class ToolsAbsent(Exception):
    """The packages can't be had here; the message says why in a line."""


@dataclass(frozen=True, slots=True)
class Tools:
    """Where the unpacked programs lie, and what they need to run from there."""

    root: Path

    @property
    def wrk(self) -> Path:
        """Return the load generator."""
        return self.root / "usr" / "bin" / "wrk"

    @property
    def nginx(self) -> Path:
        """Return the server."""
        return self.root / "usr" / "sbin" / "nginx"

    @property
    def modules(self) -> Path:
        """Return the folder of the server's modules."""
        return self.root / "usr" / "lib" / "nginx" / "modules"

    @property
    def lua(self) -> Path:
        """Return the folder of Lua's libraries."""
        return self.root / "usr" / "share" / "lua" / "5.1"

    @property
    def libraries(self) -> Path:
        """Return the folder of shared libraries."""
        return self.root / "usr" / "lib" / f"{platform.machine()}-linux-gnu"

    def environment(self) -> dict[str, str]:
        """Return this process's environment with the unpacked libraries before its."""
        places = (self.libraries, self.root / "lib" / self.libraries.name)
        return {**os.environ, "LD_LIBRARY_PATH": ":".join(map(str, places))}

    def version(self) -> str:
        """Return what nginx says of itself."""
        return _run([str(self.nginx), "-v"], self.environment()).rpartition("/")[2]


def fetch(say: Say) -> Tools:
    """Return the tools, fetched unless they are there; apt checks their hashes."""
    tools, stamp = Tools(HOME), HOME.with_name("packages")
    wanted = "\n".join(PACKAGES)
    if not (stamp.exists() and stamp.read_text("utf-8") == wanted):
        say("Fetching nginx and wrk from Debian's packages")
        archives = HOME.with_name("archives")
        archives.mkdir(parents=True, exist_ok=True)
        _run(["apt-get", "-qq", "download", *PACKAGES], dict(os.environ), archives)
        for archive in sorted(archives.glob("*.deb")):
            _run(["dpkg", "-x", str(archive), str(tools.root)], dict(os.environ))
        tools.version()
        stamp.write_text(wanted, "utf-8")
    return tools


def _run(
    command: list[str], environment: dict[str, str], folder: Path | None = None
) -> str:
    try:
        ended = subprocess.run(
            command,
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=True,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ToolsAbsent(str(error)) from error
    except subprocess.CalledProcessError as error:
        said = " ".join(error.stderr.split())
        raise ToolsAbsent(f"{command[0]}: {said[-200:]}") from error
    return (ended.stdout + ended.stderr).strip()
