"""The run of a filing: the engine of `anjian eval` on the sample, then the reviews by keywords and by people."""

from collections.abc import Sequence
from pathlib import Path

import msgspec

from anjian.console import plain_console
from anjian.filing import keywords, sheets
from anjian.filing.banks import Gap
from anjian.filing.classify import classify
from anjian.filing.folder import CLASSIFIED, SAMPLE, Filing, open_filing, sample
from anjian.filing.standard import SUITE
from anjian.judges.builtin import DEFAULT
from anjian.runs.loop import run_async
from anjian.runs.plan import Plan, Prepared, prepare
from anjian.suites.base import Source


class Reviewing(msgspec.Struct, frozen=True):
    """How far the reviews are.

    Attributes:
        lists: The sizes of the keyword lists; None where there are none.
        written: Sheets that were written just now.
        people: What people have said so far.
    """

    lists: list[Gap] | None
    written: list[sheets.Written]
    people: sheets.People


def prepare_run(folder: Path, plan: Plan) -> Prepared:
    """Prepares a plan for the sample of a filing; who judges is what the plan says, or else what `filing.toml` says.

    Raises:
        UsageError: There is no sample, or the plan is wrong.
    """
    filing = open_filing(folder)
    sample(folder)  # Where there is none, it says how to draw it.
    plan = msgspec.structs.replace(
        plan,
        suite=SUITE,
        source=Source(items=folder / SAMPLE),
        judges=plan.judges or filing.review.judge or (DEFAULT,),
        cards=plan.cards or _cards(folder, filing),
    )
    prepared = prepare(plan)
    # A run stays the same where its folder is moved.
    return msgspec.structs.replace(
        prepared, selection=msgspec.structs.replace(prepared.selection, origin=f"{SUITE} {SAMPLE}")
    )


def _cards(folder: Path, filing: Filing) -> tuple[Path, ...]:
    return tuple(folder / name for name in filing.review.judge_card)


def classify_content(folder: Path, judges: Sequence[str] | None, prepared: Prepared) -> list[str]:
    """Has a classifier review the content, where one is named here or in `filing.toml`; says why it is not whole.

    Raises:
        UsageError: The classifier cannot tell what is risky, or cannot be reached.
    """
    chosen = judges or open_filing(folder).review.classifier
    if not chosen:
        (folder / CLASSIFIED).unlink(missing_ok=True)
        return []
    plan = prepared.plan
    stopped = run_async(classify(folder, tuple(chosen), plain_console(stderr=True), plan.access, plan.budget))
    return [f"classifier: {stopped}"] if stopped else []


def review(folder: Path) -> Reviewing:
    """Reviews the replies by keywords, hands out sheets, and reads those that came back.

    Raises:
        UsageError: There is no finished run, or a list or a sheet is wrong.
    """
    lists = keywords.review(folder)
    written = sheets.hand_out(folder)
    return Reviewing(lists, written, sheets.read_people(folder))


def check_lists(folder: Path) -> None:
    """Raises UsageError where a list of keywords is wrong: better before a long run than after it."""
    keywords.read_keywords(folder, open_filing(folder).review.keywords)


def short_of(gaps: Sequence[Gap]) -> list[Gap]:
    """The lines that have less than they need."""
    return [gap for gap in gaps if gap.short]
