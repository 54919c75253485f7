"""Carries out an evaluation: asks what is missing, then derives verdicts, scores and the report from the ledger alone.

The second step reads nothing but the items and the ledger. So a run that was killed and run again ends with the same
files, byte for byte, as one that never stopped.
"""

import asyncio
import itertools
from collections.abc import AsyncIterator, Iterator, Mapping
from functools import cache
from pathlib import Path

import msgspec
from rich.console import Console

from anjian.errors import UsageError
from anjian.files import replace, written
from anjian.items.records import Item
from anjian.judges.rules.cues import load_cues
from anjian.models.base import Model, Sampling
from anjian.models.resolve import Access
from anjian.models.weights import fingerprint
from anjian.runs.asking import StoppedError
from anjian.runs.engine import drive
from anjian.runs.folder import LEDGER, REPLIES, SCORES, VERDICTS, Identity, Replied, opened, write_run
from anjian.runs.ledger import Ledger
from anjian.runs.progress import RunProgress
from anjian.runs.seats import RULES, Seats, describe_models, entered
from anjian.scores.rows import Row, Verdicted, coverage
from anjian.suites import find_suite
from anjian.suites.base import Cast, Round, Selection, Source, Suite, spread

BREATH = 64
"""Samples derived at a stretch, before calls under way are looked after again."""


class Plan(msgspec.Struct, frozen=True):
    """What is to be evaluated; the options of `anjian eval` with the same names.

    `epochs` 0 and settings of `sampling` that are None leave the choice to the suite; see `prepare`.
    """

    model: str
    suite: str
    judges: tuple[str, ...] = (RULES,)
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


class Result(msgspec.Struct, frozen=True):
    """What came of a run; `stopped` says why not everything was asked, if so."""

    rows: list[Row]
    n: int
    scored: int
    notes: list[str]
    stopped: str | None = None


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
    if suite.adversarial and plan.adversary is None:
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


async def evaluate(
    prepared: Prepared, folder: Path, console: Console, known: Mapping[str, Model] | None = None
) -> Result:
    """Runs a prepared plan in its folder.

    Args:
        prepared: What is to be asked.
        folder: The run folder.
        console: Where progress is shown.
        known: Models described before, by name; by default they are described here.

    Raises:
        UsageError: The models or the folder cannot be used.
        AnjianError: The disk is full, a server does not start.
    """
    plan, selection = prepared.plan, prepared.selection
    access = msgspec.structs.replace(plan.access, log=folder / "server.log")
    models = known or describe_models(plan.names, access)
    identity = Identity(
        suite=plan.suite,
        model=plan.model,
        epochs=plan.epochs,
        sampling=plan.sampling,
        origin=selection.origin,
        adversary=plan.adversary or "",
        rounds=plan.rounds or 0,
        weights=fingerprint(plan.model),
    )
    with opened(folder, identity), Ledger(folder / LEDGER) as ledger:
        about = {"suite_version": prepared.suite.version, "judge": plan.judge}
        limit = {"limit": plan.limit} if plan.limit else {}
        write_run(folder, identity, {**about, **limit}, prepared.items, selection.notes)
        settled = Settled()
        deriving = asyncio.create_task(_derive(prepared, ledger, folder, settled))
        try:
            stopped = await _ask(prepared, ledger, models, console, settled)
            ledger.commit()
            settled.all()
            rows, n, scored = await deriving
        finally:
            deriving.cancel()
    return Result(rows, n, scored, selection.notes, stopped)


class Settled:
    """Which samples have nothing more to ask, so that they can be derived while others are still under way."""

    def __init__(self) -> None:
        """Starts with none."""
        self._done: set[int] = set()
        self._all = False
        self._changed = asyncio.Event()

    def add(self, number: int) -> None:
        """Settles one sample, by its place in the order."""
        self._done.add(number)
        self._changed.set()

    def all(self) -> None:
        """Settles whatever is left: nothing more will be asked."""
        self._all = True
        self._changed.set()

    async def wait(self, number: int) -> None:
        """Returns once the sample is settled; each number is waited for once."""
        while not self._all and number not in self._done:
            self._changed.clear()
            await self._changed.wait()
        self._done.discard(number)


