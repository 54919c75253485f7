"""What is to be evaluated, and the same with its items read."""

import itertools
from collections.abc import Iterator

import msgspec

from anjian.errors import UsageError
from anjian.items.records import Item
from anjian.judges.builtin import DEFAULT
from anjian.models.base import Sampling
from anjian.models.resolve import Access
from anjian.suites import find_suite
from anjian.suites.base import Selection, Source, Suite, spread


class Plan(msgspec.Struct, frozen=True):
    """What is to be evaluated; the options of `anjian eval` with the same names.

    `epochs` 0 and settings of `sampling` that are None leave the choice to the suite; see `prepare`.
    """

    model: str
    suite: str | Suite
    judges: tuple[str, ...] = (DEFAULT,)
    strict_ties: bool = False
    adversary: str | None = None
    rounds: int | None = None
    source: Source = Source()
    sampling: Sampling = Sampling()
    epochs: int = 0
    limit: int | None = None
    access: Access = Access()

    @property
    def judge(self) -> str:
        """Who judges, as reports name it: a panel's members joined."""
        return "+".join(self.judges)

    @property
    def names(self) -> tuple[str | None, ...]:
        """Everybody who takes part, the target first."""
        return (self.model, *self.judges, self.adversary)


class Prepared(msgspec.Struct, frozen=True):
    """A plan with its items read, and the suite's defaults where it left something open."""

    plan: Plan
    suite: Suite
    selection: Selection
    items: list[Item]

    def samples(self) -> Iterator[tuple[Item, int]]:
        """Every item, once for each epoch; the epochs of an item stand together."""
        return itertools.product(self.items, range(self.plan.epochs))


def prepare(plan: Plan) -> Prepared:
    """Reads the items of a plan; raises UsageError for whatever is wrong with it."""
    suite = find_suite(plan.suite)
    if suite.holding.attacks and plan.adversary is None:
        raise UsageError(f"{suite.name} needs somebody who attacks: name a model with --adversary")
    if plan.rounds is not None and plan.adversary is None:
        raise UsageError("--rounds is for turns written live: name a model with --adversary")
    if len(set(plan.judges)) < len(plan.judges):
        raise UsageError("a panel needs different judges: each --judge must name another")
    selection = suite.load(plan.source)
    if not selection.items:
        why = f": {selection.notes[-1]}" if selection.notes else ""
        raise UsageError(f"{selection.origin} leaves nothing to ask{why}")
    sampling = suite.defaults.sampled(plan.sampling)
    epochs = suite.defaults.repeated(plan.epochs, sampling)
    plan = msgspec.structs.replace(plan, sampling=sampling, epochs=epochs)
    return Prepared(plan, suite, selection, spread(selection.items, plan.limit))
