"""`anjian bank`: checks and counts a bank of items, the bundled one or a user's."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from anjian.items.records import Item
    from anjian.scores.rows import Verdicted

bank = typer.Typer(no_args_is_help=True, help="Check and count a bank of items, the bundled one or your own.")
Files = Annotated[list[Path] | None, typer.Argument(help="Files of items; none means the bundled bank.")]


def add_to(app: typer.Typer) -> None:
    """Adds the commands."""
    app.add_typer(bank, name="bank")


@bank.command("check")
def check(
    files: Files = None,
    against: Annotated[
        list[Path] | None, typer.Option(help="Files of items whose questions must not be repeated; may be repeated.")
    ] = None,
    meaning: Annotated[
        bool, typer.Option("--meaning", help="Also look for questions that mean nearly the same; needs the extra bank.")
    ] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Count advice as faults.")] = False,
) -> None:
    """Check a bank: near-duplicates, train against eval, forbidden content; advice on keys, lengths, twins, giveaways.

    Exit 1 on faults.
    """
    from anjian.items.check import check_items, surfaces
    from anjian.items.meaning import same_meaning
    from anjian.items.near import text_of
    from anjian.items.records import load_items
    from anjian.text import plain

    others = [(f"{path.name} {item.id}", text_of(item)) for path in against or [] for item in load_items(path)]
    faults = 0
    banks = _banks(files)
    for name, items in banks.items():
        for fault in (*check_items(items, others), *(same_meaning(items) if meaning else ())):
            mild = fault.advice and not strict
            faults += not mild
            typer.echo(plain(f"{name}: {'advice: ' if mild else ''}{fault}"))
        typer.echo(plain(f"{name}: {len(items)} items checked"))
    together = [item for items in banks.values() for item in items]
    for kind, (found, _) in surfaces(together).items():
        typer.echo(
            plain(
                f"{found.harmless} harmless questions ({kind}) are told from {found.risky} risky ones by their "
                f"characters in {found.bayes:.0%} (naive Bayes), {found.logistic:.0%} (logistic regression)"
            )
        )
    if faults:
        sys.stderr.write(f"anjian: {faults} faults found; mend the items named above\n")
        raise typer.Exit(1)


@bank.command("stats")
def stats(
    files: Files = None,
    form: Annotated[
        Literal["table", "json"], typer.Option("--format", help="json also counts by risk of GB/T 45654-2025.")
    ] = "table",
) -> None:
    """Count items by category and kind."""
    from rich.table import Table

    from anjian.console import plain_console
    from anjian.items.check import by_risk
    from anjian.items.check import stats as count

    if form == "json":
        counted = {name: count(items) for name, items in _banks(files).items()}
        rows = {name: {"categories": counts, "risks": by_risk(counts)} for name, counts in counted.items()}
        typer.echo(json.dumps(rows, ensure_ascii=False, indent=2))
        return
    console = plain_console()
    for name, items in _banks(files).items():
        counts = count(items)
        kinds = [
            "mcq",
            "mcq law",
            "mcq recognition",
            "problem",
            "risky",
            "risky+history",
            "harmless",
            "train risky",
            "train harmless",
        ]
        kinds = [kind for kind in kinds if any(kind in row for row in counts.values())]
        table = Table(title=name)
        table.add_column("category", overflow="fold", ratio=1)
        for kind in kinds:
            table.add_column(kind.replace("+", " ").replace(" ", "\n"), justify="right")
        for category, row in counts.items():
            table.add_row(category, *(str(row[kind]) for kind in kinds))
        table.add_section()
        table.add_row("total", *(str(sum(row[kind] for row in counts.values())) for kind in kinds))
        console.print(table)


@bank.command("hardness")
def hardness(
    runs: Annotated[list[Path], typer.Argument(help="Run folders of different models on the same items.")],
    show: Annotated[
        str, typer.Option("--list", help="List the items that `all`, `some` or `none` of the models pass.")
    ] = "",
) -> None:
    """Show which items tell models apart: how many all models pass, some do, none does."""
    from rich.table import Table

    from anjian.console import plain_console
    from anjian.errors import UsageError
    from anjian.runs.folder import read_about
    from anjian.runs.reading import read_measured, suite_of_run
    from anjian.scores.hardness import hardness as measure
    from anjian.scores.hardness import summary
    from anjian.text import plain

    if show not in ("", "all", "some", "none"):
        raise UsageError(f"--list takes all, some or none, not {show!r}")
    verdicts: dict[str, list[Verdicted]] = {}
    passes: dict[str, int] = {}
    for folder in runs:
        run, suite = read_measured(folder), suite_of_run(read_about(folder))
        if suite is None:
            raise UsageError(
                f"{folder} is a run of {run.suite!r}, and no such suite here says what passes; leave it out"
            )
        passes |= {task.name: task.kind.passes for task in suite.tasks if task.kind and task.compared}
        verdicts[f"{run.model} {folder.name}"] = run.verdicts
    items = measure(verdicts, passes)
    table = Table("task", "all pass", "some pass", "none passes", title=f"{len(verdicts)} models")
    for task, counts in summary(items).items():
        table.add_row(plain(task), *(str(counts[kind]) for kind in ("all", "some", "none")))
    plain_console().print(table)
    for one in items:
        kind = "all" if one.passed == one.models else "none" if not one.passed else "some"
        if kind == show:
            typer.echo(plain(f"{one.id}  {one.task}  {one.category}  {one.passed} of {one.models}"))


def _banks(files: list[Path] | None) -> dict[str, "list[Item]"]:
    """The items to look at: the user's files together, or each suite of the bundled bank."""
    from anjian.items.bank import banks, load_bank
    from anjian.items.records import load_items

    if files:
        return {", ".join(path.name for path in files): [item for path in files for item in load_items(path)]}
    return {suite: load_bank(suite, split=None) for suite in banks()}
