"""The client, against the real command line."""

import os
import subprocess
import sys
import threading

import pytest

from holdfast import Environment, HoldfastError


@pytest.fixture
def stage(project, command):
    return Environment("stage", cwd=project, command=command)


def state(project):
    return project / "data" / "state"


def test_an_environment_is_kept_compared_and_given_back(stage, project):
    made = stage.create()
    assert (made["snapshot"], made["mode"], made["bytes"]) == ("clean_state", "filesystem", 5)
    state(project).write_text("dirty")
    diff = stage.diff()
    assert [(each["change"], each["path"]) for each in diff["differences"]] == [("changed", "state")]
    restored = stage.restore()
    assert restored["milliseconds"] >= 0 and "fellBack" not in restored
    assert state(project).read_text() == "clean"
    assert stage.status()["last"]["snapshot"] == "clean_state"
    assert stage.verify()["outcome"] == "first"


def test_snapshots_are_listed_shown_cleaned_up_and_deleted(stage):
    for name in ("one", "two", "three"):
        stage.create(name)
    assert [each["name"] for each in stage.list()] == ["three", "two", "one"]
    assert stage.show("two")["entries"] == 1
    assert stage.diff("one", "two")["differences"] == []
    assert stage.cleanup(keep=2, dry_run=True)["removed"] == ["one"]
    assert stage.cleanup(keep=2)["removed"] == ["one"]
    assert stage.delete("two")["snapshot"] == "two"
    assert [each["name"] for each in stage.list()] == ["three"]
    assert stage.stop()["unmounted"] == []


def test_copies_and_stores(stage, project):
    stage.create()
    copies = stage.clone(project / "workers", copies=2)
    assert [(copy / "state").read_text() for copy in copies] == ["clean", "clean"]
    store = f"file:{project}/store"
    assert stage.push(store=store)["isUnchanged"] is False
    stage.delete("clean_state")
    assert stage.pull(store=store)["snapshot"] == "clean_state"


def test_suites_are_run_each_from_a_clean_state(stage, project):
    script = "import sys; f = open('data/state', 'r+'); sys.exit(f.read() != 'clean' or f.write('dirty') and sys.argv[1] == 'bad')"
    ran = stage.run([sys.executable, "-c", script, "{suite}"], suites=["good", "bad"])
    assert [(each["suite"], each["status"]) for each in ran["runs"]] == [("good", 0), ("bad", 1)]
    assert ran["failed"] == 1


def test_the_name_may_be_left_out_where_there_is_one(project, command):
    unnamed = Environment(cwd=project, command=command)
    unnamed.create("one")
    assert unnamed.list()[0]["name"] == "one"
    assert unnamed.delete("one")["environment"] == "stage"
    unnamed.create("stage")
    assert [unnamed.show("stage")["name"], unnamed.verify("stage")["snapshot"], unnamed.delete("stage")["snapshot"]] == ["stage"] * 3
    with open(project / "holdfast.toml", "a") as toml:
        toml.write('[env.other]\npath = "other"\n')
    with pytest.raises(HoldfastError, match="which environment"):
        unnamed.list()


def test_faults_have_a_code_a_message_and_a_hint(stage, project, command):
    with pytest.raises(HoldfastError) as missing:
        stage.restore("none")
    assert (missing.value.code, missing.value.exit) == ("not-found", 4)
    assert missing.value.message == "the environment stage has no snapshot none"
    assert missing.value.hint == "make it: holdfast env create stage --snapshot none"
    assert str(missing.value).endswith("next: make it: holdfast env create stage --snapshot none")
    with pytest.raises(HoldfastError) as unknown:
        Environment("other", cwd=project, command=command).status()
    assert unknown.value.code == "invalid"


def test_arguments_are_never_read_by_a_shell_nor_taken_for_options(stage, project):
    for name in ("$(touch ran)", "--force", "; touch ran"):
        with pytest.raises(HoldfastError) as refused:
            stage.create(name)
        assert refused.value.code == "invalid"
        with pytest.raises(HoldfastError) as refused:
            stage.delete(name)
        assert refused.value.code in ("invalid", "not-found")
    assert not (project / "ran").exists()


def test_what_is_no_holdfast_is_said(project, tmp_path, monkeypatch):
    with pytest.raises(HoldfastError, match="cannot be started") as failed:
        Environment("stage", cwd=project, command=[str(tmp_path / "none")]).status()
    assert failed.value.code == "unsupported"
    with pytest.raises(HoldfastError, match="no JSON document: hm") as failed:
        Environment("stage", cwd=project, command=["sh", "-c", "echo hm >&2; exit 3"]).status()
    assert (failed.value.code, failed.value.exit) == ("bug", 3)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(HoldfastError, match="holdfast is not installed"):
        Environment("stage", cwd=project)
    local = project / "node_modules" / ".bin" / "holdfast"
    local.parent.mkdir(parents=True)
    local.write_text("#!/bin/sh\necho '{\"result\": {\"environments\": [{\"mode\": \"overlay\"}]}}'\n")
    local.chmod(0o755)
    (project / "below").mkdir()
    assert Environment("stage", cwd=project / "below").status()["mode"] == "overlay"


def test_one_suite_at_a_time_has_the_environment(stage, project):
    stage.create()
    with stage.suite() as restored:
        assert restored["snapshot"] == "clean_state"
        with pytest.raises(HoldfastError, match="has not ended") as nested:
            with stage.suite():
                pass
        assert nested.value.code == "busy"
        script = "import sys; sys.path[:0] = sys.argv[2:]\nfrom pathlib import Path\nfrom holdfast.suite_lock import suite_lock\n"
        script += "with suite_lock(Path(sys.argv[1]), 'stage', wait=False): pass"
        other = [sys.executable, "-c", script, stage.status()["snapshotsDir"], *sys.path]
        refused = subprocess.run(other, capture_output=True, text=True, env={**os.environ})
        assert "another suite has it now" in refused.stderr
    assert subprocess.run(other).returncode == 0


def test_a_suite_waits_for_the_one_before_it(stage):
    stage.create()
    order = []
    began = threading.Event()
    with stage.suite():
        # Another process would wait in flock; the lock itself is what is looked at here.
        import fcntl

        file = open(stage.status()["snapshotsDir"] + "/.holdfast/suite.lock")

        def wait():
            began.set()
            fcntl.flock(file, fcntl.LOCK_EX)
            order.append("second")

        second = threading.Thread(target=wait)
        second.start()
        began.wait()
        order.append("first")
    second.join()
    file.close()
    assert order == ["first", "second"]
