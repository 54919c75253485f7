"""Carries out an evaluation: each dialogue is held, judged, counted and written, once and in one pass.

Whatever the ledger holds is not asked again, and what is written keeps to the order of the items. So a run that was
killed and run again ends with the same files, byte for byte, as one that never stopped.
"""

import asyncio
from collections.abc import Mapping
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console

from anjian.dialogue.scripted import EARLIER_TURN_FAILED
from anjian.files import replace, written
from anjian.judges.builtin import builtin_judges
from anjian.models.base import (
    BAD_REPLY,
    CONNECTION,
    FUNCTION_ERROR,
    HTTP_ERROR,
    NOT_ASKED,
    RATE_LIMIT,
    TIMEOUT,
    Model,
)
from anjian.models.function import PREFIX, FunctionModel
from anjian.models.resolve import Access
from anjian.models.settled import settings_of, version_of
from anjian.models.weights import fingerprint
from anjian.runs.desk import Desk
from anjian.runs.folder import LEDGER, REPLIES, SCORES, VERDICTS, Identity, note_end, opened, write_run
from anjian.runs.ledger import Ledger
from anjian.runs.output import Output
from anjian.runs.plan import Plan, Prepared
from anjian.runs.seats import Lazy, Seats, describe_models, lazily, model_names
from anjian.runs.session import carry_out
from anjian.scores.count import Count
from anjian.scores.rows import Row
from anjian.text import one_line, plain

WORTH_ANOTHER_TRY = (TIMEOUT, CONNECTION, HTTP_ERROR, BAD_REPLY, RATE_LIMIT, NOT_ASKED, FUNCTION_ERROR)
"""Reasons of failed calls, which the next run makes again; those of judges and adversaries end so, too."""


class Result(msgspec.Struct, frozen=True):
    """What came of a run.

    Attributes:
        stopped: Why not everything was asked, if so.
        unscored: The commonest reason why replies have no verdict, with the words of who failed, and the mend.
    """

    rows: list[Row]
    n: int
    scored: int
    notes: list[str]
    stopped: str | None = None
    unscored: str = ""


async def run_plan(
    prepared: Prepared, folder: Path, console: Console, known: Mapping[str, Model] | None = None
) -> Result:
    """Runs a prepared plan in its folder.

    Args:
        prepared: What is to be asked.
        folder: The run folder.
        console: Where progress is shown.
        known: Models described before, by name; the others are described here.

    Raises:
        UsageError: The models or the folder cannot be used.
        AnjianError: The disk is full, a server does not start.
    """
    plan, selection = prepared.plan, prepared.selection
    said = partial(console.print, markup=False, highlight=False, soft_wrap=True)
    access = msgspec.structs.replace(plan.access, log=folder / "server.log", tell=said)
    models = describe_models(plan.names, access, known)
    identity = Identity(
        suite=prepared.suite.name,
        model=plan.model,
        epochs=plan.epochs,
        sampling=plan.sampling,
        origin=selection.origin,
        adversary=plan.adversary or "",
        rounds=plan.rounds or 0,
        weights=weights_of(plan.model, models[plan.model], plan.access),
        settings=settings_of(plan.model, plan.access),
    )
    with opened(folder, identity):
        about: dict[str, Any] = {"suite_version": prepared.suite.version}
        if prepared.suite.file:
            about["suite_file"] = prepared.suite.file
        given = {"answers": plan.source.answers, "ties": "stricter" if plan.strict_ties else None, "limit": plan.limit}
        about |= {name: value if name == "limit" else str(value) for name, value in given.items() if value}
        if plan.source.include_ambiguous:
            about["include_ambiguous"] = True
        write_run(folder, identity, about, prepared.items, selection.notes, plan.access.told)
        count = prepared.suite.counting()
        with (
            Ledger(folder / LEDGER) as ledger,
            written(folder / REPLIES) as replies,
            written(folder / VERDICTS) as verdicts,
        ):
            versions = versions_of(plan, models)
            replay = Desk(prepared, ledger, Seats(plan.names, ledger, {}, versions))
            output = Output(prepared, replay, replies, verdicts, count)
            async with AsyncExitStack() as stack:
                seats = Seats(plan.names, ledger, lazily(models, stack, console), versions)
                at_once = plan.access.concurrency or models[plan.model].concurrency
                stopped = await _ask(prepared, ledger, seats, at_once, output, console)
                engine = models[plan.model].about()
            ledger.commit()
            await output.finish()
        rows = count.rows(plan.model, plan.judge, plan.epochs)
        replace(folder / SCORES, msgspec.json.format(msgspec.json.encode(rows), indent=1) + b"\n")
        note_end(folder, plan.judge, engine)
    return Result(rows, count.n, count.scored, selection.notes, stopped, told(count, folder / VERDICTS))


def told(count: Count, verdicts: Path) -> str:
    """Says why most of the unscored replies are unscored, and what can be done; empty if there are none."""
    if not count.reasons:
        return ""
    # What was not asked because something else failed tells least.
    first = max(count.reasons, key=lambda one: (one not in (NOT_ASKED, EARLIER_TURN_FAILED), count.reasons[one]))
    words = one_line(count.words[first])
    most = f"{count.reasons[first]} of {sum(count.reasons.values())} for `{first}`{f' ({words})' if words else ''}"
    again = any(first.endswith(reason) for reason in WORTH_ANOTHER_TRY)
    return f"unscored are {most}; {'run the same command to ask again' if again else f'all reasons are in {verdicts}'}"


def weights_of(name: str, model: Model | None, access: Access) -> str:
    """A short hash of what decides the replies of a model on this machine; empty for models elsewhere."""
    inner = model.model if isinstance(model, Lazy) else model
    return inner.weights if isinstance(inner, FunctionModel) else fingerprint(name, access)


def versions_of(plan: Plan, models: Mapping[str, Model]) -> dict[str, str]:
    """The versions of those that judge or attack: what an earlier one said is not taken for this one's."""
    others = {
        name: weights_of(name, models[name], Access()) if name.startswith(PREFIX) else version_of(name)
        for name in model_names(plan.names)
        if name != plan.model
    }
    return {name: version for name, version in others.items() if version}


async def _ask(
    prepared: Prepared, ledger: Ledger, seats: Seats, at_once: int, output: Output, console: Console
) -> str | None:
    """Holds and judges all dialogues, asking whatever the ledger lacks; returns why it stopped early, if it did."""
    plan, total = prepared.plan, prepared.total
    desk = Desk(prepared, ledger, seats)
    for note in prepared.unjudged():
        console.print(plain(f"note: {note}"), markup=False, highlight=False, soft_wrap=True)

    async def act(number: int) -> int:
        item, epoch = prepared.sample(number)
        dialogue = await desk.held(item, epoch)
        if desk.asks_nobody(item):
            await output.put(number, dialogue)
            return sum(not exchange.thought or not exchange.thought.answer for exchange in dialogue.exchanges)
        rounds = await desk.judged(item, epoch, dialogue)
        await output.put(number, rounds)
        return sum(one.verdict.unscored is not None for one in rounds)

    # What judges need to begin takes a while to make: best done while the first replies are under way.
    warm = [asyncio.to_thread(one.warm_up) for name, one in builtin_judges().items() if name in plan.judges]
    warming = asyncio.gather(*warm)
    try:
        stopped = await carry_out(range(total), act, seats, at_once, console)
    finally:
        await asyncio.shield(warming)
    if not seats.asked:
        console.print(f"all {total} dialogues are in the ledger; nothing to ask", highlight=False)
    return stopped
