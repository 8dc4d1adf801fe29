"""The documents name only what is there."""

import re
from pathlib import Path

import pytest
from django.core.management import get_commands

from tests.architecture.code import ROOT

PAGES = sorted(ROOT.glob("*.md"))
MAKEFILE = (ROOT / "Makefile").read_text("utf-8")
TARGETS = set(re.findall(r"^([a-z-]+):", MAKEFILE, re.MULTILINE))
QUOTED = re.compile(r"`([^`\n]+)`")
FILE = re.compile(
    r"^[\w.-]+(/[\w.*-]+)*/?[\w-]*\.(py|md|yaml|toml|lua|txt)$|^[\w.-]+(/[\w.-]+)+/$"
)
# What a page shows how to make, or says never to make.
MADE_LATER = {
    "tests/notifications/test_cancellation.py",
    "notifications/templates/notifications/subscription_canceled.txt",
    "utils.py",
}


def text_of(page: Path) -> str:
    return page.read_text("utf-8")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_names_only_files_that_exist(page: Path) -> None:
    named = {name for name in QUOTED.findall(text_of(page)) if FILE.match(name)}
    missing = {
        name
        for name in named - MADE_LATER
        if not (ROOT / name).exists() and not list(ROOT.glob(f"*/{name}"))
    }

    assert missing == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_names_only_targets_that_exist(page: Path) -> None:
    named = set(re.findall(r"(?:^|`)make ([a-z][a-z-]+)", text_of(page), re.MULTILINE))

    assert named - TARGETS == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_names_only_commands_that_exist(page: Path) -> None:
    named = set(re.findall(r"manage\.py ([a-z_]{3,})", text_of(page)))

    assert named - set(get_commands()) == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_pages_links_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)", text_of(page))
    broken = [
        f"{file}#{anchor}"
        for file, anchor in links
        if not (ROOT / file).exists() or not has_heading(ROOT / (file or page), anchor)
    ]

    assert broken == []


def has_heading(page: Path, anchor: str) -> bool:
    headings = re.findall(r"^#+ (.+)$", text_of(page), re.MULTILINE)
    slugs = {
        re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")
        for heading in headings
    }
    return not anchor or anchor in slugs


def test_help_lists_every_target_that_a_person_types() -> None:
    inner = {"environment", "dev-environment"}
    described = set(re.findall(r"^([a-z-]+):.*## ", MAKEFILE, re.MULTILINE))

    assert described == TARGETS - inner
