"""What set-up needs is checked first, and what is missing is one sentence."""

import os
import shutil
import sys
from collections import namedtuple
from pathlib import Path

import pytest

from opencore.localservices import bootstrap
from opencore.localservices.bootstrap import SetupImpossible, check_machine

Version = namedtuple("Version", "major minor")
Usage = namedtuple("Usage", "total used free")


def test_a_machine_that_has_all_is_fine() -> None:
    check_machine()


def test_an_old_python_is_told_which_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "version_info", Version(3, 10))

    with pytest.raises(SetupImpossible, match=r"this is 3\.10\. .*PYTHON=python3\.11"):
        check_machine()


@pytest.mark.parametrize("module", ["venv", "ensurepip"])
def test_a_missing_module_is_named_with_its_package(
    monkeypatch: pytest.MonkeyPatch, module: str
) -> None:
    monkeypatch.setitem(sys.modules, module, None)

    with pytest.raises(SetupImpossible, match=rf"{module} is missing.*apt install"):
        check_machine()


def test_a_folder_of_somebody_else_is_told_how_to_be_had(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(os, "access", lambda _path, _mode: False)

    with pytest.raises(SetupImpossible, match=r"can't be written to.*sudo chown"):
        check_machine()


def test_a_full_disk_is_told_before_anything_is_fetched(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: Usage(10, 10, 1024**3))

    with pytest.raises(SetupImpossible, match=r"has 1\.0 GB left and 2 GB are needed"):
        check_machine()


def test_a_failed_step_is_told_in_its_last_words() -> None:
    command = [sys.executable, "-c", "raise SystemExit('no such package')"]

    with pytest.raises(SetupImpossible, match=r"^It failed: no such package$"):
        bootstrap.run(command, "It failed")


def test_an_environment_without_its_stamp_is_made_anew(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(bootstrap, "STAMP", tmp_path / "stamp")

    assert not bootstrap.is_ready("local")


def test_the_environment_of_developers_serves_everybody(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    stamp = tmp_path / "stamp"
    stamp.write_text(bootstrap.digest("dev"), "utf-8")
    monkeypatch.setattr(bootstrap, "STAMP", stamp)

    assert bootstrap.is_ready("local")
