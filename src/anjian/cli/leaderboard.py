"""`anjian leaderboard`: runs of SC-Safety side by side."""

import sys
from pathlib import Path
from typing import Annotated, Literal

import typer


def add_to(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("leaderboard")(show_leaderboard)


def show_leaderboard(
    runs: Annotated[list[Path], typer.Argument(help="Run folders of the suite sc_safety.")],
    form: Annotated[Literal["table", "json", "csv"], typer.Option("--format", help="How to print it.")] = "table",
    published: Annotated[bool, typer.Option("--published", help="Add the paper's results, unranked.")] = False,
    models: Annotated[Path | None, typer.Option(help="A TOML table of open/closed and size tags.")] = None,
) -> None:
    """Rank runs by total score; overlapping intervals share a rank."""
    from rich.console import Console

    from anjian.reports.leaderboard import as_csv, as_json, as_table, leaderboard, published_lines, remarks

    lines = leaderboard(runs, models)
    notes = remarks(lines)
    lines += published_lines() if published else []
    if form == "table":
        Console().print(as_table(lines))
    else:
        sys.stdout.write({"json": as_json, "csv": as_csv}[form](lines) + ("\n" if form == "json" else ""))
    for note in notes:
        sys.stderr.write(f"note: {note}\n")
