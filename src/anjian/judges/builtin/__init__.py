"""The judges that need no model: each is one module here, with a NAME and `judge_of`.

`judge_of(kind)` makes the judge of one kind of question, or returns None where it cannot judge that kind.
"""

from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType

DEFAULT = "rules-v1"
"""Who judges where the user names nobody."""
FIRST_LOOK = frozenset({"rules-v1", "auto"})
"""Whose scores are a first look, since rules see little of risk: they say so, and enter no leaderboard unless asked."""


@cache
def builtin_judges() -> dict[str, ModuleType]:
    """The built-in judges, by name."""
    modules = [import_module(f"{__name__}.{found.name}") for found in iter_modules(__path__)]
    return {module.NAME: module for module in modules}