async def _ask(
    prepared: Prepared, ledger: Ledger, models: Mapping[str, Model], console: Console, settled: Settled
) -> str | None:
    """Fills the ledger; returns why it stopped early, if it did."""
    plan = prepared.plan
    missing = [sample async for sample in _missing(prepared, ledger, settled)]
    total = len(prepared.items) * plan.epochs
    if not missing:
        console.print(f"all {total} dialogues are in the ledger; nothing to ask", highlight=False)
        return None
    if len(missing) < total:
        console.print(f"{total - len(missing)} of {total} dialogues are in the ledger already", highlight=False)
    async with entered(models, console) as ready:
        desk = Desk(prepared, ledger, ready, collecting=True)
        # Compiling the cues takes a while: best done while the first replies are under way.
        cues = asyncio.create_task(asyncio.to_thread(load_cues)) if RULES in plan.judges else None
        with RunProgress(total, console, done=total - len(missing)) as progress:

            async def act(sample: tuple[int, Item, int]) -> None:
                number, item, epoch = sample
                rounds = await desk.rounds(item, epoch)
                settled.add(number)
                progress.add(sum(round_.verdict.unscored is not None for round_ in rounds), desk.seats.tokens)

            try:
                await drive(missing, act, min(len(missing), plan.access.concurrency or ready[plan.model].concurrency))
            except StoppedError as error:
                return error.as_remark()
            finally:
                if cues:
                    await asyncio.shield(cues)
    return None


class Desk:
    """A prepared run with everybody in their seats; without models, a replay of what is stored."""

    def __init__(
        self, prepared: Prepared, ledger: Ledger, models: Mapping[str, Model], collecting: bool = False
    ) -> None:
        """Casts target, judges and adversary; `collecting` puts off verdicts that no further call depends on."""
        plan = prepared.plan
        rules_later = collecting and not prepared.suite.adversarial
        self.seats = seats = Seats(plan.names, ledger, models, rules_later)
        self._suite = prepared.suite
        self._cast = Cast(
            target=seats[plan.model],
            judge=cache(lambda kind: seats.judge(plan.judges, kind, plan.strict_ties)),
            sampling=plan.sampling,
            adversary=seats[plan.adversary] if plan.adversary else None,
            adversary_sampling=Sampling(seed=plan.sampling.seed),
            rounds=plan.rounds,
        )

    async def rounds(self, item: Item, epoch: int) -> list[Round]:
        """Holds and judges one dialogue."""
        return await self._suite.evaluate(item, epoch, self._cast)


async def _missing(prepared: Prepared, ledger: Ledger, settled: Settled) -> AsyncIterator[tuple[int, Item, int]]:
    """The samples that need a call which the ledger does not hold, each with its place in the order."""
    empty = not ledger.count()
    desk = Desk(prepared, ledger, {}, collecting=True)
    for number, (item, epoch) in enumerate(prepared.samples()):
        before = desk.seats.missed
        if not empty:
            await desk.rounds(item, epoch)
        if empty or desk.seats.missed > before:
            yield number, item, epoch
        else:
            settled.add(number)


async def _derive(prepared: Prepared, ledger: Ledger, folder: Path, settled: Settled) -> tuple[list[Row], int, int]:
    """Writes replies, verdicts and scores; returns the rows, and how many verdicts there should be and are.

    It reads the ledger alone and keeps to the order of the items, so that what is written does not depend on the order
    in which replies came.
    """
    plan, desk = prepared.plan, Desk(prepared, ledger, {})
    kept: list[Verdicted] = []
    with written(folder / REPLIES) as replies, written(folder / VERDICTS) as verdicts:
        for number, (item, epoch) in enumerate(prepared.samples()):
            await settled.wait(number)
            if number % BREATH == 0:
                await asyncio.sleep(0)
            for round_ in await desk.rounds(item, epoch):
                replies.write(msgspec.json.encode(_replied(plan.model, round_)) + b"\n")
                verdicts.write(msgspec.json.encode(round_.verdict) + b"\n")
                kept.append(msgspec.structs.replace(round_.verdict, analysis=""))
    rows = prepared.suite.score(kept, plan.model, plan.judge, plan.epochs)
    replace(folder / SCORES, msgspec.json.format(msgspec.json.encode(rows), indent=1) + b"\n")
    return rows, *coverage(kept)


def _replied(model: str, round_: Round) -> Replied:
    exchange, verdict = round_.exchange, round_.verdict
    reply, thought = exchange.reply, exchange.thought
    return Replied(
        id=verdict.id,
        model=model,
        messages=exchange.messages,
        epoch=verdict.epoch,
        round=verdict.round,
        answer=thought.answer if thought else "",
        thinking=thought.thinking if thought else "",
        shape=verdict.shape,
        finish_reason=reply.finish_reason if reply else None,
        prompt_tokens=reply.prompt_tokens if reply else 0,
        completion_tokens=reply.completion_tokens if reply else 0,
        failure=exchange.failure,
    )
