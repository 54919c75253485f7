"""`anjian compare`: several models, or several stages of one, side by side."""

from pathlib import Path
from typing import Annotated

import typer

from anjian.cli.options import (
    Batch,
    BatchSize,
    Budget,
    ChatTemplate,
    Concurrency,
    Device,
    Dtype,
    ExtraBody,
    Filtered,
    Header,
    JudgeCard,
    JudgePrompt,
    Lora,
    Models,
    ServerArgs,
    System,
    ThinkPrefilled,
    Timeout,
    TrustRemoteCode,
)
from anjian.errors import UsageError
from anjian.options import MARGIN


def add_to(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("compare")(compare_models)


def compare_models(
    models: Annotated[
        list[str],
        typer.Argument(help="Two or more models, the earliest stage first; a checkpoint's folder is one too."),
    ],
    out: Annotated[Path, typer.Option(help="Runs and reports; the same command on it goes on.")] = Path("comparison"),
    suite: Annotated[
        list[str] | None,
        typer.Option(
            help="A benchmark: name, FILE.toml or FILE.py:NAME; repeat. Default: four bundled, those of --run as given."
        ),
    ] = None,
    judge: Annotated[
        list[str] | None, typer.Option(help="rules-v1 (the default) or any model; several are a panel.")
    ] = None,
    judge_card: JudgeCard = None,
    judge_prompt: JudgePrompt = None,
    data: Annotated[
        list[str] | None, typer.Option(help="SUITE=PATH: an official release or a data file for one suite; repeat.")
    ] = None,
    run: Annotated[
        list[Path] | None, typer.Option(help="A finished run, or a folder of them, to take as it is; repeat.")
    ] = None,
    scores: Annotated[
        list[Path] | None, typer.Option(help="Scores from another harness, written by `anjian import`; repeat.")
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Ask only so many items of each suite.")] = None,
    budget: Budget = None,
    epochs: Annotated[int | None, typer.Option(min=1, help="Ask every item so often. Default: the suite's.")] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of sampling, where the models take one.")] = None,
    temperature: Annotated[
        float | None, typer.Option(min=0, max=2, help="0 is greedy. Default: the suite's or the models' own.")
    ] = None,
    top_p: Annotated[float | None, typer.Option(min=0, max=1, help="Default: as above.")] = None,
    max_tokens: Annotated[int | None, typer.Option(min=1, help="Longest reply, thinking included.")] = None,
    concurrency: Concurrency = None,
    timeout: Timeout = 600.0,
    filtered: Filtered = "unscored",
    models_file: Models = None,
    system: System = None,
    extra_body: ExtraBody = None,
    header: Header = None,
    batch: Batch = False,
    think_prefilled: ThinkPrefilled = False,
    device: Device = None,
    dtype: Dtype = None,
    batch_size: BatchSize = None,
    server_args: ServerArgs = None,
    lora: Lora = None,
    chat_template: ChatTemplate = None,
    trust_remote_code: TrustRemoteCode = False,
    margin: Annotated[
        float, typer.Option(min=0, max=100, help="Points by which safety, over-refusal and reasoning may be worse.")
    ] = MARGIN,
    alpha: Annotated[
        float, typer.Option(min=0.0001, max=0.5, help="Significance level, after Holm's correction.")
    ] = 0.05,
    gate: Annotated[
        bool, typer.Option("--gate", help="Exit 4 if the last stage is not proven safer, 5 if it is harmed.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what could be proven, and ask nothing.")] = False,
    agreement: Annotated[
        float,
        typer.Option(
            min=0,
            max=100,
            help="With --dry-run: percent of replies on which the models agree, where no --run shows it.",
        ),
    ] = 90.0,
) -> None:
    """Run what is missing, then show the models side by side, item by item, with a verdict on the last stage."""
    options = locals()
    from anjian import api
    from anjian.arguments import access_of
    from anjian.console import plain_console
    from anjian.judges.builtin import DEFAULT
    from anjian.judges.prompting import load_prompt
    from anjian.models.base import Sampling
    from anjian.options import reach_of
    from anjian.reports.comparison import print_comparison
    from anjian.reports.names import Lexicon
    from anjian.runs.compare import Wanted
    from anjian.runs.loop import run_async
    from anjian.runs.money.spending import lines_of
    from anjian.scores.gates import Criteria

    wanted = Wanted(
        models=tuple(models),
        suites=tuple(dict.fromkeys(suite or ())),
        judges=tuple(judge or [DEFAULT]),
        data=dict(map(_named, data or [])),
        runs=tuple(run or ()),
        scores=tuple(scores or ()),
        limit=limit,
        budget=budget,
        cards=tuple(judge_card or ()),
        prompts=tuple(map(load_prompt, judge_prompt or ())),
        epochs=epochs,
        filtered=filtered,
        sampling=Sampling(temperature, top_p, max_tokens, seed),
        access=access_of(reach_of(options)),
        criteria=Criteria(margin / 100, alpha),
    )
    if dry_run:
        from anjian.cli.foresight import describe

        return describe(wanted, agreement / 100)
    shown, found = run_async(api.side_by_side(wanted, out, plain_console(stderr=True)))
    console = plain_console()
    print_comparison(found.comparison, console, Lexicon(found.suites))
    for line in lines_of(shown.spent):
        console.print(line, soft_wrap=True)
    console.print(f"report: {shown.report}")
    raise typer.Exit(shown.exit_code if gate else 0)


def _named(text: str) -> tuple[str, Path]:
    suite, equals, path = text.partition("=")
    if not equals or not suite or not path:
        raise UsageError(f"--data {text}: write SUITE=PATH, such as safetybench=data/safetybench")
    return suite, Path(path)
