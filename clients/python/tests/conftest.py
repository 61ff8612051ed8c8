"""A project with one environment of two files, and the command line of this checkout."""

import json
import os
from pathlib import Path
from typing import List

import pytest

pytest_plugins = ["pytester"]

TOML = '[env.stage]\npath = "data"\nmode = "filesystem"\ncopier = "builtin"\n'


@pytest.fixture
def command() -> List[str]:
    return json.loads(os.environ["HOLDFAST_TEST_COMMAND"])


@pytest.fixture
def project(tmp_path: Path) -> Path:
    write_project(tmp_path)
    return tmp_path


def write_project(folder: Path) -> None:
    (folder / "data").mkdir()
    (folder / "data" / "state").write_text("clean")
    (folder / "holdfast.toml").write_text(TOML)
