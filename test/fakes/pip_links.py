"""Reads pages of an index as JSON, and says which links pip finds in them: Debian's pip, and the one that this Python brings along."""

import ensurepip
import glob
import json
import os
import sys

wheels = glob.glob("/usr/share/python-wheels/pip-*.whl")
wheels += glob.glob(os.path.join(os.path.dirname(ensurepip.__file__), "_bundled", "pip-*.whl"))


def told(link):
    metadata = link.metadata_link()
    return {
        "filename": link.filename,
        "url": link.url_without_fragment,
        "hash": [link.hash_name, link.hash],
        "requires": link.requires_python,
        "yanked": link.yanked_reason,
        "metadata": None if metadata is None else [metadata.url_without_fragment, metadata.hash],
    }


def answer(wheel, pages):
    for module in [name for name in sys.modules if name.split(".")[0] == "pip"]:
        del sys.modules[module]
    sys.path.insert(0, wheel)
    try:
        import pip
        from pip._internal.index.collector import IndexContent, parse_links

        links = []
        for page in pages:
            content = IndexContent(page["content"].encode(), page["type"], "utf-8", page["url"], cache_link_parsing=False)
            links.append([told(link) for link in parse_links(content)])
        return {"version": pip.__version__, "links": links}
    finally:
        sys.path.remove(wheel)


pages = json.load(sys.stdin)
print(json.dumps([answer(wheel, pages) for wheel in wheels]))
