"""The suites: one declaration a file, the user's own beside those of the project.

chisafety            a module of this package, which declares SUITE
FILE.toml            a benchmark of the user's own, see `anjian.suites.own`
FILE.py:NAME         a declaration in Python
anything else        an entry point of the group `anjian.suites`
"""

from collections.abc import Iterable
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from pkgutil import iter_modules
from typing import NamedTuple

from anjian.errors import UsageError
from anjian.items.bank import load_bank
from anjian.items.records import Item
from anjian.suites.base import Suite
from anjian.suites.python import from_entry_point, from_python, package_of

GROUP = "anjian.suites"
HERE = "bundled"
ENGINE = {"base", "own", "python"}
"""Modules of this package that declare no suite."""


class Found(NamedTuple):
    """A suite, and where it comes from."""

    suite: Suite
    where: str


class Broken(NamedTuple):
    """A suite that cannot be used: its name, where it should come from, and why in one line."""

    name: str
    where: str
    why: str


@cache
def bundled_names() -> tuple[str, ...]:
    """The names of the suites that come with the project."""
    return tuple(found.name for found in iter_modules(__path__) if found.name not in ENGINE)


def find_suite(spec: "str | Path | Suite") -> Suite:
    """Returns a suite by name, file or declaration.

    Raises:
        UsageError: There is no such suite, or its declaration is wrong.
    """
    if isinstance(spec, Suite):
        return spec
    name = str(spec)
    if name in bundled_names():
        return _bundled(name)
    if name.endswith(".toml"):
        from anjian.suites.own import read_suite

        return _unlike_others(read_suite(Path(name)), name)
    path, colon, variable = name.rpartition(":")
    if colon and path.endswith(".py"):
        return _unlike_others(from_python(Path(path), variable), name)
    if name.endswith(".py"):
        raise UsageError(f"--suite {name} does not say which declaration: write {name}:NAME")
    points = [point for point in entry_points(group=GROUP) if point.name == name]
    if len(points) == 1:
        return _unlike_others(from_entry_point(points[0]), name)
    if points:
        raise UsageError(f"two installed packages bring a suite {name!r}: {', '.join(map(package_of, points))}")
    if declared := _declarations(name):
        raise UsageError(f"--suite {name} is a folder; name the declaration in it: --suite {declared[0]}")
    known = ", ".join(found.suite.name for found in all_suites()[0])
    raise UsageError(f"unknown suite {name!r}; there are {known}, or FILE.toml and FILE.py:NAME of your own")


def _declarations(folder: str) -> list[Path]:
    try:
        return sorted(Path(folder).glob("*.toml"))
    except (OSError, ValueError):  # No folder can have that name.
        return []


def all_suites() -> tuple[list[Found], list[Broken]]:
    """Every suite that can be found by its name, in their order, and those that are installed but broken."""
    found = [Found(_bundled(name), HERE) for name in bundled_names()]
    broken = []
    names = {one.suite.name for one in found}
    for point in entry_points(group=GROUP):
        try:
            suite = from_entry_point(point)
            if suite.name in names:
                raise UsageError(f"its suite is called {suite.name!r}, as another one is")
        except UsageError as error:
            broken.append(Broken(point.name, package_of(point), str(error)))
            continue
        names.add(suite.name)
        found.append(Found(suite, package_of(point)))
    return sorted(found, key=lambda one: (one.suite.place, one.suite.name)), broken


def compared_suites() -> list[Suite]:
    """The suites that a comparison runs where none are named."""
    return sorted((one for one in map(_bundled, bundled_names()) if one.compared), key=lambda one: one.place)


def training_items() -> list[Item]:
    """The items that enhancement learns from: the training splits of the suites that declare one."""
    banks = [suite.train for suite in map(_bundled, bundled_names()) if suite.train]
    return [item for bank in banks for item in load_bank(bank, "train")]


def distinct(suites: Iterable[Suite]) -> list[Suite]:
    """The suites, each once; raises UsageError where two different ones have one name."""
    found: dict[str, Suite] = {}
    for suite in suites:
        held = found.setdefault(suite.name, suite)
        if held is not suite and (held.file != suite.file or not suite.file):
            both = f": {held.file} and {suite.file}" if held.file and suite.file else ""
            raise UsageError(f"two suites are called {suite.name!r}{both}; rename one")
    return list(found.values())


def _bundled(name: str) -> Suite:
    suite: Suite = import_module(f"{__name__}.{name}").SUITE
    return suite


def _unlike_others(suite: Suite, where: str) -> Suite:
    if suite.name in bundled_names():
        raise UsageError(f"{where}: a suite called {suite.name!r} comes with anjian; give yours another `name`")
    return suite
