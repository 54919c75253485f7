"""`anjian enhance`: makes a model safer."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from anjian.cli.options import BatchSize, Device, Dtype, Models, ServerArgs, Timeout

Stage = Literal["data", "train", "export", "verify"]


def add_to(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("enhance")(enhance_model)


def enhance_model(
    model: Annotated[str, typer.Argument(help="The model to make safer: a folder, a hub ID, tiny/distill.")],
    out: Annotated[Path, typer.Option(help="Where it goes; the same command on it goes on where it stopped.")],
    recipe: Annotated[
        str | None,
        typer.Option(help="A recipe: dpo, r1_distill_32b_fsdp, r1_distill_7b, tiny (the default), or a file of yours."),
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
        str | None, typer.Option(help="Train in several processes: cpu2, fsdp, zero3, or a file for accelerate.")
    ] = None,
    push: Annotated[str | None, typer.Option(help="Upload the exported model to this private hub repository.")] = None,
    concurrency: Annotated[int | None, typer.Option(min=1, help="Prompts answered at once.")] = None,
    timeout: Timeout = 600.0,
    device: Device = None,
    dtype: Dtype = None,
    batch_size: BatchSize = None,
    server_args: ServerArgs = None,
    models: Models = None,
) -> None:
    """Make a model safer: data, training, export; then `--stage verify` compares it with what it was."""
    from anjian.console import plain_console
    from anjian.enhance.recipes import accelerate_file, recipe_file
    from anjian.enhance.stages import Enhancement, enhance
    from anjian.models.access import Access, server_arguments

    wanted = Enhancement(
        model=model,
        out=out,
        recipe=recipe_file(recipe) if recipe else None,
        teacher=teacher,
        judges=tuple(judge or ["rules-v1"]),
        against=tuple(against or ()),
        accelerate_config=accelerate_file(accelerate_config) if accelerate_config else None,
        access=Access(
            concurrency=concurrency,
            timeout=timeout,
            device=device,
            dtype=dtype,
            batch_size=batch_size,
            server_args=server_arguments(server_args or ""),
        ),
    )
    console = plain_console(stderr=True)
    code = enhance(wanted, stage, console)
    if push:
        from anjian.enhance.export import push as upload

        upload(out, push, console)
    raise typer.Exit(code)
