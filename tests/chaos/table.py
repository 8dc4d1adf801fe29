"""The table of all scenarios, in the order in which they run."""

from tests.chaos import celery_faults, kafka_faults, postgres_faults, relay_faults
from tests.chaos.scenario import Scenario

SCENARIOS: dict[str, Scenario] = {
    scenario.id: scenario
    for scenario in (
        *kafka_faults.SCENARIOS,
        *postgres_faults.SCENARIOS,
        *relay_faults.SCENARIOS,
        *celery_faults.SCENARIOS,
    )
}
