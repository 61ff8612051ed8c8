"""Reads the manifests of a root as clients of the format 1.0 do: active, then full, the compressed form first."""

import gzip
import hashlib
import json
import os
import sys

root = sys.argv[1]
known = {"path", "size", "mtime", "priority", "is_append_only", "tail_hash"}
found = {}
for kind in ("active", "full"):
    plain = os.path.join(root, ".runicorn", kind + "_manifest.json")
    with gzip.open(plain + ".gz", "rt", encoding="utf-8") as compressed:
        manifest = json.load(compressed)
    with open(plain, encoding="utf-8") as file:
        assert json.load(file) == manifest
    assert manifest["format_version"] == "1.0" and manifest["generator_version"] == "1.0"
    assert manifest["manifest_type"] == kind
    assert isinstance(manifest["revision"], int) and isinstance(manifest["generated_at"], float)
    files = 0
    for experiment in manifest["experiments"]:
        assert isinstance(experiment["created_at"], float) and isinstance(experiment["updated_at"], float)
        assert experiment["tags"] is None or isinstance(experiment["tags"], list)
        folder = "%s/%s/runs/%s/" % (experiment["project"], experiment["name"], experiment["run_id"])
        for entry in experiment["files"]:
            assert set(entry) <= known and entry["path"].startswith(folder)
            assert isinstance(entry["size"], int) and isinstance(entry["mtime"], float)
            with open(os.path.join(root, entry["path"]), "rb") as file:
                content = file.read()
            assert len(content) == entry["size"]
            if "tail_hash" in entry:
                assert entry["is_append_only"] is True
                assert hashlib.md5(content[-4096:]).hexdigest() == entry["tail_hash"]
            files += 1
    assert manifest["statistics"]["total_experiments"] == len(manifest["experiments"])
    assert manifest["statistics"]["total_files"] == files
    found[kind] = [len(manifest["experiments"]), files]
with open(os.path.join(root, ".runicorn", ".manifest_state.json"), encoding="utf-8") as file:
    assert set(json.load(file)) == {"last_revision", "last_generated"}
print(json.dumps(found))
