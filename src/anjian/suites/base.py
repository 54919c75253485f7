"""What a suite binds: its items, how they are asked, who judges, and what the verdicts say."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Protocol

import msgspec

from anjian.dialogue.scripted import Exchange
from anjian.items.records import Item
from anjian.judges.base import Ask, Judge
from anjian.models.base import Sampling
from anjian.scores.rows import Row, Verdicted


class Source(msgspec.Struct, frozen=True):
    """Where a suite's items come from; with nothing set, the bundled bank.

    Attributes:
        data: A folder of the benchmark's official release.
        items: A file of the user's own items.
        answers: A key for multiple-choice items.
        include_ambiguous: Counts items that the bundled key flags as ambiguous.
    """

    data: Path | None = None
    items: Path | None = None
    answers: Path | None = None
    include_ambiguous: bool = False


class Selection(msgspec.Struct, frozen=True):
    """The items to ask, and what the user should know about those left out."""

    items: list[Item]
    origin: str
    notes: list[str]


class Round(msgspec.Struct, frozen=True):
    """One round of one dialogue, with its verdict."""

    exchange: Exchange
    verdict: Verdicted


class Suite(Protocol):
    """A benchmark."""

    name: str
    version: str
    title: str
    needs_judge: bool

    def load(self, source: Source) -> Selection:
        """Reads the items; raises UsageError for what cannot be read."""
        ...

    def task_of(self, item: Item) -> str:
        """Names the task that an item belongs to."""
        ...

    def group_of(self, item: Item) -> str:
        """Names the area or ability that an item belongs to, for summaries."""
        ...

    def calls(self, item: Item, model_judges: int) -> tuple[int, int]:
        """How many calls an item takes at least: to the target, and to judging models."""
        ...

    async def evaluate(self, item: Item, epoch: int, sampling: Sampling, target: Ask, judge: Judge) -> list[Round]:
        """Holds the dialogue of one item and judges every reply."""
        ...

    def score(self, verdicts: Iterable[Verdicted], model: str, judge: str, epochs: int) -> list[Row]:
        """Counts verdicts into rows."""
        ...


def spread(items: Sequence[Item], limit: int | None) -> list[Item]:
    """Takes `limit` items at even distances, so that a small sample touches many categories; all if None."""
    if limit is None or limit >= len(items):
        return list(items)
    return [items[i * len(items) // limit] for i in range(limit)]
