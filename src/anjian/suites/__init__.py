"""One small file for each benchmark, binding items, dialogue, judges and scores."""

from anjian.errors import UsageError
from anjian.suites.base import Suite
from anjian.suites.chisafety import ChiSafety
from anjian.suites.crescendo import Crescendo
from anjian.suites.over_refusal import OverRefusal
from anjian.suites.reasoning import Reasoning
from anjian.suites.sc_safety import ScSafety

_ALL: tuple[Suite, ...] = (ChiSafety(), OverRefusal(), ScSafety(), Crescendo(), Reasoning())
SUITES = {suite.name: suite for suite in _ALL}


def find_suite(name: str) -> Suite:
    """Returns a suite by name; UsageError if there is none."""
    if name not in SUITES:
        raise UsageError(f"unknown suite {name!r}; there are {', '.join(SUITES)}")
    return SUITES[name]
