"""Keeps the last route table on disk, for a start without Redis and PostgreSQL."""

import json
import os
from pathlib import Path
from tempfile import NamedTemporaryFile

from gateway_proxy.seals import is_sealed, seal_of
from gateway_proxy.selectors import Published


class TableFileDamaged(RuntimeError):
    """The file does not hold what this deployment wrote."""


class TableFile:
    """One file, replaced as a whole, and sealed."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def write(self, published: Published) -> None:
        """Replace what was kept. Raises OSError."""
        version, changes = published.version, json.dumps(published.changes)
        kept = [version, changes, seal_of(version, changes)]
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with NamedTemporaryFile(
            "w", encoding="utf-8", dir=self._path.parent, delete=False
        ) as file:
            beside = Path(file.name)
            try:
                json.dump(kept, file)
                file.flush()
                os.fsync(file.fileno())
                beside.replace(self._path)
            except OSError:
                beside.unlink(missing_ok=True)
                raise

    def read(self) -> Published | None:
        """Return what was kept, if anything was. Raises TableFileDamaged, OSError."""
        try:
            version, changes, seal = json.loads(self._path.read_bytes())
            sealed = is_sealed(version, changes, seal)
        except FileNotFoundError:
            return None
        except (ValueError, TypeError) as error:
            raise TableFileDamaged(f"{self._path} is no table that was kept") from error
        if not sealed:
            raise TableFileDamaged(f"{self._path} has a wrong seal")
        return Published(version, json.loads(changes))
