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
from msgspec import to_builtins
from rich.console import Console

from anjian.dialogue.scripted import EARLIER_TURN_FAILED
from anjian.files import replace, written
from anjian.items.lines import decode_lines
from anjian.judges.base import JUDGE_UNPARSED, MENDS, NO_ANSWER
from anjian.judges.builtin import builtin_judges
from anjian.judges.named import members
from anjian.models.base import (
    BAD_REPLY,
    CONNECTION,
    FUNCTION_ERROR,
    HTTP_ERROR,
    NOT_ASKED,
    PREFIX,
    RATE_LIMIT,
    TIMEOUT,
    Model,
)
from anjian.models.function import FunctionModel
from anjian.models.resolve import Access
from anjian.models.settled import settings_of, version_of
from anjian.models.weights import fingerprint
from anjian.runs.carded import fit_cards
from anjian.runs.cascades import saved
from anjian.runs.desk import Desk
from anjian.runs.folder import (
    LEDGER,
    REPLIES,
    RUN,
    SCORES,
    VERDICTS,
    Identity,
    note_spent,
    opened,
    read_about,
    write_run,
)
from anjian.runs.intact import hashes_of
from anjian.runs.judged import By, begin, outdone, place_of, show
from anjian.runs.ledger import Ledger
from anjian.runs.money.purse import MEND, Purse
from anjian.runs.money.spending import Spent, table_of
from anjian.runs.output import Output
from anjian.runs.plan import Plan, Prepared
from anjian.runs.seats import Lazy, Seats, describe_models, judges_version, lazily, model_names
from anjian.runs.session import carry_out
from anjian.scores.carded import with_corrected
from anjian.scores.count import Count
from anjian.scores.rows import Row, Verdicted
from anjian.text import one_line, plain

WORTH_ANOTHER_TRY = (
    TIMEOUT, CONNECTION, HTTP_ERROR, BAD_REPLY, RATE_LIMIT, NOT_ASKED, FUNCTION_ERROR, NO_ANSWER, JUDGE_UNPARSED,
)  # fmt: skip
"""Reasons of calls that came to nothing: the next run makes them again. Those of judges and adversaries end so, too."""

FOR_ANOTHER = (NOT_ASKED, EARLIER_TURN_FAILED)
"""Reasons that say nothing by themselves: something else had failed before."""


class Result(msgspec.Struct, frozen=True):
    """What came of a run.

    Attributes:
        notes: What the user should know about the items, the replies and who judged.
        folder: Where its verdicts lie: the run folder, or that of a judge which was outdone by another.
        failures: Why replies have no verdict, the commonest first: the reason, how many, the first words of who failed.
        stopped: Why not everything was asked, if so.
        unscored: The commonest reason why replies have no verdict, with the words of who failed, and the mend.
        spent: What everybody used, over all sessions.
    """

    rows: list[Row]
    n: int
    scored: int
    notes: list[str]
    folder: Path
    stopped: str | None = None
    unscored: str = ""
    failures: list[tuple[str, int, str]] = []
    spent: list[Spent] = []


