"""`anjian calibrate`: how far judges agree with labelled replies, as cards to show and to correct by."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from anjian.cli.options import Batch, Budget, Concurrency, JudgePrompt, Models, Timeout
from anjian.text import one_line

if TYPE_CHECKING:
    from anjian.runs.calibrate import Calibrated

INCOMPLETE = 3
ENOUGH = 0.95


def add_to(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("calibrate")(calibrate_judge)


def calibrate_judge(
    judges: Annotated[
        list[str],
        typer.Argument(metavar="JUDGE…", help="Whatever --judge takes; A+B is a panel; several are compared."),
    ],
    labels: Annotated[
        list[Path], typer.Option(help="Labelled replies, one JSON object a line (docs/judges.md); repeat.")
    ],
    kind: Annotated[
        Literal["refusal", "over_refusal", "points"] | None,
        typer.Option(help="What is judged. Default: points where nothing else is labelled, else refusal."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="The card, and CARD.JUDGE.json for each further judge; calls are kept in CARD.json.run beside it."
            " Default: JUDGE.KIND.json in runs/."
        ),
    ] = None,
    compare: Annotated[
        list[str] | None, typer.Option(help="Another judge, compared with the first on the same labels; repeat.")
    ] = None,
    judge_prompt: JudgePrompt = None,
    note: Annotated[str, typer.Option(help="For the card: who labelled, what the judge was tuned on.")] = "",
    budget: Budget = None,
    models: Models = None,
    concurrency: Concurrency = None,
    timeout: Timeout = 600.0,
    batch: Batch = False,
) -> None:
    """Calibrate judges on labelled replies: agreement with intervals, floors, the gravest disagreements, a card."""
    options = locals()
    from anjian.arguments import access_of
    from anjian.console import plain_console, tell
    from anjian.errors import UsageError
    from anjian.judges.card import save_card
    from anjian.judges.prompting import load_prompt
    from anjian.options import reach_of
    from anjian.reports.calibration import calibration_tables
    from anjian.runs.calibrate import Calibration, calibrate
    from anjian.runs.loop import run_async
    from anjian.runs.money.spending import lines_of

    names = [*judges, *(compare or ())]
    if len(set(names)) < len(names):
        raise UsageError("a judge compared with itself shows nothing; name different judges")
    wanted = Calibration(
        judges=tuple(map(_members, names)),
        labels=tuple(labels),
        kind=kind or "",
        note=note,
        prompts=tuple(map(load_prompt, judge_prompt or ())),
        budget=budget,
        access=access_of(reach_of(options)),
    )
    paths = [_card_path(out, name, kind or "", place) for place, name in enumerate(names)]
    if len(set(paths)) < len(paths):
        raise UsageError("two of the judges would have one card; calibrate them one by one, each with --out")
    first = paths[0]
    found = run_async(calibrate(wanted, first.with_name(first.name + ".run"), plain_console(stderr=True)))
    console = plain_console()
    for table in calibration_tables(found):
        console.print(table)
    for line in found.notes:
        console.print(f"note: {line}")
    for one, path in zip(found.judged, paths, strict=True):
        for line in lines_of(one.card.spent) or [f"{one.card.judge}: no call to a model, no cost"]:
            console.print(line, soft_wrap=True)
        save_card(one.card, path)
        by = f", by the prompt {one.card.prompt}" if one.card.prompt else ""
        console.print(f"card of {one.card.judge}{by}: {path}", soft_wrap=True)
    if found.stopped:
        tell(f"anjian: {found.stopped}")
    raise typer.Exit(_ended(found))


def _members(name: str) -> tuple[str, ...]:
    """The judges of a panel, or one judge; some models have a plus at the end of their names."""
    parts = tuple(name.split("+"))
    return parts if all(parts) else (name,)


def _card_path(out: Path | None, judge: str, kind: str, place: int) -> Path:
    """Where the card of a judge goes: what the user named, beside it for further judges, else in runs/."""
    from anjian.files import file_name

    if out is None:
        return Path("runs") / ".".join(filter(None, (file_name(judge), kind, "json")))
    return out.with_name(f"{out.stem}.{file_name(judge)}{out.suffix or '.json'}") if place else out


def _ended(found: Calibrated) -> int:
    """3 where a judge left many labels without a verdict, which is said."""
    from anjian.console import tell

    code = 0
    for one in found.judged:
        missing = Counter(verdict.unscored for verdict in one.verdicts if verdict.unscored)
        if sum(missing.values()) > (1 - ENOUGH) * len(one.verdicts):
            (reason, count), *_ = missing.most_common(1)
            words = next(verdict.analysis for verdict in one.verdicts if verdict.unscored == reason)
            share = 1 - sum(missing.values()) / len(one.verdicts)
            why = f"{count} are unscored for `{reason}` ({one_line(words)})"
            tell(f"anjian: {one.card.judge} gave {share:.1%} of its verdicts: {why}; run the same command to ask again")
            code = INCOMPLETE
    return code
