"""Reads `/metrics` as Prometheus does."""

from django.test import Client, override_settings
from prometheus_client.parser import text_string_to_metric_families

TOKEN = "test-only-metrics-token-0123456789"

Labels = tuple[tuple[str, str], ...]
Scrape = dict[str, dict[Labels, float]]


def scrape() -> Scrape:
    """Return every sample of the page, by name and labels."""
    with override_settings(METRICS_TOKEN=TOKEN):
        response = Client().get(
            "/metrics", headers={"Authorization": f"Bearer {TOKEN}"}
        )
    assert response.status_code == 200
    return parsed(response.content.decode())


def parsed(page: str) -> Scrape:
    """Return every sample of a page, by name and labels."""
    found: Scrape = {}
    for family in text_string_to_metric_families(page):
        for sample in family.samples:
            labels = tuple(sorted(sample.labels.items()))
            found.setdefault(sample.name, {})[labels] = sample.value
    return found
