"""What a suite binds: its items, how they are asked, who judges, and what the verdicts say."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Protocol

import msgspec

from anjian.dialogue.scripted import Exchange
from anjian.errors import UsageError
from anjian.items.records import Item, Message, load_items
from anjian.items.taxonomy import load_taxonomy
from anjian.judges.base import NO_ANSWER, Ask, Judge, Verdict
from anjian.judges.kinds import Kind
from anjian.models.base import Reply, Request, Sampling
from anjian.scores.measures import Measures
from anjian.scores.rows import Row, Verdicted

BUNDLED = "bundled bank"
"""The origin of items that come with the project."""
LIVE_ROUNDS = 2
"""Rounds of a live dialogue where neither the user nor the suite says otherwise: as many as a scripted pair has."""


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


class Defaults(msgspec.Struct, frozen=True):
    """How replies are drawn, and how often each item is asked, where the user says nothing."""

    sampling: Sampling = Sampling()
    epochs: int = 1

    def sampled(self, asked: Sampling) -> Sampling:
        """What the user asked for, each setting left open filled in."""
        chosen = {name: getattr(asked, name) for name in asked.__struct_fields__}
        return msgspec.structs.replace(self.sampling, **{k: v for k, v in chosen.items() if v is not None})

    def repeated(self, asked: int, sampling: Sampling) -> int:
        """How often each item is asked; `asked` 0 leaves it open, and greedy decoding would only repeat itself."""
        return asked or (1 if sampling.temperature == 0 else self.epochs)


class Selection(msgspec.Struct, frozen=True):
    """The items to ask, and what the user should know about those left out."""

    items: list[Item]
    origin: str
    notes: list[str]


class Round(msgspec.Struct, frozen=True):
    """One round of one dialogue, with its verdict."""

    exchange: Exchange
    verdict: Verdicted


class Cast(msgspec.Struct, frozen=True):
    """Who takes part in the dialogues of a run.

    Attributes:
        target: Asks the model under evaluation.
        judge: Returns who judges a kind of question.
        sampling: How the target's replies are drawn.
        adversary: Asks the model that writes turns live, if there is one.
        adversary_sampling: How its turns are drawn.
        rounds: How many rounds a live dialogue has; None leaves it to the suite.
    """

    target: Ask
    judge: Callable[[Kind], Judge]
    sampling: Sampling = Sampling()
    adversary: Ask | None = None
    adversary_sampling: Sampling = Sampling()
    rounds: int | None = None

    async def say(self, messages: tuple[Message, ...], epoch: int) -> Reply:
        """Puts a conversation to the target."""
        return await self.target(Request(messages, self.sampling, epoch))


class Suite(Protocol):
    """A benchmark."""

    name: str
    version: str
    title: str
    adversarial: bool
    """True if it cannot run without an adversary."""
    defaults: Defaults
    """How replies are drawn, and how often items are asked, where the user says nothing."""
    measures: Measures
    """What its verdicts count for each metric, by task; empty where dialogues cannot be compared item by item."""

    def load(self, source: Source) -> Selection:
        """Reads the items; raises UsageError for what cannot be read."""
        ...

    def task_of(self, item: Item) -> str:
        """Names the task that an item belongs to."""
        ...

    def group_of(self, item: Item) -> str:
        """Names the area or ability that an item belongs to, for summaries."""
        ...

    def calls(self, item: Item, judges: int, rounds: int | None) -> tuple[int, int, int]:
        """How many calls an item takes at most: to the target, to judging models, and to the adversary.

        Args:
            item: One of the suite's items.
            judges: How many models judge.
            rounds: Rounds of a live dialogue; None for a scripted one.
        """
        ...

    async def evaluate(self, item: Item, epoch: int, cast: Cast) -> list[Round]:
        """Holds the dialogue of one item and judges every reply."""
        ...

    def score(self, verdicts: Iterable[Verdicted], model: str, judge: str, epochs: int) -> list[Row]:
        """Counts verdicts into rows."""
        ...


async def judge_exchange(item: Item, exchange: Exchange, judge: Judge) -> Verdict:
    """Judges the reply of one round; a reply that is missing or has no answer is unscored, with the reason."""
    if exchange.thought is None:
        return Verdict(unscored=exchange.failure, analysis=exchange.detail)
    if not exchange.thought.answer:
        return Verdict(unscored=NO_ANSWER)
    return await judge.judge(item, exchange.messages, exchange.thought.answer)


def verdicted(item: Item, task: str, epoch: int, number: int, exchange: Exchange, verdict: Verdict, by: str) -> Round:
    """Puts a verdict beside what it was given for; `number` is the round, `by` the judge."""
    line = Verdicted(
        id=item.id,
        task=task,
        category=item.category,
        judge=by,
        history=bool(item.history),
        epoch=epoch,
        round=number,
        label=verdict.label,
        points=verdict.points,
        unscored=verdict.unscored,
        shape=exchange.thought.shape if exchange.thought else None,
        analysis=verdict.analysis,
        votes=verdict.votes,
    )
    return Round(exchange, line)


def own_items(path: Path, suite: str, *others: str) -> list[Item]:
    """Reads a user's items for one suite, their categories named as in its taxonomy.

    Args:
        path: A file of items.
        suite: The suite.
        others: More suites that items may belong to, with the same taxonomy.

    Raises:
        UsageError: The file cannot be read, or an item belongs to another suite or to no category.
    """
    items = []
    for item in load_items(path):
        if item.suite not in (suite, *others):
            wanted = " or ".join(map(repr, (suite, *others)))
            raise UsageError(f"{path}, item {item.id}: its suite is {item.suite!r}, not {wanted}; correct `suite`")
        found = load_taxonomy(suite).find(item.category)
        if not found:
            mend = "`anjian suites --categories` lists them"
            raise UsageError(f"{path}, item {item.id}: unknown `category` {item.category!r}; {mend}")
        items.append(msgspec.structs.replace(item, category=found[1].zh))
    return items


def evaluated(items: Sequence[Item], notes: list[str]) -> list[Item]:
    """Leaves out the training split, and notes how many that were."""
    kept = [item for item in items if item.split == "eval"]
    if len(kept) < len(items):
        notes.append(f"{len(items) - len(kept)} items of the training split were left out")
    return kept


def spread(items: Sequence[Item], limit: int | None) -> list[Item]:
    """Takes `limit` items at even distances, so that a small sample touches many categories; all if None."""
    if limit is None or limit >= len(items):
        return list(items)
    return [items[i * len(items) // limit] for i in range(limit)]
