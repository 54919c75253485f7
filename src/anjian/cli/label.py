"""`anjian label`: has people label a sample of a run's replies, and says what that tells of its judge and its rates."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from anjian.labels.drawing import Entry
    from anjian.labels.outcome import Outcome
    from anjian.labels.pool import Pool

label = typer.Typer(
    no_args_is_help=True, help="Have people label a sample of a run's replies; measure its judge by it."
)
Run = Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a finished run.")]
UNSETTLED_SHOWN = 20
ALIKE = 10
"""Replies on which two people who agree on all of them may be one."""


def add_to(app: typer.Typer) -> None:
    """Adds the commands."""
    app.add_typer(label, name="label")


@label.command("export")
def export_sheets(
    run: Run,
    out: Annotated[Path, typer.Option(help="A folder for the sheets; the key to them stays in RUN/labels.")],
    n: Annotated[int, typer.Option(min=1, help="How many replies are drawn.")] = 200,
    stratify: Annotated[
        str, typer.Option(help="By what, of category, verdict, round, history; commas between.")
    ] = "category,verdict",
    people: Annotated[int, typer.Option(min=1, max=20, help="How many sheets, each in another order.")] = 2,
    seed: Annotated[int, typer.Option(help="Another seed draws another sample.")] = 0,
) -> None:
    """Write sheets to be labelled: xlsx with drop-downs, and JSON lines; labellers do not see the judge's verdicts."""
    from anjian.errors import UsageError
    from anjian.files import writing
    from anjian.labels.drawing import draw, save_key
    from anjian.labels.pool import LABELS, read_pool
    from anjian.labels.sheets import load_openpyxl, write_sheets

    load_openpyxl()
    pool = read_pool(run)
    entries, notes = draw(pool, n, [part.strip() for part in stratify.split(",") if part.strip()], seed)
    drawn, strata = sum(entry.number is not None for entry in entries), len({entry.stratum for entry in entries})
    if out.resolve() == (run / LABELS).resolve():
        raise UsageError(f"--out {out}: the key lies there; give the sheets a folder of their own")
    if filled := next((path for path in (out / "person-1.xlsx", out / "person-1.jsonl") if path.exists()), None):
        raise UsageError(f"{filled} exists and may hold somebody's labels; choose another --out")
    with writing(out):
        out.mkdir(parents=True, exist_ok=True)
    key = save_key(pool, entries)
    written = write_sheets(pool, entries, out, people, seed)
    kinds = dict.fromkeys(entry.kind for entry in entries)
    for note in notes:
        typer.echo(f"note: {note}")
    typer.echo(f"{drawn} of {len(entries)} judged replies, {strata} strata, kinds: {', '.join(kinds)}")
    typer.echo("sheets, for one person each: " + ", ".join(map(str, written)))
    typer.echo(f"key, to be kept from those who label: {key}")


@label.command("import")
def import_labels(
    run: Run,
    files: Annotated[
        list[Path] | None, typer.Argument(metavar="FILE…", help="Sheets as they came back; named after the person.")
    ] = None,
    settled: Annotated[
        Path | None, typer.Option(help="RUN/labels/unsettled.jsonl with labels filled in, or any such sheet.")
    ] = None,
) -> None:
    """Take sheets in: checks, agreement of the people, the judge's card on this run, the run's rates by people."""
    from anjian.errors import UsageError
    from anjian.labels.drawing import read_key
    from anjian.labels.outcome import outcome_of, save_outcome
    from anjian.labels.people import read_people, save_people, save_settled
    from anjian.labels.pool import read_pool

    if not files and not settled:
        raise UsageError("name the sheets that came back, or give --settled FILE")
    pool = read_pool(run)
    entries = read_key(pool)
    people = read_people(files or [], pool, entries)
    by_hand = read_people([settled], pool, entries) if settled else {}
    save_people(pool, entries, people)
    for said in by_hand.values():
        save_settled(pool, said)
    entries = _still(pool, entries)
    outcome = outcome_of(pool, entries)
    cards = save_outcome(pool, entries, outcome)
    _show(pool, entries, outcome)
    for path in cards:
        typer.echo(f"card of {outcome.judge}: {path}")


@label.command("show")
def show_labels(run: Run) -> None:
    """Show again what the labels of a run say."""
    from anjian.labels.drawing import read_key
    from anjian.labels.outcome import outcome_of
    from anjian.labels.pool import read_pool

    pool = read_pool(run)
    entries = _still(pool, read_key(pool))
    _show(pool, entries, outcome_of(pool, entries))


def _still(pool: Pool, entries: Sequence[Entry]) -> list[Entry]:
    """The replies that the run still holds, with a verdict; says how many others were labelled."""
    held = [entry for entry in entries if entry.id in pool.judged]
    if gone := sum(entry.number is not None for entry in entries) - sum(entry.number is not None for entry in held):
        typer.echo(
            f"note: {gone} replies on the sheets are no longer in the run, or have no verdict; they do not count"
        )
    return held


def _show(pool: Pool, entries: Sequence[Entry], outcome: Outcome) -> None:
    from anjian.console import plain_console
    from anjian.labels.outcome import UNSETTLED
    from anjian.labels.pool import LABELS
    from anjian.labels.shown import outcome_tables
    from anjian.text import plain

    console = plain_console()
    for one in outcome.people:
        counts = ", ".join(f"{person} {n} of {one.drawn}" for person, n in one.labelled.items())
        console.print(f"{one.kind}: labelled by {counts}", soft_wrap=True)
        for couple in (couple for couple in one.couples if couple.n >= ALIKE and couple.agree[0] == 1):
            both = " and ".join(map(plain, couple.people))
            said = f"note: {both} gave all {couple.n} replies the same labels; copies of one sheet would show nothing"
            console.print(said, soft_wrap=True, markup=False, highlight=False)
    for table in outcome_tables(outcome):
        console.print(table)
    drawn = sum(entry.number is not None for entry in entries)
    console.print(f"{outcome.settled} of {drawn} replies have a settled label", soft_wrap=True)
    if outcome.unsettled:
        numbers = ", ".join(map(str, outcome.unsettled[:UNSETTLED_SHOWN]))
        more = " …" if len(outcome.unsettled) > UNSETTLED_SHOWN else ""
        where = pool.folder / LABELS / UNSETTLED
        told = f"{len(outcome.unsettled)} are at odds (numbers {numbers}{more})"
        console.print(f"{told}: fill in {where} and give it as --settled", soft_wrap=True)
        console.print("note: until then figures rest on replies that people agree on, which flatters", soft_wrap=True)
    if any(one.value is not None and one.strata != "strata" for one in outcome.estimates):
        console.print("note: some strata have no label; rates were estimated within coarser ones", soft_wrap=True)
