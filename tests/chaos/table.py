"""The table of all scenarios, in the order in which they run."""

from tests.chaos import kafka_faults, relay_faults
from tests.chaos.scenario import Scenario

SCENARIOS: dict[str, Scenario] = {
    scenario.id: scenario
    for scenario in (
        *kafka_faults.SCENARIOS,
        *relay_faults.SCENARIOS,
    )
}
