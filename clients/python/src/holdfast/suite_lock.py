"""One suite at a time on an environment: the lock that holdfast's own adapters take too."""

from __future__ import annotations

import contextlib
import os
import threading
from pathlib import Path
from typing import Iterator, Set

from .commands import logger
from .errors import HoldfastError

try:
    import fcntl
except ImportError:  # not a POSIX system
    fcntl = None  # type: ignore[assignment]

HINT = "run suites on one environment one after the other, or give each a copy of its own: holdfast env clone"

_held: Set[str] = set()
_guard = threading.Lock()


@contextlib.contextmanager
def suite_lock(snapshots_dir: Path, name: str, *, wait: bool = True) -> Iterator[None]:
    """Has the environment for this suite. Another one that has it is waited for, or ``busy``. The lock ends with its process."""
    if fcntl is None:
        raise HoldfastError("unsupported", "this system has no flock, so that suites cannot be kept apart")
    file = snapshots_dir / ".holdfast" / "suite.lock"
    with _guard:
        if str(file) in _held:
            raise HoldfastError("busy", f"no suite can begin on {name}: this process has begun one that has not ended", HINT)
        _held.add(str(file))
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            _take(descriptor, name, wait)
            yield
        finally:
            os.close(descriptor)
    finally:
        with _guard:
            _held.discard(str(file))


def _take(descriptor: int, name: str, wait: bool) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        if not wait:
            raise HoldfastError("busy", f"no suite can begin on {name}: another suite has it now", HINT) from None
        logger.info("waiting for another suite on the environment %s", name)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
