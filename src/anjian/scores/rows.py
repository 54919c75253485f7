"""The tidy table of scores: one row for each metric and group, as in `scores.json`."""

from collections.abc import Iterable
from typing import Final, Literal

import msgspec
from msgspec import UNSET, UnsetType

from anjian.judges.base import OfThinking, Vote

GroupKind = Literal["overall", "area", "category", "ability", "dimension", "round", "history"]
GROUP_KINDS: Final[tuple[GroupKind, ...]] = (
    "overall", "area", "ability", "category", "dimension", "round", "history",
)  # fmt: skip
"""In the order in which they are reported."""
FINEST: Final = ("category", "dimension")
"""The kinds of group that are not divided further."""

IMPORTED = "imported"
"""The task of rows that other harnesses measured: `anjian eval` never writes it, and they have no items to compare."""


class Verdicted(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line of `verdicts.jsonl`: what one reply is worth, and what it was the reply to.

    Attributes:
        id: The item's id.
        task: The suite's task, such as `refusal` or `mcq`.
        category: The item's category.
        history: True if the dialogue had a history before the first turn.
        epoch: Which repetition, from 0.
        round: Which turn of the dialogue, from 1.
        judge: Who judged.
        label: The judge's class; None where unscored.
        points: What the class is worth.
        unscored: Why there is no verdict.
        shape: The shape of the reply's thinking; None where there is no reply.
        analysis: The judge's reason, or the detail of a failure.
        votes: What each judge of a panel said.
        unit: What it is counted with: items that ask the same thing in other forms share it; empty is the item alone.
        options: How many options a multiple-choice question has.
        right: The letter of the right one.
        confidence: How likely the verdict is right, where the judge knows.
        alike: Points that the judge cannot tell from these.
        loose: The points by the looser reading, and those that it cannot tell from them; see `Verdict`.
        decided_by: Who of a cascade decided.
        thinking: What the thinking before the reply is worth, where it was judged apart.
    """

    id: str
    task: str
    category: str
    judge: str
    history: bool = False
    epoch: int = 0
    round: int = 1
    label: str | None = None
    points: int | None = None
    unscored: str | None = None
    shape: str | None = None
    analysis: str = ""
    votes: tuple[Vote, ...] = ()
    unit: str = ""
    options: int = 0
    right: str = ""
    confidence: float | None = None
    alike: tuple[int, ...] = ()
    loose: tuple[int, ...] = ()
    decided_by: str = ""
    thinking: OfThinking | None = None


class Row(msgspec.Struct, frozen=True):
    """One row of `scores.json`. Rates are fractions of the scored; `low` and `high` bound the 95% interval.

    `corrected` is the value less the judge's errors, where its card is known: None where that cannot be told.
    """

    suite: str
    task: str
    model: str
    judge: str
    metric: str
    group_kind: GroupKind
    group: str
    value: float | None
    low: float | None
    high: float | None
    n: int
    scored: int
    corrected: float | UnsetType | None = UNSET
    corrected_low: float | UnsetType | None = UNSET
    corrected_high: float | UnsetType | None = UNSET


class Rate:
    """A share that is counted up one verdict at a time."""

    __slots__ = ("hits", "n", "scored")

    def __init__(self) -> None:
        """Starts at nothing."""
        self.n = self.scored = 0
        self.hits = 0.0

    def add(self, hit: float | None) -> None:
        """Counts one reply; None means unscored."""
        self.n += 1
        if hit is not None:
            self.scored += 1
            self.hits += hit


def coverage(rows: Iterable[Verdicted]) -> tuple[int, int]:
    """How many replies there should be, and how many of them have a verdict."""
    n = scored = 0
    for row in rows:
        n += 1
        scored += row.unscored is None
    return n, scored
