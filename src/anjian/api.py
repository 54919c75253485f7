"""Anjian from Python: what notebooks, tests, pipelines and the command line call.

    run = anjian.evaluate("tiny/distill", suite="chisafety", limit=40, out="runs/x")
    run.score("rr1"), run.coverage, run.folder

A model may be a name or a function from messages to text: a pipeline, an agent, a product. Nothing is printed unless
`progress` is true. What is wrong raises `anjian.errors.UsageError` with the one line that the command would show.
docs/python.md shows it all.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Coroutine, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, ParamSpec, TypeVar, Unpack

from anjian.options import MARGIN, Asked, Judges, Reach
from anjian.outcome import Comparison, Run

if TYPE_CHECKING:
    from rich.console import Console

    from anjian.models.base import Model
    from anjian.runs.compare import Compared, Wanted
    from anjian.runs.plan import Prepared
    from anjian.suites.base import Suite

P = ParamSpec("P")
T = TypeVar("T")


def _blocking(work: Callable[P, Coroutine[Any, Any, T]]) -> Callable[P, T]:
    """The same without `await`; works inside a running event loop too, as in a notebook."""

    @functools.wraps(work)
    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        from anjian.runs.loop import run_async

        return run_async(work(*args, **kwargs))

    run.__name__ = work.__name__.removesuffix("_async")
    run.__qualname__ = run.__name__
    return run


def _reading(
    option: str,
) -> Callable[[Callable[P, Coroutine[Any, Any, T]]], Callable[P, Coroutine[Any, Any, T]]]:
    """The same with the models at hand that the file given as `option` describes."""

    def reading(work: Callable[P, Coroutine[Any, Any, T]]) -> Callable[P, Coroutine[Any, Any, T]]:
        @functools.wraps(work)
        async def run(*args: P.args, **kwargs: P.kwargs) -> T:
            from anjian.arguments import file
            from anjian.models.book import using

            given: Any = kwargs.get(option)
            with using(file(option, given)):
                return await work(*args, **kwargs)

        return run

    return reading


@_reading("models")
async def evaluate_async(
    model: Asked,
    suite: str | Path | Suite,
    *,
    out: str | Path | None = None,
    judge: Judges | None = None,
    judge_card: str | Path | Sequence[str | Path] = (),
    judge_prompt: str | Path | Sequence[str | Path] = (),
    judge_thinking: bool = False,
    ties: Literal["unscored", "stricter"] = "unscored",
    filtered: Literal["unscored", "refusal"] = "unscored",
    adversary: Asked | None = None,
    rounds: int | None = None,
    data: str | Path | None = None,
    items: str | Path | None = None,
    answers: str | Path | None = None,
    include_ambiguous: bool = False,
    limit: int | None = None,
    budget: float | None = None,
    epochs: int | None = None,
    seed: int | None = None,
    temperature: float | None = None,
    top_p: float | None = None,
    max_tokens: int | None = None,
    min_coverage: float = 0.0,
    dry_run: bool = False,
    progress: bool = False,
    models: str | Path | None = None,
    **reach: Unpack[Reach],
) -> Run:
    """Evaluates a model on a suite; the keywords are the options of `anjian eval`.

    Args:
        model: A name, or an (async) function from messages to text.
        suite: A name, a file (`FILE.toml`, `FILE.py:NAME`) or a declaration.
        out: The run folder. Default: runs/MODEL-SUITE.
        judge: One judge or a panel, by name or function; {"guard/FAMILY": function} and {"cascade:CHEAP": function}
            put a function into a judge's name. Default: the built-in rules.
        judge_card: What `anjian calibrate` wrote of the judge, a card for each kind: rates are corrected, too.
        judge_prompt: What a model as judge reads: the name of a shipped prompt, or a file; one for each kind.
        judge_thinking: Has thinking judged apart from the answers.
        ties: What a panel's tie is worth.
        filtered: What a reply is worth that the provider's filter withheld.
        adversary: Who writes follow-up turns live.
        rounds: Rounds of a live dialogue.
        data: The benchmark's official release.
        items: A file of your own items.
        answers: A key for multiple choice.
        include_ambiguous: Counts questions that the bundled key flags as ambiguous.
        limit: Asks only so many items, spread over the categories.
        budget: The most that the run may cost, in the currency of the prices in `models.toml`.
        epochs: Asks every item so many times.
        seed: Of sampling, where the model takes one.
        temperature: 0 is greedy.
        top_p: Share of the probability mass that is kept.
        max_tokens: Longest reply, thinking included.
        min_coverage: Raises if a smaller share is scored.
        dry_run: Reads the items and asks nothing: the run says only how many replies there would be.
        progress: Shows progress on standard error.
        models: The file that describes models. Default: models.toml in the working directory, if it is there.
        reach: concurrency, timeout, system, extra_body, header, batch, device, dtype, lora …; see `Reach`.

    Raises:
        UsageError: An option, a file or a model is wrong.
        AnjianError: The disk is full, a server does not start, or too few replies were scored.
    """
    from anjian.arguments import Players, access_of, cards_given, file, path, prompts_given, suite_of
    from anjian.errors import AnjianError
    from anjian.models.base import Sampling
    from anjian.options import check
    from anjian.runs.folder import run_folder, run_name
    from anjian.runs.plan import Plan, prepare
    from anjian.suites.base import Source

    check({**locals(), **reach})
    access = access_of(reach)
    cast = Players(access)
    plan = Plan(
        model=cast.target(model),
        suite=suite_of(suite),
        judges=cast.judges(judge),
        strict_ties=ties == "stricter",
        adversary=None if adversary is None else cast.other(adversary),
        rounds=rounds,
        source=Source(file("data", data), file("items", items), file("answers", answers), include_ambiguous),
        sampling=Sampling(temperature, top_p, max_tokens, seed),
        epochs=epochs or 0,
        filtered=filtered,
        judge_thinking=judge_thinking,
        limit=limit,
        budget=budget,
        cards=cards_given(judge_card),
        prompts=prompts_given(judge_prompt),
        access=access,
    )
    prepared = prepare(plan)
    name = run_name(plan.model, prepared.suite.name)
    folder = run_folder(Path("runs"), name, plan.model) if out is None else path("out", out)
    if dry_run:
        return Run(folder, [], prepared.replies, 0, prepared.selection.notes)
    run = await carry_out(prepared, folder, _console(progress), cast.known)
    if run.coverage < min_coverage:
        why = run.stopped or run.unscored
        raise AnjianError(f"coverage {run.coverage:.1%} is below min_coverage {min_coverage:g}: {why}")
    return run


@_reading("models_file")
async def compare_async(
    models: Sequence[Asked],
    suites: Sequence[str | Path | Suite] | None = None,
    *,
    out: str | Path = "comparison",
    judge: Judges | None = None,
    judge_card: str | Path | Sequence[str | Path] = (),
    judge_prompt: str | Path | Sequence[str | Path] = (),
    filtered: Literal["unscored", "refusal"] = "unscored",
    data: Mapping[str, str | Path] | None = None,
    runs: Sequence[str | Path] = (),
    scores: Sequence[str | Path] = (),
    limit: int | None = None,
    budget: float | None = None,
    epochs: int | None = None,
    seed: int | None = None,
    temperature: float | None = None,
    top_p: float | None = None,
    max_tokens: int | None = None,
    margin: float = MARGIN,
    alpha: float = 0.05,
    dry_run: bool = False,
    agreement: float = 90.0,
    progress: bool = False,
    models_file: str | Path | None = None,
    **reach: Unpack[Reach],
) -> Comparison:
    """Runs what is missing and puts models side by side; the keywords are the options of `anjian compare`.

    Args:
        models: Two or more, the earliest stage first; names or functions.
        suites: Names, files or declarations. Default: those that are compared by default.
        out: Where runs and reports go.
        judge: One judge or a panel, by name or function.
        judge_card: As in `evaluate`.
        judge_prompt: As in `evaluate`.
        filtered: What a reply is worth that the provider's filter withheld.
        data: Official releases, by suite.
        runs: Finished runs, or folders of them, to take as they are.
        scores: Files that `anjian import` wrote.
        limit: Asks only so many items of each suite.
        budget: The most that all runs may cost, in the currency of the prices in `models.toml`.
        epochs: Asks every item so many times.
        seed: Of sampling.
        temperature: 0 is greedy.
        top_p: Share of the probability mass that is kept.
        max_tokens: Longest reply, thinking included.
        margin: Points by which a safety metric or a guard may be worse.
        alpha: Significance level, after Holm's correction.
        dry_run: Asks nothing: the decision is "not_proven", and the reasons say what could be proven.
        agreement: With `dry_run`: percent of replies on which the models agree, where no run shows it.
        progress: Shows progress on standard error.
        models_file: The file that describes models; `--models` of the command.
        reach: concurrency, timeout, system, extra_body, header, device, dtype, lora …; see `Reach`.

    Raises:
        UsageError: An option, a file or a model is wrong.
        AnjianError: A run stopped early; the same call goes on.
    """
    from anjian.arguments import (
        Players,
        access_of,
        by_suite,
        cards_given,
        path,
        paths,
        prompts_given,
        several,
        suite_of,
    )
    from anjian.models.base import Sampling
    from anjian.options import check
    from anjian.runs.compare import Wanted
    from anjian.scores.gates import Criteria

    check({**locals(), **reach})
    access, folder = access_of(reach), path("out", out)
    cast = Players(access, loaded=any(isinstance(model, str) for model in several("models", models)))
    wanted = Wanted(
        models=tuple(map(cast.target, models)),
        suites=tuple(map(suite_of, several("suites", suites or []))),
        judges=cast.judges(judge),
        data=by_suite(data),
        runs=paths("runs", runs),
        scores=paths("scores", scores),
        limit=limit,
        budget=budget,
        cards=cards_given(judge_card),
        prompts=prompts_given(judge_prompt),
        epochs=epochs,
        filtered=filtered,
        sampling=Sampling(temperature, top_p, max_tokens, seed),
        access=access,
        criteria=Criteria(margin / 100, alpha),
    )
    if dry_run:
        from anjian.reports.comparison.foresight import sentences
        from anjian.runs.foresee import foresee

        foreseen = foresee(wanted, agreement / 100, cast.known)
        return Comparison(folder, "not_proven", sentences(foreseen, wanted.criteria), [])
    comparison, _ = await side_by_side(wanted, folder, _console(progress), cast.known)
    return comparison


async def carry_out(
    prepared: Prepared, folder: Path, console: Console, known: Mapping[str, Model] | None = None
) -> Run:
    """Runs a prepared plan and writes its report; see `anjian.runs.evaluate`."""
    import msgspec

    from anjian.reports.html import write_report
    from anjian.runs.evaluate import run_plan
    from anjian.runs.money.spending import table_of

    result = await run_plan(prepared, folder, console, known)
    report = write_report(folder, prepared.suite)
    if result.folder != folder:  # What is said is not what the run shows.
        report = write_report(result.folder, prepared.suite)
    rows = msgspec.to_builtins(result.rows)
    spent = table_of(result.spent)
    return Run(
        folder=folder,
        scores=rows,
        n=result.n,
        scored=result.scored,
        notes=result.notes,
        stopped=result.stopped,
        report=report,
        unscored=result.unscored,
        spent=spent,
        failures=result.failures,
    )


async def side_by_side(
    wanted: Wanted, folder: Path, console: Console, known: Mapping[str, Model] | None = None
) -> tuple[Comparison, Compared]:
    """Compares, writes the reports, and also returns all that they show; see `anjian.runs.compare`."""
    import msgspec

    from anjian.reports.comparison import write_comparison
    from anjian.reports.names import Lexicon
    from anjian.runs.compare import compare_runs
    from anjian.runs.money.spending import table_of

    found = await compare_runs(wanted, folder, console, known)
    report = write_comparison(found.comparison, found.runs, folder, Lexicon(found.suites))
    last = found.comparison.last
    decision: Any = last.decision.outcome.replace(" ", "_")
    reasons = [reason.text for reason in last.decision.reasons]
    changes, spent = msgspec.to_builtins(last.changes), table_of(found.spent)
    return Comparison(folder, decision, reasons, changes, report, spent), found


def _console(progress: bool) -> Console:
    from anjian.console import plain_console

    return plain_console(stderr=True, quiet=not progress)


evaluate = _blocking(evaluate_async)
compare = _blocking(compare_async)
