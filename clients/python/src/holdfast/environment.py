"""An environment: a live directory with its snapshots."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Any, Dict, Iterator, List, Mapping, Optional, Sequence, Union

from .commands import find_command, logger, run_json
from .errors import HoldfastError
from .suite_lock import suite_lock

Result = Dict[str, Any]


class Environment:
    """The environment ``name`` of the nearest holdfast.toml, or the only one.

    Every method runs one command of ``holdfast env``, gives the ``result`` of its JSON document as it is, and raises
    HoldfastError. Where no snapshot is named, the configured one is meant.
    """

    def __init__(
        self,
        name: Optional[str] = None,
        *,
        cwd: Union[str, "os.PathLike[str]", None] = None,
        config: Union[str, "os.PathLike[str]", None] = None,
        stage_config: Union[str, "os.PathLike[str]", None] = None,
        command: Optional[Sequence[str]] = None,
        env: Optional[Mapping[str, str]] = None,
    ) -> None:
        self.name = name
        self.cwd = Path(cwd) if cwd is not None else Path.cwd()
        self._command = list(command) if command is not None else find_command(self.cwd.resolve())
        self._env = env
        self._global: List[str] = []
        if config is not None:
            self._global.append(f"--config={os.fspath(config)}")
        self._group = [] if stage_config is None else [f"--stage-config={os.fspath(stage_config)}"]

    def create(self, snapshot: Optional[str] = None, *, replace: bool = False, checksum: bool = False, force: bool = False) -> Result:
        """Keeps the live directory."""
        return self._run("create", _flags(snapshot=snapshot, replace=replace, checksum=checksum, force=force))

    def restore(self, snapshot: Optional[str] = None, *, verify: bool = False, checksum: bool = False, force: bool = False) -> Result:
        """Makes the live directory what a snapshot is. ``fellBack`` is in the result where the clean-up command ran in its place."""
        return self._run("restore", _flags(snapshot=snapshot, verify=verify, checksum=checksum, force=force))

    def list(self) -> List[Result]:
        """All snapshots, newest first."""
        return _only(self._run("list", []))["snapshots"]

    def show(self, snapshot: Optional[str] = None) -> Result:
        return self._run("show", _flags(snapshot=snapshot))

    def status(self) -> Result:
        """Mode, mounts, and the last restore with its milliseconds."""
        return _only(self._run("status", []))

    def delete(self, snapshot: str) -> Result:
        return self._run("delete", _flags(yes=True, snapshot=snapshot))

    def diff(self, before: Optional[str] = None, after: Optional[str] = None, *, checksum: bool = False) -> Result:
        """Paths that differ between two snapshots, or a snapshot and ``live``."""
        if after is not None and before is None:
            raise HoldfastError("invalid", "the first snapshot is missing", "give it, or neither")
        arguments = [each for each in (before, after) if each is not None]
        return self._run("diff", _flags(checksum=checksum), arguments)

    def verify(self, snapshot: Optional[str] = None) -> Result:
        """Reads a whole snapshot. Raises ``corrupt`` where it is not what it was."""
        return self._run("verify", _flags(snapshot=snapshot))

    def cleanup(
        self,
        *,
        keep: Optional[int] = None,
        keep_within: Optional[str] = None,
        keep_unused: Optional[str] = None,
        dry_run: bool = False,
    ) -> Result:
        """Removes old snapshots by the rules given, or else by those of the configuration."""
        return self._run("cleanup", _flags(keep=keep, keep_within=keep_within, keep_unused=keep_unused, dry_run=dry_run))

    def clone(self, to: Union[str, "os.PathLike[str]"], *, copies: int = 1, snapshot: Optional[str] = None) -> List[Path]:
        """Independent writable copies, for suites that run side by side."""
        cloned = self._run("clone", _flags(snapshot=snapshot, copies=copies, to=os.fspath(to)))
        return [Path(copy) for copy in cloned["copies"]]

    def push(self, snapshot: Optional[str] = None, *, store: Optional[str] = None) -> Result:
        return self._run("push", _flags(snapshot=snapshot, store=store))

    def pull(self, snapshot: Optional[str] = None, *, store: Optional[str] = None, replace: bool = False) -> Result:
        return self._run("pull", _flags(snapshot=snapshot, store=store, replace=replace))

    def stop(self) -> Result:
        """Unmounts; the live directory is a plain one with its present content then."""
        return self._run("stop", [])

    def run(
        self,
        command: Sequence[str],
        *,
        suites: Sequence[str] = (),
        snapshot: Optional[str] = None,
        verify: bool = False,
        checksum: bool = False,
        force: bool = False,
    ) -> Result:
        """Restores, runs, and does so for each suite. What it prints goes to stderr. A suite that failed is in the result, not raised."""
        options = _flags(
            suites=",".join(suites) if suites else None,
            snapshot=snapshot,
            verify=verify,
            checksum=checksum,
            force=force,
        )
        return self._run("run", options, list(command), shows_stderr=True)

    @contextlib.contextmanager
    def suite(self, snapshot: Optional[str] = None, *, wait: bool = True, force: bool = False) -> Iterator[Result]:
        """Restores, and has the environment until the block ends: other suites wait, in whatever language they are.

        Where the clean snapshot is meant and there is none yet, it is made of what is there, if ``auto_create_on_startup`` says so.
        """
        status = self.status()
        if not status["liveExists"] and status["snapshots"] == 0:
            self.restore(snapshot)
        with suite_lock(Path(status["snapshotsDir"]), status["name"], wait=wait):
            try:
                restored = self.restore(snapshot, force=force)
            except HoldfastError as error:
                if snapshot is not None or error.code != "not-found" or not self._create_where_missing(status):
                    raise
                restored = self.restore(force=force)
            yield restored

    def _create_where_missing(self, status: Result) -> bool:
        name = status["snapshotName"]
        if not status["autoCreateOnStartup"] or any(each["name"] == name for each in self.list()):
            return False
        logger.warning("%s has no snapshot %s yet: it is made of what is there now", status["name"], name)
        self.create()
        return True

    def _run(
        self,
        verb: str,
        options: Sequence[str],
        arguments: Sequence[str] = (),
        *,
        shows_stderr: bool = False,
    ) -> Result:
        line = [*self._global, "env", *self._group, verb, "--json", *_flags(env=self.name), *options, "--", *arguments]
        document = run_json(self._command, line, cwd=self.cwd, env=self._env, shows_stderr=shows_stderr)
        return document["result"]


def _flags(**values: Union[None, bool, int, str]) -> List[str]:
    """``keep_within="3d"`` is ``--keep-within=3d``, ``force=True`` is ``--force``."""
    flags: List[str] = []
    for name, value in values.items():
        if value is None or value is False:
            continue
        flag = "--" + name.replace("_", "-")
        flags.append(flag if value is True else f"{flag}={value}")
    return flags


def _only(result: Result) -> Result:
    """Without a name the command tells of all environments."""
    environments = result["environments"]
    if len(environments) == 1:
        return environments[0]
    names = ", ".join(str(each.get("name", each.get("environment"))) for each in environments)
    raise HoldfastError("invalid", f"which environment? there are: {names}", "name it: Environment(NAME)")
