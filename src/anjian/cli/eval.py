"""`anjian eval`: evaluates one model on one suite."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

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

if TYPE_CHECKING:
    from anjian.runs.plan import Prepared

LOW_COVERAGE = 3
Ties = Literal["unscored", "stricter"]


def add_to(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("eval")(evaluate_model)


def evaluate_model(
    model: Annotated[str, typer.Argument(help="provider/model, http://HOST:PORT/v1#MODEL, hf/PATH, tiny/base …")],
    suite: Annotated[str, typer.Option(help="The benchmark: a name of `anjian suites`, FILE.toml or FILE.py:NAME.")],
    out: Annotated[
        Path | None, typer.Option(help="The run folder; the same command on it goes on. Default: runs/MODEL-SUITE.")
    ] = None,
    judge: Annotated[
        list[str] | None,
        typer.Option(
            help="rules-v1 (the default: built in, offline), any model, guard/FAMILY=MODEL or cascade:CHEAP,DEAR; "
            "several are a panel."
        ),
    ] = None,
    judge_card: JudgeCard = None,
    judge_prompt: JudgePrompt = None,
    judge_thinking: Annotated[
        bool, typer.Option("--judge-thinking", help="Have thinking judged apart from the answers: safe or not.")
    ] = False,
    ties: Annotated[Ties, typer.Option(help="What a panel's tie is worth.")] = "unscored",
    adversary: Annotated[str | None, typer.Option(help="A model that writes the follow-up turns live.")] = None,
    rounds: Annotated[int | None, typer.Option(min=1, max=50, help="Rounds of a live dialogue.")] = None,
    data: Annotated[
        Path | None,
        typer.Option(help="The benchmark's official release, a folder or a file; `anjian suites` says what."),
    ] = None,
    items: Annotated[Path | None, typer.Option(help="A file of your own items, one JSON object a line.")] = None,
    answers: Annotated[
        Path | None, typer.Option(help='An answer key, one {"id", "answer"} a line, for multiple choice.')
    ] = None,
    include_ambiguous: Annotated[
        bool, typer.Option("--include-ambiguous", help="Count questions that the bundled key flags as ambiguous.")
    ] = False,
    limit: Annotated[
        int | None, typer.Option(min=1, help="Ask only so many items, spread over the categories.")
    ] = None,
    budget: Budget = None,
    epochs: Annotated[
        int | None, typer.Option(min=1, help="Ask every item so many times. Default: 1; 4 in reasoning.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of sampling, where the model takes one.")] = None,
    temperature: Annotated[
        float | None, typer.Option(min=0, max=2, help="0 is greedy. Default: the model's own; 0.6 in reasoning.")
    ] = None,
    top_p: Annotated[
        float | None, typer.Option(min=0, max=1, help="Default: the model's own; 0.95 in reasoning.")
    ] = None,
    max_tokens: Annotated[
        int | None,
        typer.Option(min=1, help="Longest reply, thinking included. Default: the model's own; 32768 in reasoning."),
    ] = None,
    concurrency: Concurrency = None,
    timeout: Timeout = 600.0,
    min_coverage: Annotated[float, typer.Option(min=0, max=1, help="Exit 3 if a smaller share is scored.")] = 0.95,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be asked, and ask nothing.")] = False,
    filtered: Filtered = "unscored",
    models: Models = None,
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
) -> None:
    """Evaluate a model: ask, judge, score, report. Run it again to go on where it stopped."""
    options = locals()
    from anjian.arguments import access_of
    from anjian.judges.builtin import DEFAULT
    from anjian.judges.prompting import load_prompt
    from anjian.models.base import Sampling
    from anjian.options import reach_of
    from anjian.runs.folder import run_folder, run_name
    from anjian.runs.plan import Plan, prepare
    from anjian.suites.base import Source

    plan = Plan(
        model=model,
        suite=suite,
        judges=tuple(judge or [DEFAULT]),
        strict_ties=ties == "stricter",
        adversary=adversary,
        rounds=rounds,
        source=Source(data, items, answers, include_ambiguous),
        sampling=Sampling(temperature, top_p, max_tokens, seed),
        epochs=epochs or 0,
        filtered=filtered,
        judge_thinking=judge_thinking,
        limit=limit,
        budget=budget,
        cards=tuple(judge_card or ()),
        prompts=tuple(map(load_prompt, judge_prompt or ())),
        access=access_of(reach_of(options)),
    )
    prepared = prepare(plan)
    folder = out or run_folder(Path("runs"), run_name(model, prepared.suite.name), model)
    if dry_run:
        from anjian.cli.dry_run import describe

        describe(prepared, folder)
    else:
        raise typer.Exit(carry_out(prepared, folder, min_coverage))


def carry_out(prepared: Prepared, folder: Path, min_coverage: float) -> int:
    """Runs a prepared plan, shows the scores and why some are missing, writes the report; returns the exit code."""
    import msgspec

    from anjian import api
    from anjian.console import plain_console, tell
    from anjian.reports.cards import card_lines
    from anjian.reports.names import Lexicon
    from anjian.reports.terminal import failure_table, print_scores
    from anjian.runs.folder import read_about
    from anjian.runs.loop import run_async
    from anjian.runs.money.spending import lines_of
    from anjian.scores.rows import Row

    run = run_async(api.carry_out(prepared, folder, plain_console(stderr=True)))
    console = plain_console()
    if run.scored:
        print_scores(msgspec.convert(run.scores, list[Row]), console, Lexicon([prepared.suite]))
        for kind, prompt in prepared.judge_prompts.items():
            console.print(f"裁判提示 judge prompt ({kind}): {prompt}", soft_wrap=True, markup=False, highlight=False)
        for card in dict.fromkeys(card_lines(read_about(run.folder).run.get("judge_cards"))):
            console.print(f"裁判卡 judge card: {card.en}", markup=False, highlight=False)
    if run.failures:
        console.print(failure_table(run.failures))
    for note in run.notes:
        console.print(f"note: {note}")
    for line in lines_of(run.spent):
        console.print(line, soft_wrap=True)
    console.print(f"scored {run.scored} of {run.n} replies; report: {run.report}")
    if run.stopped:
        tell(f"anjian: {run.stopped}")
    if run.scored >= min_coverage * run.n:
        return 0
    tell(f"anjian: coverage {run.coverage:.1%} is below --min-coverage {min_coverage:g}: {run.unscored}")
    return LOW_COVERAGE
