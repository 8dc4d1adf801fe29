"""Holds the container files, which no test here can run, to the code they start."""

import re
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.conf import settings
from django.core.management import get_commands, load_command_class
from django.urls import resolve
from pytest_django import Settings

from gateway_proxy import metrics as gateway
from gateway_proxy.config import read_config
from opencore.localservices.parts import PARTS
from opencore.metrics.exposing import show_metrics
from opencore.settings.environment import Environment
from outbox.consuming import handlings_of
from outbox.metrics import names as outbox

ROOT = Path(__file__).resolve().parents[2]
DOCKER = ROOT / "docker"
COMPOSE: dict[str, Any] = yaml.safe_load((DOCKER / "compose.yaml").read_text("utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if "build" in service}
OTHERS = {name: service for name, service in SERVICES.items() if "build" not in service}
DOCKERFILE = (DOCKER / "Dockerfile").read_text("utf-8")
CONFIGURATIONS = sorted(
    path for path in DOCKER.rglob("*.yaml") if path.name != "compose.yaml"
)
# What gunicorn reads from the environment by itself.
GUNICORNS = {"PORT", "WEB_CONCURRENCY"}
SECRETS = {
    "POSTGRES_PASSWORD",
    "REDIS_PASSWORD",
    "GRAFANA_PASSWORD",
    "DJANGO_SECRET_KEY",
    "JWT_SIGNING_KEY",
    "JWT_REFRESH_SIGNING_KEY",
    "CODE_PEPPER",
    "LOOKUP_PEPPER",
    "METRICS_TOKEN",
    "SEALING_KEYS",
}


def example() -> dict[str, str]:
    """Return what docker/.env.example sets."""
    lines = (DOCKER / ".env.example").read_text("utf-8").splitlines()
    return dict(
        line.split("=", 1) for line in lines if line and not line.startswith("#")
    )


def options(command: list[str]) -> dict[str, str]:
    """Return the options of a command that are written as --name=value."""
    return dict(
        word.removeprefix("--").split("=", 1)
        for word in command
        if word.startswith("--") and "=" in word
    )


def commands_of(word: str) -> Mapping[str, list[str]]:
    """Return the commands of our services that begin with this word."""
    return {
        name: service["command"]
        for name, service in OURS.items()
        if service.get("command", [""])[0] == word
    }


def queues_of_workers() -> set[str]:
    """Return the queues that some worker reads."""
    workers = [
        command for command in commands_of("celery").values() if "worker" in command
    ]
    return {
        queue for command in workers for queue in options(command)["queues"].split(",")
    }


def test_every_process_of_a_local_system_has_a_service() -> None:
    assert {part.name for part in PARTS} - set(OURS) == set()


@pytest.mark.parametrize(
    "command", commands_of("python").values(), ids=commands_of("python")
)
def test_a_service_runs_a_command_that_exists(command: list[str]) -> None:
    python, manage, name, *arguments = command

    parser = load_command_class(get_commands()[name], name).create_parser(manage, name)

    assert (python, manage) == ("python", "manage.py")
    parser.parse_args(arguments)


def test_the_workers_read_exactly_the_queues_that_tasks_go_to() -> None:
    routed = {route["queue"] for route in settings.CELERY_TASK_ROUTES.values()}

    assert queues_of_workers() == routed | {settings.CELERY_TASK_DEFAULT_QUEUE}


@pytest.mark.parametrize("group", ["accounts", "billing", "notifications"])
def test_a_consumer_runs_for_each_app_that_handles_events(group: str) -> None:
    command = OURS[f"{group}-consumer"]["command"]

    assert command == ["python", "manage.py", "consume_events", "--group", group]
    assert handlings_of(group)


def test_the_gateway_accepts_its_upstreams(settings: Settings) -> None:
    pairs = OURS["gateway"]["environment"]["GATEWAY_UPSTREAMS"]
    settings.GATEWAY_UPSTREAMS = dict(pair.split("=", 1) for pair in pairs.split(","))

    upstreams = dict(read_config().upstreams)

    assert set(upstreams.values()) == {"http://api:8000"}


def test_the_image_serves_as_a_local_system_does() -> None:
    api = next(part for part in PARTS if part.name == "api").command(8000)
    (command,) = re.findall(r"^CMD (\[.*\])$", DOCKERFILE, re.MULTILINE)

    words = yaml.safe_load(command)

    assert words[0] == "gunicorn"
    assert set(words) <= set(api)
    assert not OURS["api"].get("command")
    assert not OURS["gateway"].get("command")


@pytest.mark.parametrize("name", OURS)
def test_a_service_sets_only_variables_that_are_read(name: str) -> None:
    known = {field.upper() for field in Environment.model_fields} | GUNICORNS

    assert set(OURS[name]["environment"]) - known == set()


def test_the_example_sets_exactly_the_variables_that_are_used() -> None:
    text = (DOCKER / "compose.yaml").read_text("utf-8")

    used = set(re.findall(r"(?<!\$)\$\{(\w+)", text))

    assert used == set(example())


def test_the_example_holds_no_secret() -> None:
    assert {name: example()[name] for name in SECRETS} == dict.fromkeys(SECRETS, "")


@pytest.mark.parametrize("name", sorted(SECRETS))
def test_nothing_starts_without_a_secret(name: str) -> None:
    text = (DOCKER / "compose.yaml").read_text("utf-8")

    uses = re.findall(rf"(?<!\$)\$\{{{name}(.{{0,2}})", text)

    assert set(uses) == {":?"}


def test_postgres_is_published_on_15432_unless_told_otherwise() -> None:
    assert SERVICES["postgres"]["ports"] == ["127.0.0.1:${POSTGRES_PORT:-15432}:5432"]
    assert example()["POSTGRES_PORT"] == "15432"


@pytest.mark.parametrize("name", SERVICES)
def test_a_port_is_published_on_the_loopback_address_alone(name: str) -> None:
    elsewhere = [
        port
        for port in SERVICES[name].get("ports", [])
        if not port.startswith("127.0.0.1:")
    ]

    assert elsewhere == []


@pytest.mark.parametrize(
    "image",
    [
        *(service["image"] for service in OTHERS.values()),
        *re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE),
    ],
)
def test_an_image_is_pinned_by_its_tag(image: str) -> None:
    assert re.fullmatch(r"[\w./-]+:v?\d[\w.-]*", image)


def test_the_broker_is_the_release_that_tests_run_on() -> None:
    lock = (ROOT / "opencore/localservices/kafka.lock").read_text("utf-8")
    (version,) = re.findall(r"^org\.apache\.kafka:kafka_2\.13:(\S+)", lock, re.M)

    assert SERVICES["kafka"]["image"] == f"apache/kafka:{version}"


def test_the_image_does_not_run_as_root() -> None:
    users = re.findall(r"^USER (\S+)$", DOCKERFILE, re.MULTILINE)

    assert users == ["10001:10001"]


def test_the_image_installs_only_what_a_lock_names_by_hash() -> None:
    installs = re.findall(r"pip install ([^&]*)", DOCKERFILE.replace("\\\n", " "))

    assert len(installs) == 2
    assert all("--require-hashes" in arguments for arguments in installs)


def test_the_image_holds_every_package_of_ours() -> None:
    let_in = re.findall(
        r"^!(\w+)$", (ROOT / ".dockerignore").read_text("utf-8"), re.MULTILINE
    )

    packages = {
        path.parent.name
        for path in ROOT.glob("*/__init__.py")
        if path.parent.name != "tests"
    }

    assert set(let_in) == packages


@pytest.mark.parametrize("name", OURS)
def test_a_service_of_ours_has_no_rights_to_lose(name: str) -> None:
    service = OURS[name]

    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_waits_only_for_what_can_happen(name: str) -> None:
    healthy = {
        other
        for other, service in SERVICES.items()
        if "test" in service.get("healthcheck", {})
        or ("build" in service and "healthcheck" not in service)
    }
    once = {other for other, service in SERVICES.items() if service["restart"] == "no"}
    can_happen = {
        "service_healthy": healthy,
        "service_completed_successfully": once,
        "service_started": set(SERVICES),
    }

    waits = SERVICES[name].get("depends_on", {})

    never = [
        other
        for other, wait in waits.items()
        if other not in can_happen[wait["condition"]]
    ]
    assert never == []


@pytest.mark.parametrize("path", CONFIGURATIONS, ids=lambda path: path.name)
def test_a_configuration_is_mounted(path: Path) -> None:
    mounts = [
        volume.split(":")[0]
        for service in SERVICES.values()
        for volume in service.get("volumes", [])
        if volume.startswith("./")
    ]

    assert yaml.safe_load(path.read_text("utf-8"))
    assert any(path.is_relative_to(DOCKER / mount) for mount in mounts)


@pytest.mark.parametrize(("name", "service"), [("opencore", "api"), ("gateway",) * 2])
def test_prometheus_reads_the_page_of_a_service_with_the_token_that_it_is_given(
    name: str, service: str
) -> None:
    prometheus = yaml.safe_load((DOCKER / "prometheus.yaml").read_text("utf-8"))
    (job,) = [job for job in prometheus["scrape_configs"] if job["job_name"] == name]
    reader = SERVICES["prometheus"]
    (start,) = reader["command"]

    assert resolve(job["metrics_path"]).func is show_metrics
    assert job["static_configs"] == [{"targets": [f"{service}:8000"]}]
    assert f'"$$METRICS_TOKEN" > {job["authorization"]["credentials_file"]}' in start
    assert set(reader["environment"]) <= set(OURS[service]["environment"])


def test_prometheus_hears_of_the_outbox_from_the_api_alone() -> None:
    prometheus = yaml.safe_load((DOCKER / "prometheus.yaml").read_text("utf-8"))
    (job,) = [
        job for job in prometheus["scrape_configs"] if job["job_name"] == "gateway"
    ]
    (keep,) = job["metric_relabel_configs"]

    kept = [
        metric.name
        for metric in (*outbox.METRICS, *gateway.METRICS)
        if re.fullmatch(keep["regex"], metric.name)
    ]

    assert keep["action"] == "keep"
    assert kept == [metric.name for metric in gateway.METRICS]


def test_prometheus_reads_the_alerts_where_they_are_mounted() -> None:
    prometheus = yaml.safe_load((DOCKER / "prometheus.yaml").read_text("utf-8"))
    mounts = dict(volume.split(":")[:2] for volume in SERVICES["prometheus"]["volumes"])

    assert prometheus["rule_files"] == [mounts["./alerts.yaml"]]


def test_grafana_reads_the_boards_where_they_are_mounted() -> None:
    provisioning = DOCKER / "grafana/provisioning"
    (provider,) = yaml.safe_load(
        (provisioning / "dashboards/opencore.yaml").read_text("utf-8")
    )["providers"]
    mounts = dict(volume.split(":")[:2] for volume in SERVICES["grafana"]["volumes"])

    assert provider["options"]["path"] == mounts["./grafana/dashboards"]
    assert list((DOCKER / "grafana/dashboards").glob("*.json"))


class Server(BaseHTTPRequestHandler):
    """Answers as its server is told, and notes who was asked for."""

    def do_GET(self) -> None:
        """Answer the one question."""
        assert isinstance(self.server, Listening)
        self.server.asked.append((self.path, self.headers["Host"]))
        self.send_response(self.server.status)
        self.end_headers()

    def log_message(self, *_args: object) -> None:
        """Say nothing."""


class Listening(HTTPServer):
    """A server on a free port, with a switch."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Server)
        self.status = HTTPStatus.OK
        self.asked: list[tuple[str, str | None]] = []


@pytest.fixture
def server() -> Iterator[Listening]:
    """A server that lives as long as the test."""
    with Listening() as listening:
        thread = threading.Thread(target=listening.serve_forever, args=(0.05,))
        thread.start()
        yield listening
        listening.shutdown()
        thread.join()


def check_health(port: int, *, allowed_hosts: str) -> int:
    """Run the image's health check; return its status."""
    return subprocess.run(
        [sys.executable, DOCKER / "healthcheck.py"],
        env={"PORT": str(port), "ALLOWED_HOSTS": allowed_hosts},
        check=False,
        timeout=10,
    ).returncode


def test_a_living_server_is_healthy(server: Listening) -> None:
    status = check_health(server.server_port, allowed_hosts="api.example.com, other")

    assert status == 0
    assert server.asked == [("/livez", "api.example.com")]


def test_a_failing_server_is_unhealthy(server: Listening) -> None:
    server.status = HTTPStatus.INTERNAL_SERVER_ERROR

    assert check_health(server.server_port, allowed_hosts="*") == 1
    assert server.asked == [("/livez", "localhost")]


def test_a_server_that_is_not_there_is_unhealthy() -> None:
    with Listening() as gone:
        port = gone.server_port

    assert check_health(port, allowed_hosts="") == 1
