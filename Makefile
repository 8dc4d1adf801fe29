# OpenCore's commands; `make help` lists them.

PYTHON ?= python3
VENV := .venv/bin
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help run demo test check lint types architecture migrations bench chaos fuzz fix lock kafka-lock shell clean \
	kafka-down kafka-up postgres-down postgres-up redis-down redis-up \
	environment dev-environment

help: ## list the commands
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' Makefile | awk -F'|' '{printf "%-20s %s\n", $$1, $$2}'

environment:
	@$(PYTHON) opencore/localservices/bootstrap.py local

dev-environment:
	@$(PYTHON) opencore/localservices/bootstrap.py dev

run: environment ## start everything and keep it running, until Ctrl-C
	@exec $(VENV)/python -m opencore.localservices run

demo: environment ## the smoke test: one person's way through the whole system
	@$(VENV)/python -m opencore.localservices demo $(ARGS)

test: dev-environment ## run every test, on real PostgreSQL, Redis and Kafka
	@$(VENV)/python -m pytest $(or $(ARGS),--numprocesses 2)

check: lint types architecture migrations ## format, lint, borders, types, documents, migrations
	@echo "All checks passed."

lint: dev-environment ## format, lint and the borders between the apps
	@$(VENV)/ruff format --check --quiet . || { echo "Run make fix"; exit 1; }
	@$(VENV)/ruff check --quiet .
	@$(VENV)/lint-imports

types: dev-environment ## mypy, strict
	@DJANGO_SETTINGS_MODULE=opencore.settings.test $(VENV)/mypy

architecture: dev-environment ## what the linters can't see, and that the documents are true
	@DJANGO_SETTINGS_MODULE=opencore.settings.test $(VENV)/python manage.py events --check
	@DJANGO_SETTINGS_MODULE=opencore.settings.test $(VENV)/python manage.py permissions --check
	@DJANGO_SETTINGS_MODULE=opencore.settings.test $(VENV)/python manage.py openapi --check --against tests/contract/openapi-v1.json
	@$(VENV)/python -m pytest -p no:tests.services -q tests/architecture --ignore tests/architecture/test_docker.py

migrations: dev-environment ## every model has its migration, which the version before survives
	@DJANGO_SETTINGS_MODULE=opencore.settings.test LOG_LEVEL=WARNING $(VENV)/python -m opencore.localservices exec --parts postgres,redis -- sh -c '\
		$(VENV)/python manage.py makemigrations --check --dry-run && \
		$(VENV)/python manage.py lintmigrations --no-cache --quiet ok --sql-analyser postgresql \
			--include-apps opencore accounts billing notifications outbox gateway_proxy'

bench: dev-environment ## measure, beside peers and physical limits, and write BENCHMARKS.md
	@$(VENV)/python -m tests.bench $(or $(ARGS),--page BENCHMARKS.md)

chaos: dev-environment ## break every part while writers write, and write FAILURES.md
	@$(VENV)/python -m tests.chaos $(or $(ARGS),--write FAILURES.md)

fuzz: dev-environment ## ask for everything that can be made up, for ten minutes; ARGS=60 for a minute
	@FUZZ_SECONDS=$(or $(ARGS),600) $(VENV)/python -m pytest --quiet --numprocesses 0 tests/contract/test_schemathesis.py

fix: dev-environment ## format, and mend what can be mended
	@$(VENV)/ruff check --quiet --fix . ; $(VENV)/ruff format --quiet .

kafka-down: environment ## stop Kafka of a running system; events wait
	@$(VENV)/python -m opencore.localservices down kafka

kafka-up: environment ## start Kafka again; what waited arrives
	@$(VENV)/python -m opencore.localservices up kafka

postgres-down: environment ## stop PostgreSQL of a running system
	@$(VENV)/python -m opencore.localservices down postgres

postgres-up: environment ## start PostgreSQL again
	@$(VENV)/python -m opencore.localservices up postgres

redis-down: environment ## stop Redis of a running system
	@$(VENV)/python -m opencore.localservices down redis

redis-up: environment ## start Redis again
	@$(VENV)/python -m opencore.localservices up redis

lock: dev-environment ## renew the locks from the ranges in requirements/*.in
	@for name in uv base local dev; do \
		$(VENV)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
			--output-file requirements/$$name.txt requirements/$$name.in || exit 1; \
	done

kafka-lock: dev-environment ## renew the lock of Kafka's jars (needs Maven)
	@$(VENV)/python -m opencore.localservices.kafkalock

shell: environment ## a Django shell on the running system's database
	@$(VENV)/python -m opencore.localservices manage shell

clean: ## remove what was built, but no data
	@rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
