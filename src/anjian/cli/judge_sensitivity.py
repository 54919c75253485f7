"""`anjian judge-sensitivity`: how far the prompt of a judge moves the scores of a run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from anjian.cli.options import Batch, Budget, Concurrency, Models, Timeout

if TYPE_CHECKING:
    from rich.console import Console

    from anjian.runs.sensitivity import Sensitivity

INCOMPLETE = 3
ENOUGH = 0.95
SHOWN = 20
_LETTERS = 40


def add_to(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("judge-sensitivity")(show_sensitivity)


def show_sensitivity(
    run: Annotated[
        Path, typer.Argument(help="A finished run; its stored replies are judged, its target is not asked.")
    ],
    prompt: Annotated[list[str], typer.Option(help="A shipped prompt or a file, as for --judge-prompt; repeat.")],
    judge: Annotated[str | None, typer.Option(help="A model. Default: the run's judge.")] = None,
    out: Annotated[Path | None, typer.Option(help="Write all of it as FILE.json, or the flips as FILE.csv.")] = None,
    budget: Budget = None,
    models: Models = None,
    concurrency: Concurrency = None,
    timeout: Timeout = 600.0,
    batch: Batch = False,
) -> None:
    """Judge a run again under several prompts: how far metrics move, which replies flip, what it cost."""
    options = locals()
    from anjian.arguments import access_of
    from anjian.console import plain_console, tell
    from anjian.errors import UsageError
    from anjian.judges.prompting import load_prompt
    from anjian.options import reach_of
    from anjian.runs.loop import run_async
    from anjian.runs.sensitivity import judge_sensitivity

    if out and out.suffix not in (".json", ".csv"):
        raise UsageError(f"--out {out}: write FILE.json or FILE.csv")
    access, prompts = access_of(reach_of(options)), [load_prompt(one) for one in prompt]
    found = run_async(judge_sensitivity(run, prompts, judge, plain_console(stderr=True), access, budget))
    _print(found, plain_console())
    if out:
        _write(found, out)
    if found.stopped:
        tell(f"anjian: {found.stopped}")
    if min(found.scored) < ENOUGH * found.replies:
        tell(
            f"anjian: {found.judge} gave {min(found.scored)} of {found.replies} verdicts under one of the prompts; run"
            " the same command to ask again"
        )
        raise typer.Exit(INCOMPLETE)


def _print(found: Sensitivity, console: Console) -> None:
    from rich.text import Text

    from anjian.reports.terminal import titled_table
    from anjian.reports.text import interval_text, number
    from anjian.runs.money.spending import lines_of, table_of
    from anjian.text import one_line, plain

    for tag, changes in zip(found.prompts[1:], found.changes, strict=True):
        table = titled_table(f"{found.judge}: {found.prompts[0]} → {tag}")
        for head in ("指标\nmetric", "n", "前\nbefore", "后\nafter", "变化\nchange", "95% 区间\ninterval", "p (Holm)"):
            table.add_column(head, justify="left" if head.endswith("metric") else "right")
        for one in changes:
            times = one.metric.points
            values = (number(value, times, 1) for value in (one.before, one.after, one.change))
            interval = interval_text(one.low, one.high, times, 1)
            cells = (one.metric.metric, str(one.n), *values, interval, number(one.p_holm, 1, 3))
            table.add_row(*(Text(plain(cell)) for cell in cells))
        console.print(table)
    if found.flips:
        table = titled_table("翻转的回复 replies that flip")
        for head in ("id", *found.prompts, "回复 reply"):
            table.add_column(Text(plain(head)), overflow="fold")
        for flip in found.flips[:SHOWN]:
            where = f"{flip.id}{f' · {flip.round}' if flip.round > 1 else ''}"
            cells = (where, *(label or "–" for label in flip.labels), one_line(flip.reply, _LETTERS))
            table.add_row(*(Text(plain(cell)) for cell in cells))
        console.print(table)
    if found.both:
        share = 100 * len(found.flips) / found.both
        told = f"{len(found.flips)} of {found.both} replies ({share:.1f}%) get different labels"
    else:
        told = "no reply has a verdict under every prompt: nothing can be compared"
    without = f"; {found.replies - found.both} lack a verdict under one of them" if found.both < found.replies else ""
    console.print(told + without, soft_wrap=True)
    for line in lines_of(table_of(found.spent)):
        console.print(line, soft_wrap=True)


def _write(found: Sensitivity, out: Path) -> None:
    import msgspec

    from anjian.files import replace
    from anjian.reports.text import csv_text

    if out.suffix == ".json":
        replace(out, msgspec.json.format(msgspec.json.encode(found), indent=1) + b"\n")
        return
    heads = ("id", "epoch", "round", *found.prompts, "reply")
    rows = ((flip.id, flip.epoch, flip.round, *flip.labels, flip.reply) for flip in found.flips)
    replace(out, csv_text([heads, *rows]).encode())
