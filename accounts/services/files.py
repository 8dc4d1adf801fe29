"""Writes files in pieces into the database, without ever holding one whole."""

import hashlib
from collections.abc import Iterator
from datetime import datetime
from uuid import UUID

from accounts.models import File, FilePart

PART_BYTES = 1024 * 1024


class FileWriter:
    """A stream that becomes a File, in the caller's transaction.

    Nobody sees the file before the commit, so it is whole or not there at all.
    """

    def __init__(self, file: File) -> None:
        self._file, self._held, self._digest = file, bytearray(), hashlib.sha256()
        self._parts = 0

    def write(self, content: bytes) -> int:
        """Take the next bytes."""
        self._held += content
        while len(self._held) >= PART_BYTES:
            self._store(bytes(self._held[:PART_BYTES]))
            del self._held[:PART_BYTES]
        return len(content)

    def flush(self) -> None:
        """Do nothing: pieces are stored when they are full."""

    def finish(self) -> File:
        """Store what is left, and what the whole is."""
        if self._held:
            self._store(bytes(self._held))
            self._held.clear()
        self._file.sha256 = self._digest.digest()
        self._file.save(update_fields=["size", "sha256"])
        return self._file

    def _store(self, content: bytes) -> None:
        FilePart.objects.create(file=self._file, number=self._parts, content=content)
        self._digest.update(content)
        self._file.size += len(content)
        self._parts += 1


def begin_file(
    *,
    name: str,
    media_type: str,
    expires_at: datetime,
    user_id: UUID | None = None,
    organization_id: UUID | None = None,
) -> FileWriter:
    """Begin a person's or an organization's file."""
    file = File.objects.create(
        user_id=user_id,
        organization_id=organization_id,
        name=name,
        media_type=media_type,
        size=0,
        sha256=b"",
        expires_at=expires_at,
    )
    return FileWriter(file)


def parts_of(file: File) -> Iterator[bytes]:
    """Yield a file's pieces, read one at a time."""
    for number in range(-(-file.size // PART_BYTES)):
        yield bytes(FilePart.objects.get(file=file, number=number).content)


def delete_expired_files(*, now: datetime) -> int:
    """Forget the files whose time is over; return how many there were."""
    expired = File.objects.filter(expires_at__lte=now)
    _, deleted = expired.delete()
    return deleted.get(File._meta.label, 0)
