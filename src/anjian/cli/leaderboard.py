"""`anjian leaderboard`: runs of one suite side by side."""

import sys
from pathlib import Path
from typing import Annotated, Literal

import typer


def add_to(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("leaderboard")(show_leaderboard)


def show_leaderboard(
    runs: Annotated[list[Path], typer.Argument(help="Run folders of one suite, such as sc_safety.")],
    form: Annotated[Literal["table", "json", "csv"], typer.Option("--format", help="How to print it.")] = "table",
    published: Annotated[bool, typer.Option("--published", help="Add the paper's results, unranked.")] = False,
    first_look: Annotated[bool, typer.Option("--first-look", help="Rank scores by rules-v1, too.")] = False,
    models: Annotated[Path | None, typer.Option(help="A TOML table of open/closed and size tags.")] = None,
) -> None:
    """Rank runs by total score; where intervals overlap, ranks are ranges."""
    from anjian.console import plain_console, tell
    from anjian.reports.leaderboard import leaderboard, published_lines, remarks
    from anjian.reports.leaderboard_forms import as_csv, as_json, as_tables
    from anjian.reports.text import BOM

    ranking, lines = leaderboard(runs, models, first_look=first_look)
    notes = remarks(lines)
    if len(lines) < len(runs):
        notes.append(f"{len(runs) - len(lines)} runs judged by rules are a first look and left out; see --first-look")
    lines += published_lines(ranking) if published else []
    if form == "table":
        console = plain_console()
        for table in as_tables(ranking, lines, console.width):
            console.print(table)
    elif form == "json":
        sys.stdout.write(as_json(ranking, lines) + "\n")
    elif sys.stdout.isatty():
        sys.stdout.write(as_csv(ranking, lines).removeprefix(BOM))
    else:  # It becomes a file, whatever the terminal's encoding.
        sys.stdout.buffer.write(as_csv(ranking, lines).encode())
    for note in notes:
        tell(f"note: {note}")
