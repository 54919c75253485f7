"""`anjian grow`: makes new adversarial items from seeds."""

from pathlib import Path
from typing import Annotated

import typer

from anjian.cli.options import Models

MOST_FAILURES = 0.05
"""A larger share of failed seeds exits with 3, as low coverage does in `anjian eval`."""
LOW_COVERAGE = 3


def add_to(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("grow")(grow_items)


def grow_items(
    seeds: Annotated[Path, typer.Option(help="Items to start from, suite sc_safety, one JSON object a line.")],
    targets: Annotated[list[str], typer.Option(help="A model to be tested by the new items; may be repeated.")],
    adversary: Annotated[str, typer.Option(help="The model that rewrites questions and writes follow-ups.")],
    out: Annotated[Path, typer.Option(help="Where the new items go; run the same command again to go on.")],
    judge: Annotated[list[str] | None, typer.Option(help="rules-v1 (the default) or any model.")] = None,
    rewrites: Annotated[int, typer.Option(min=0, max=50, help="Rewritings of a seed before it is dropped.")] = 5,
    seed: Annotated[int | None, typer.Option(help="Seed of sampling, where models take one.")] = None,
    concurrency: Annotated[int | None, typer.Option(min=1, help="Seeds at work at once.")] = None,
    timeout: Annotated[float, typer.Option(min=0.1, help="Seconds for one attempt at a call.")] = 600.0,
    models: Models = None,
) -> None:
    """Grow items: keep what elicits risk from the targets, rewrite what stays safe, drop the rest."""
    from anjian.console import plain_console, tell
    from anjian.models.base import Sampling
    from anjian.models.resolve import Access
    from anjian.runs.grow import GrowPlan, grow
    from anjian.runs.loop import run_async
    from anjian.text import plain

    plan = GrowPlan(
        seeds=seeds,
        targets=tuple(dict.fromkeys(targets)),
        judges=tuple(judge or ["rules-v1"]),
        adversary=adversary,
        rewrites=rewrites,
        sampling=Sampling(seed=seed),
        access=Access(concurrency, timeout),
    )
    harvest = run_async(grow(plan, out, plain_console(stderr=True)))
    total = harvest.kept + harvest.safe + harvest.near_duplicates + harvest.failed
    said = f"{total} seeds: {harvest.kept} new items in {out}, {harvest.safe} stayed safe, "
    typer.echo(plain(f"{said}{harvest.near_duplicates} near-duplicates, {harvest.failed} failed"))
    if harvest.stopped:
        tell(f"anjian: {harvest.stopped}")
    if harvest.failed > MOST_FAILURES * total:
        tell(f"anjian: {harvest.failed} of {total} seeds failed; run the same command to ask again")
        raise typer.Exit(LOW_COVERAGE)
