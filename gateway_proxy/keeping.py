"""Keeps the last route table on disk, for a start without Redis and PostgreSQL."""

import json
import os
from pathlib import Path
from tempfile import NamedTemporaryFile

from django.utils.crypto import constant_time_compare, salted_hmac

from gateway_proxy.selectors import Published

SALT = "opencore.gateway.table"


class TableFileDamaged(RuntimeError):
    """The file does not hold what this deployment wrote."""


class TableFile:
    """One file, replaced as a whole; its seal is made with the deployment's secret.

    The folder for temporary files is everybody's: what another wrote is not believed.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def write(self, published: Published) -> None:
        """Replace what was kept. Raises OSError."""
        said = json.dumps([published.version, published.changes])
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with NamedTemporaryFile(
            "w", encoding="utf-8", dir=self._path.parent, delete=False
        ) as file:
            beside = Path(file.name)
            try:
                json.dump({"seal": _seal(said), "table": said}, file)
                file.flush()
                os.fsync(file.fileno())
                beside.replace(self._path)
            except OSError:
                beside.unlink(missing_ok=True)
                raise

    def read(self) -> Published | None:
        """Return what was kept, if anything was. Raises TableFileDamaged, OSError."""
        try:
            kept = json.loads(self._path.read_bytes())
            seal, said = str(kept["seal"]), str(kept["table"])
        except FileNotFoundError:
            return None
        except (ValueError, TypeError, KeyError) as error:
            raise TableFileDamaged(f"{self._path} is no table that was kept") from error
        if not constant_time_compare(seal, _seal(said)):
            raise TableFileDamaged(f"{self._path} has a wrong seal")
        return Published(*json.loads(said))


def _seal(said: str) -> str:
    return salted_hmac(SALT, said, algorithm="sha256").hexdigest()
