"""Starts the command line and reads its one JSON document."""

from __future__ import annotations

import json
import logging
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Sequence

from .errors import HoldfastError

logger = logging.getLogger("holdfast")


def find_command(cwd: Path) -> List[str]:
    """``holdfast`` on the path, or in the nearest ``node_modules`` above the directory."""
    found = shutil.which("holdfast")
    if found is not None:
        return [found]
    for folder in (cwd, *cwd.parents):
        local = folder / "node_modules" / ".bin" / "holdfast"
        if local.exists():
            return [str(local)]
    raise HoldfastError(
        "unsupported",
        "holdfast is not installed",
        "install it (npm install holdfast), or say how it is started: Environment(..., command=[...])",
    )


def run_json(
    command: Sequence[str],
    arguments: Sequence[str],
    *,
    cwd: Path,
    env: Optional[Mapping[str, str]] = None,
    shows_stderr: bool = False,
) -> Dict[str, Any]:
    """The whole document of a command. Raises HoldfastError for the fault that it tells.

    What it says beside that goes to the logger ``holdfast``, or on to stderr.
    """
    try:
        ended = subprocess.run(
            [*command, *arguments],
            cwd=cwd,
            env=None if env is None else {**os.environ, **env},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=None if shows_stderr else subprocess.PIPE,
            check=False,
        )
    except OSError as error:
        raise HoldfastError("unsupported", f"{command[0]} cannot be started: {error.strerror}", at=str(error.filename)) from error
    said = "" if ended.stderr is None else ended.stderr.decode("utf-8", "replace")
    document = parse_document(ended.stdout, said, ended.returncode)
    fault = document.get("fault")
    if fault is not None:
        raise HoldfastError.of_fault(fault)
    for line in said.splitlines():
        logger.info("%s", line)
    return document


def parse_document(stdout: bytes, said: str, status: int) -> Dict[str, Any]:
    try:
        document = json.loads(stdout)
    except ValueError:
        document = None
    if isinstance(document, dict) and isinstance(document.get("fault", {}), dict):
        return document
    raise HoldfastError("bug", f"holdfast ended with status {status} and no JSON document: {said.strip()[-500:]}", exit=status)
