"""One small file for each benchmark, binding items, dialogue, judges and scores."""

from anjian.errors import UsageError
from anjian.suites.base import Suite
from anjian.suites.chisafety import ChiSafety
from anjian.suites.crescendo import Crescendo
from anjian.suites.sc_safety import ScSafety

SUITES: dict[str, Suite] = {suite.name: suite for suite in (ChiSafety(), ScSafety(), Crescendo())}


def find_suite(name: str) -> Suite:
    """Returns a suite by name; UsageError if there is none."""
    if name not in SUITES:
        raise UsageError(f"unknown suite {name!r}; there are {', '.join(SUITES)}")
    return SUITES[name]
