"""The plugin, in projects that pytest really runs."""

import json

import pytest
from conftest import write_project

DIRTY = """
from pathlib import Path
def dirty():
    state = Path("data/state")
    assert state.read_text() == "clean"
    state.write_text("dirty")
"""


@pytest.fixture
def suites(pytester, command):
    write_project(pytester.path)
    quoted = " ".join(json.dumps(part) for part in command)
    pytester.makeini(f"[pytest]\nholdfast_command = {quoted}\n")

    def run(*options, **files):
        pytester.makepyfile(**{name: DIRTY + text for name, text in files.items()})
        return pytester.runpytest_subprocess("-p", "holdfast.pytest_plugin", *options)

    def create(*arguments):
        assert pytester.run(*command, "env", "create", *arguments).ret == 0

    run.create = create
    return run


USES = "def test_it(holdfast_env): dirty()\ndef test_again(holdfast_env): assert Path('data/state').read_text() == 'dirty'\n"


def test_each_module_begins_from_a_clean_environment(suites):
    suites.create()
    ran = suites(test_a=USES, test_b=USES)
    ran.assert_outcomes(passed=4)
    ran.stdout.re_match_lines([r"holdfast: stage given back 2 times \(filesystem\), \d+ ms in all, \d+ ms at most"])


def test_the_scope_is_chosen_by_an_option(suites):
    suites.create()
    each = "def test_it(holdfast_env): dirty()\ndef test_again(holdfast_env): dirty()\n"
    suites("--holdfast-scope=function", test_a=each).assert_outcomes(passed=2)
    suites("--holdfast-scope=session", test_a=USES, test_b="def test_it(holdfast_env): assert Path('data/state').read_text() == 'dirty'\n").assert_outcomes(passed=3)


def test_a_marked_module_need_not_ask_and_names_its_snapshot(suites, pytester):
    (pytester.path / "data/users").write_text("ann")
    suites.create("--snapshot", "with-users")
    (pytester.path / "data/users").unlink()
    suites.create()
    marked = "import pytest\npytestmark = pytest.mark.holdfast_env{}\ndef test_it():\n    dirty()\n    assert Path('data/users').exists() is {}\n"
    ran = suites("--strict-markers", test_a=marked.format("", False), test_b=marked.format("('with-users')", True))
    ran.assert_outcomes(passed=2)


def test_marked_classes_begin_clean_where_that_is_the_scope(suites):
    suites.create()
    classes = "import pytest\n" + "".join(
        f"@pytest.mark.holdfast_env\nclass Test{name}:\n    def test_it(self): dirty()\n    def test_again(self): pass\n" for name in "AB"
    )
    suites("--holdfast-scope=class", test_a=classes).assert_outcomes(passed=4)


def test_a_marker_that_would_do_nothing_is_told(suites):
    suites.create()
    ran = suites(test_a="import pytest\n@pytest.mark.holdfast_env\ndef test_it(): dirty()\n")
    assert ran.ret == pytest.ExitCode.USAGE_ERROR
    ran.stderr.fnmatch_lines(["*test_a.py::test_it: the marker holdfast_env stands below the scope, which is module: *"])


def test_the_clean_snapshot_is_made_where_there_is_none(suites, pytester):
    ran = suites(test_a=USES, test_b=USES)
    ran.assert_outcomes(passed=4)
    assert (pytester.path / ".data.snapshots" / "clean_state" / "state").read_text() == "clean"


def test_a_mistyped_path_leaves_nothing_behind(suites, pytester):
    (pytester.path / "holdfast.toml").write_text('[env.stage]\npath = "date"\nmode = "filesystem"\ncopier = "builtin"\n')
    ran = suites(test_a=USES)
    ran.stdout.fnmatch_lines(["*no clean environment for this suite: the live directory of stage is not there, and nothing of it is kept*"])
    assert not (pytester.path / ".date.snapshots").exists()


def test_a_suite_without_its_environment_fails_clearly(suites, pytester):
    with open(pytester.path / "holdfast.toml", "a") as toml:
        toml.write("auto_create_on_startup = false\n")
    ran = suites(test_a=USES)
    ran.assert_outcomes(errors=2)
    ran.stdout.fnmatch_lines(
        [
            "*no clean environment for this suite: the environment stage has no snapshot clean_state*",
            "*next: make it: holdfast env create stage --snapshot clean_state*",
        ]
    )
    assert (pytester.path / "data/state").read_text() == "clean"


def test_projects_that_do_not_use_it_are_left_alone(pytester):
    pytester.makepyfile("def test_it(): pass")
    ran = pytester.runpytest_subprocess("-p", "holdfast.pytest_plugin")
    ran.assert_outcomes(passed=1)
    ran.stdout.no_fnmatch_line("*holdfast:*")
