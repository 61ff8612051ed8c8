"""pytest: a clean environment before each module, class, function, or once.

The fixture ``holdfast_env`` gives it back and is the Environment; the marker ``holdfast_env`` does so for tests that do not
ask for the fixture, and names the snapshot and environment.
"""

from __future__ import annotations

import contextlib
from typing import Any, Dict, Iterator, List, Optional

import pytest

from .environment import Environment
from .errors import HoldfastError

MARKER = "holdfast_env"
SCOPES = ("function", "class", "module", "package", "session")

_restores = pytest.StashKey[List[Dict[str, Any]]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("holdfast", "clean test environments")
    group.addoption("--holdfast-env", metavar="NAME", help="the environment of holdfast.toml; may be left out where there is one")
    group.addoption("--holdfast-scope", choices=SCOPES, help="what begins from a clean environment (default: module)")
    parser.addini("holdfast_env", "as --holdfast-env")
    parser.addini("holdfast_scope", "as --holdfast-scope", default="module")
    parser.addini("holdfast_command", "how holdfast is started, where it is not on the path", type="args", default=[])


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", f"{MARKER}(snapshot=None, name=None): begin from this clean environment")
    config.stash[_restores] = []
    if config.getini("holdfast_scope") not in SCOPES:
        raise pytest.UsageError(f"holdfast_scope is {config.getini('holdfast_scope')!r}; expected one of: {', '.join(SCOPES)}")


def _scope(fixture_name: str, config: pytest.Config) -> str:
    return config.getoption("--holdfast-scope") or config.getini("holdfast_scope")


@pytest.fixture(scope=_scope)
def holdfast_env(request: pytest.FixtureRequest) -> Iterator[Environment]:
    """The environment, given back clean, and this suite's own until it ends."""
    config = request.config
    asked = _asked(request.node)
    name = asked.get("name") or config.getoption("--holdfast-env") or config.getini("holdfast_env") or None
    with contextlib.ExitStack() as held:
        try:
            environment = Environment(name, cwd=config.rootpath, command=config.getini("holdfast_command") or None)
            restored = held.enter_context(environment.suite(asked.get("snapshot")))
        except HoldfastError as error:
            pytest.fail(f"no clean environment for this suite: {error}", pytrace=False)
        config.stash[_restores].append(restored)
        print(_line(restored))
        yield environment


@pytest.fixture(scope=_scope, autouse=True)
def _holdfast_marked(request: pytest.FixtureRequest) -> None:
    if request.node.get_closest_marker(MARKER) is not None:
        request.getfixturevalue("holdfast_env")


def pytest_collection_modifyitems(config: pytest.Config, items: List[pytest.Item]) -> None:
    """A marker below what begins from a clean environment would do nothing: that is told."""
    scope = _scope("", config)
    for item in items:
        marker = item.get_closest_marker(MARKER)
        if marker is None:
            continue
        node = _node_of(item, scope)
        if node is None or node.get_closest_marker(MARKER) != marker:
            hint = "mark the whole of it (pytestmark = ...), or choose another --holdfast-scope"
            raise pytest.UsageError(f"{item.nodeid}: the marker {MARKER} stands below the scope, which is {scope}: {hint}")


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    by_name: Dict[str, List[Dict[str, Any]]] = {}
    for restored in config.stash.get(_restores, []):
        by_name.setdefault(restored["environment"], []).append(restored)
    for name, all_of_it in by_name.items():
        times = [restored["milliseconds"] for restored in all_of_it]
        modes = ", ".join(sorted({restored["mode"] for restored in all_of_it}))
        terminalreporter.write_line(
            f"holdfast: {name} given back {len(times)} times ({modes}), {sum(times)} ms in all, {max(times)} ms at most"
        )
        for restored in all_of_it:
            if "fellBack" in restored:
                terminalreporter.write_line(_line(restored), yellow=True)


def _asked(node: Any) -> Dict[str, Optional[str]]:
    marker = node.get_closest_marker(MARKER)
    if marker is None:
        return {}
    asked = dict(zip(("snapshot", "name"), marker.args))
    return {**asked, **marker.kwargs}


def _node_of(item: pytest.Item, scope: str) -> Any:
    if scope == "function":
        return item
    kinds = {"class": pytest.Class, "module": pytest.Module, "package": pytest.Package, "session": pytest.Session}
    # As pytest does: a function outside of a class is in its module.
    return item.getparent(kinds[scope]) or (item.getparent(pytest.Module) if scope == "class" else item.session)


def _line(restored: Dict[str, Any]) -> str:
    took = f"({restored['mode']}, {restored['milliseconds']} ms)"
    if "fellBack" in restored:
        return f"holdfast: cleaned {restored['environment']} in place of {restored['snapshot']} {took}: {restored['fellBack'].get('message')}"
    return f"holdfast: gave {restored['environment']} back as {restored['snapshot']} {took}"
