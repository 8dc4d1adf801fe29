"""What Celery does for the gateway."""

from celery import shared_task

from gateway_proxy.services import hang_latest


@shared_task(name="gateway.hang_table", ignore_result=True)
def hang_table(**_kwargs: object) -> None:
    """Let a Redis that was emptied or away learn the route table again."""
    hang_latest()
