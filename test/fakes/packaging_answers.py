"""Reads questions about names, versions, files and requirements as JSON, and answers them by Python's own `packaging`."""

import inspect
import json
import sys

from packaging import _manylinux, _musllinux, tags
from packaging.markers import UndefinedComparison, UndefinedEnvironmentName
from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    canonicalize_name,
    parse_sdist_filename,
    parse_wheel_filename,
)
from packaging.version import InvalidVersion, Version

newer = len(inspect.signature(_manylinux.platform_tags).parameters) == 1


def version(text):
    try:
        parsed = Version(text)
    except InvalidVersion:
        return None
    return [str(parsed), parsed.is_prerelease]


def order(pair):
    a, b = map(Version, pair)
    return (a > b) - (a < b)


def satisfies(case):
    text, specifier, prereleases = case
    try:
        return SpecifierSet(specifier).contains(text, prereleases=prereleases)
    except InvalidSpecifier:
        return None


def file(name):
    try:
        if name.endswith(".whl"):
            project, version, build, found = parse_wheel_filename(name)
            return [project, str(version), "".join(map(str, build)), sorted(map(str, found))]
        project, version = parse_sdist_filename(name)
        return [project, str(version)]
    except (InvalidWheelFilename, InvalidSdistFilename, InvalidVersion):
        return None


def platforms(kind, major, minor, arch):
    if kind == "musllinux":
        _musllinux._get_musl_version = lambda _: _musllinux._MuslVersion(major, minor)
        return [*_musllinux.platform_tags([arch] if newer else arch), f"linux_{arch}"]
    if kind == "manylinux":
        _manylinux._have_compatible_abi = lambda *_: True
        _manylinux._get_glibc_version = lambda: (major, minor)
        given = ([arch],) if newer else (f"linux_{arch}", arch)
        return [*_manylinux.platform_tags(*given), f"linux_{arch}"]
    if kind == "macosx":
        return [*tags.mac_platforms((major, minor), arch)]
    return [kind]


def supported(case):
    python, *platform = case
    names = platforms(*platform)
    abi = f"cp3{python}" + ("m" if python < 8 else "")
    found = [
        *tags.cpython_tags((3, python), [abi], names),
        *tags.compatible_tags((3, python), f"cp3{python}", names),
    ]
    return sorted({str(tag) for tag in found})


def requirement(case):
    text, environment, extras, samples = case
    try:
        parsed = Requirement(text)
    except (InvalidRequirement, InvalidSpecifier):
        return None
    try:
        counts = parsed.marker is None or any(
            parsed.marker.evaluate({**environment, "extra": extra}) for extra in ["", *extras]
        )
    except (InvalidVersion, UndefinedComparison, UndefinedEnvironmentName):
        return "not said"
    return {
        "name": canonicalize_name(parsed.name),
        "extras": sorted({canonicalize_name(extra) for extra in parsed.extras}),
        "admits": [parsed.specifier.contains(sample, prereleases=True) for sample in samples],
        "url": parsed.url,
        "counts": counts,
    }


questions = json.load(sys.stdin)
answers = {name: [globals()[name](case) for case in cases] for name, cases in questions.items()}
json.dump(answers, sys.stdout)
