"""What processes counted, over all of them and after their end."""

from django.db import models


class Counter(models.Model):
    """How often something happened in all relays and consumers there ever were."""

    name = models.TextField()
    labels = models.JSONField()
    value = models.FloatField()

    class Meta:
        db_table = "outbox_counter"
        constraints = (
            models.UniqueConstraint(
                fields=("name", "labels"), name="outbox_counted_in_one_row"
            ),
        )

    def __str__(self) -> str:
        return f"{self.name} {self.labels}"
