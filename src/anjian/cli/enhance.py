"""`anjian enhance`: makes a model safer."""

from pathlib import Path
from typing import Annotated, Literal

import typer

Stage = Literal["data", "train", "export", "verify"]


def add_to(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("enhance")(enhance_model)


def enhance_model(
    model: Annotated[str, typer.Argument(help="The model to make safer: a folder, a hub ID, tiny/distill.")],
    out: Annotated[Path, typer.Option(help="Where it goes; the same command on it goes on where it stopped.")],
    recipe: Annotated[
        Path | None, typer.Option(help="A recipe, see recipes/. Default: the one for the tiny models.")
    ] = None,
    teacher: Annotated[
        str | None, typer.Option(help="A model that writes answers, where the recipe wants one.")
    ] = None,
    judge: Annotated[
        list[str] | None, typer.Option(help="Who filters answers: rules-v1 (the default) or any model; several agree.")
    ] = None,
    against: Annotated[
        list[Path] | None, typer.Option(help="A file of items that must not be trained on, beside the bank's; repeat.")
    ] = None,
    stage: Annotated[
        Stage | None, typer.Option(help="Run one stage. Default: data, train and export, as far as they are missing.")
    ] = None,
    accelerate_config: Annotated[
        Path | None, typer.Option(help="Train in several processes, see recipes/accelerate.")
    ] = None,
    push: Annotated[str | None, typer.Option(help="Upload the exported model to this private hub repository.")] = None,
    concurrency: Annotated[int | None, typer.Option(min=1, help="Prompts answered at once.")] = None,
    timeout: Annotated[float, typer.Option(min=0.1, help="Seconds for one attempt at a call.")] = 600.0,
) -> None:
    """Make a model safer: data, training, export; then `--stage verify` compares it with what it was."""
    from rich.console import Console

    from anjian.enhance.stages import Enhancement, enhance
    from anjian.models.resolve import Access

    wanted = Enhancement(
        model=model,
        out=out,
        recipe=recipe,
        teacher=teacher,
        judges=tuple(judge or ["rules-v1"]),
        against=tuple(against or ()),
        accelerate_config=accelerate_config,
        access=Access(concurrency, timeout),
    )
    console = Console(stderr=True)
    code = enhance(wanted, stage, console)
    if push:
        from anjian.enhance.export import push as upload

        upload(out, push, console)
    raise typer.Exit(code)
