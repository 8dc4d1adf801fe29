"""What was written for somebody to fetch: exports, in pieces, for a while."""

from django.db import models
from django.db.models.functions import Now

from opencore.ids import uuid7


class File(models.Model):
    """A finished file: its digest is known, and its pieces are all there."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    # Whose it is: an organization's or a person's.
    organization_id = models.UUIDField(null=True)
    user_id = models.UUIDField(null=True)
    name = models.TextField()
    media_type = models.TextField()
    size = models.BigIntegerField()
    sha256 = models.BinaryField()
    created_at = models.DateTimeField(db_default=Now())
    expires_at = models.DateTimeField(db_index=True)

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=models.Q(organization_id=None, user_id__isnull=False)
                | models.Q(organization_id__isnull=False, user_id=None),
                name="accounts_file_is_somebodys",
            ),
        )

    def __str__(self) -> str:
        return self.name


class FilePart(models.Model):
    """A piece of a file, of a megabyte at most."""

    id = models.BigAutoField(primary_key=True)
    file = models.ForeignKey(File, models.CASCADE, related_name="parts", db_index=False)
    number = models.IntegerField()
    content = models.BinaryField()

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("file", "number"), name="accounts_file_part_once"
            ),
        )

    def __str__(self) -> str:
        return f"{self.file_id} {self.number}"