async def run_plan(
    prepared: Prepared,
    folder: Path,
    console: Console,
    known: Mapping[str, Model] | None = None,
    purse: Purse | None = None,
) -> Result:
    """Runs a prepared plan in its folder.

    Args:
        prepared: What is to be asked.
        folder: The run folder.
        console: Where progress is shown.
        known: Models described before, by name; the others are described here.
        purse: The money of several runs; by default, this one has a purse of its own.

    Raises:
        UsageError: The models or the folder cannot be used, or the budget cannot be kept.
        AnjianError: The disk is full, a server does not start.
    """
    plan, selection = prepared.plan, prepared.selection
    cards = fit_cards(prepared)
    said = partial(console.print, markup=False, highlight=False, soft_wrap=True)
    access = msgspec.structs.replace(plan.access, log=folder / "server.log", tell=said)
    models = describe_models(plan.names, access, known)
    purse = purse or Purse(model_names(plan.names), plan.budget)
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
        narrowed = _narrowed(folder, len(prepared.items))
        for note in narrowed:
            said(plain(note))
        about: dict[str, Any] = {"suite_version": prepared.suite.version}
        if prepared.suite.file:
            about["suite_file"] = prepared.suite.file
        given = {"answers": plan.source.answers, "ties": "stricter" if plan.strict_ties else None, "limit": plan.limit}
        about |= {name: value if name == "limit" else str(value) for name, value in given.items() if value}
        if plan.source.include_ambiguous:
            about["include_ambiguous"] = True
        if plan.filtered == "refusal":
            about["filtered"] = plan.filtered
        if plan.judge_thinking:
            about["judge_thinking"] = True
        if not (folder / RUN).exists():
            write_run(folder, identity, about, prepared.items, selection.notes, plan.access.told)
        versions = versions_of(plan, models)
        given_prompts = (prompt.tag for prompt in plan.prompts)
        by = By(plan.judge, "+".join(filter(None, (judges_version(plan.judges, versions), *given_prompts))))
        place = place_of(folder, by)
        count = prepared.suite.counting()
        with (
            Ledger(folder / LEDGER) as ledger,
            written(place / REPLIES) as replies,
            written(place / VERDICTS) as verdicts,
        ):
            purse.enter(folder / LEDGER, ledger.usage)
            replay = Desk(prepared, ledger, Seats(plan.names, ledger, {}, versions))
            output = Output(prepared, replay, replies, verdicts, count)
            async with AsyncExitStack() as stack:
                stack.push_async_callback(output.rest)
                seats = Seats(plan.names, ledger, lazily(models, stack, console), versions, purse)
                at_once = plan.access.concurrency or models[plan.model].concurrency
                stopped = await _ask(prepared, ledger, seats, at_once, output, console)
                engine = models[plan.model].about() | _learned_of(models, plan.model)
            ledger.commit()
            await output.finish()
            begin(place)
        rows = count.rows(plan.model, plan.judge, plan.epochs)
        uncorrected: list[str] = []
        if cards.fitting:
            judged = (verdict for _, verdict in decode_lines(place / VERDICTS, Verdicted))
            rows, uncorrected = with_corrected(rows, judged, count, prepared.suite.tasks, cards.fitting)
        replace(place / SCORES, msgspec.json.format(msgspec.json.encode(rows), indent=1) + b"\n")
        spent = purse.spent(plan.roles, folder / LEDGER)
        savings, tables = saved(plan, count, spent)
        notes = [*selection.notes, *cards.notes, *uncorrected, *output.notes(), *count.notes(plan.judge), *savings]
        stays = outdone(folder, place, by)
        if stays:
            note_spent(folder, table_of(spent))
        else:
            show(folder, place, by)
        shown = place if stays else folder
        about |= by.table() | {"judge_cards": [to_builtins(line) for line in cards.lines]}
        if prepared.judge_prompts:
            about["judge_prompt"] = prepared.judge_prompts
        about |= {"cascade": tables} if tables else {}
        write_run(
            shown, identity, about, prepared.items, notes, plan.access.told, engine, table_of(spent), hashes_of(shown)
        )
    mend = MEND if purse.closed else ""
    return Result(
        rows=rows,
        n=count.n,
        scored=count.scored,
        notes=[*notes, stays] if stays else [*notes, *narrowed],
        folder=shown,
        stopped=stopped,
        unscored=told(count, shown / VERDICTS, mend),
        failures=failures_of(count),
        spent=spent,
    )


def _narrowed(folder: Path, count: int) -> list[str]:
    """Says that a folder held the scores of more items than a run will leave there."""
    held = read_about(folder) if (folder / RUN).exists() else None
    before = held.items.get("count") if held else None
    if held is None or not isinstance(before, int) or before <= count:
        return []
    way = f"with --limit {held.run['limit']}" if "limit" in held.run else "without --limit"
    had = f"{folder} is a run of {before} items, and its scores will be those of {count}"
    return [f"{had}; no answer is lost: run the same {way} to have them back, asking nothing anew"]


def failures_of(count: Count) -> list[tuple[str, int, str]]:
    """Why replies have no verdict, the commonest reason first; last what was not asked because of another failure."""
    order = sorted(count.reasons, key=lambda one: (one.endswith(FOR_ANOTHER), -count.reasons[one]))
    return [(one, count.reasons[one], one_line(count.words[one])) for one in order]


def _learned_of(models: Mapping[str, Model], target: str) -> dict[str, Any]:
    """What judges and adversaries were found to refuse."""
    found = {name: model.about().get("learned") for name, model in models.items() if name != target}
    learned = {name: lines for name, lines in found.items() if lines}
    return {"learned_of_others": learned} if learned else {}


def told(count: Count, verdicts: Path, mend: str = "") -> str:
    """Says why most of the unscored replies are unscored, and what can be done; empty if there are none."""
    if not count.reasons:
        return ""
    first, number, words = failures_of(count)[0]
    most = f"{number} of {sum(count.reasons.values())} for `{first}`{f' ({words})' if words else ''}"
    again = any(first.endswith(reason) for reason in WORTH_ANOTHER_TRY)
    usual = "run the same command to ask again" if again else f"all reasons are in {verdicts}"
    return f"unscored are {most}; {mend or MENDS.get(words, usual)}"


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
    warm = [asyncio.to_thread(one.warm_up) for name, one in builtin_judges().items() if name in members(plan.judges)]
    warming = asyncio.gather(*warm)
    try:
        stopped = await carry_out(range(total), act, seats, at_once, console)
    finally:
        await asyncio.shield(warming)
    if not seats.asked and not stopped:
        console.print(f"all {total} dialogues are in the ledger; nothing to ask", highlight=False)
    return stopped
