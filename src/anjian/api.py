"""Anjian from Python: what notebooks, tests, pipelines and the command line call.

    run = anjian.evaluate("tiny/distill", suite="chisafety", limit=40, out="runs/x")
    run.score("rr1"), run.coverage, run.folder

A model may be a name or a function from messages to text: a pipeline, an agent, a product. Nothing is printed unless
`progress` is true. What is wrong raises `anjian.errors.UsageError` with the same one line as the command.
"""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, ParamSpec, TypedDict, TypeVar, Unpack

from anjian.outcome import Comparison, Run

if TYPE_CHECKING:
    from rich.console import Console

    from anjian.models.access import Access
    from anjian.models.base import Model
    from anjian.runs.compare import Compared, Wanted
    from anjian.runs.plan import Prepared
    from anjian.suites.base import Suite

P = ParamSpec("P")
T = TypeVar("T")

Asked = str | Callable[[list[dict[str, str]]], "str | Awaitable[str]"]
"""A model: its name, or an (async) function from messages, `{"role", "content"}` each, to text."""
Judges = Asked | Sequence[Asked]
"""One judge or a panel."""


class Reach(TypedDict, total=False):
    """How models are reached: the options of the command with the same names; see `anjian.models.access.Access`."""

    concurrency: int | None
    timeout: float
    think_prefilled: bool
    trust_remote_code: bool
    device: str | None
    dtype: Literal["auto", "float32", "bfloat16", "float16"] | None
    batch_size: int | None
    server_args: str
    lora: str | Path | None
    chat_template: str | Path | None


def _blocking(work: Callable[P, Coroutine[Any, Any, T]]) -> Callable[P, T]:
    """The same without `await`; works inside a running event loop too, as in a notebook."""

    @functools.wraps(work)
    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        from anjian.runs.loop import run_async

        return run_async(work(*args, **kwargs))

    run.__name__ = work.__name__.removesuffix("_async")
    run.__qualname__ = run.__name__
    return run


async def evaluate_async(
    model: Asked,
    suite: str | Path | Suite,
    *,
    out: str | Path | None = None,
    judge: Judges | None = None,
    ties: Literal["unscored", "stricter"] = "unscored",
    adversary: Asked | None = None,
    rounds: int | None = None,
    data: str | Path | None = None,
    items: str | Path | None = None,
    answers: str | Path | None = None,
    include_ambiguous: bool = False,
    limit: int | None = None,
    epochs: int | None = None,
    seed: int | None = None,
    temperature: float | None = None,
    top_p: float | None = None,
    max_tokens: int | None = None,
    min_coverage: float = 0.0,
    progress: bool = False,
    **reach: Unpack[Reach],
) -> Run:
    """Evaluates a model on a suite; the keywords are the options of `anjian eval`.

    Args:
        model: A name, or an (async) function from messages to text.
        suite: A name, a file (`FILE.toml`, `FILE.py:NAME`) or a declaration.
        out: The run folder. Default: runs/MODEL-SUITE.
        judge: One judge or a panel, by name or function. Default: the built-in rules.
        ties: What a panel's tie is worth.
        adversary: Who writes follow-up turns live.
        rounds: Rounds of a live dialogue.
        data: The benchmark's official release.
        items: A file of your own items.
        answers: A key for multiple choice.
        include_ambiguous: Counts questions that the bundled key flags as ambiguous.
        limit: Asks only so many items, spread over the categories.
        epochs: Asks every item so many times.
        seed: Of sampling, where the model takes one.
        temperature: 0 is greedy.
        top_p: Share of the probability mass that is kept.
        max_tokens: Longest reply, thinking included.
        min_coverage: Raises if a smaller share is scored.
        progress: Shows progress on standard error.
        reach: concurrency, timeout, think_prefilled, device, dtype, lora …; see `Reach`.

    Raises:
        UsageError: An option, a file or a model is wrong.
        AnjianError: The disk is full, a server does not start, or too few replies were scored.
    """
    from anjian.errors import AnjianError
    from anjian.models.base import Sampling
    from anjian.runs.folder import run_name
    from anjian.runs.plan import Plan, prepare
    from anjian.suites.base import Source

    known: dict[str, Model] = {}
    plan = Plan(
        model=_named(model, known),
        suite=_spec(suite),
        judges=_judges(judge, known),
        strict_ties=ties == "stricter",
        adversary=None if adversary is None else _named(adversary, known),
        rounds=rounds,
        source=Source(_path(data), _path(items), _path(answers), include_ambiguous),
        sampling=Sampling(temperature, top_p, max_tokens, seed),
        epochs=epochs or 0,
        limit=limit,
        access=access_of(reach),
    )
    prepared = prepare(plan)
    folder = _path(out) or Path("runs") / run_name(plan.model, prepared.suite.name)
    run = await carry_out(prepared, folder, _console(progress), known)
    if run.coverage < min_coverage:
        why = f"; {run.stopped}" if run.stopped else f"; the reasons are in {run.folder / 'verdicts.jsonl'}"
        raise AnjianError(f"coverage {run.coverage:.1%} is below min_coverage {min_coverage:g}{why}")
    return run


async def compare_async(
    models: Sequence[Asked],
    suites: Sequence[str | Path | Suite] | None = None,
    *,
    out: str | Path = "comparison",
    judge: Judges | None = None,
    data: Mapping[str, str | Path] | None = None,
    runs: Sequence[str | Path] = (),
    scores: Sequence[str | Path] = (),
    limit: int | None = None,
    epochs: int | None = None,
    seed: int | None = None,
    temperature: float | None = None,
    top_p: float | None = None,
    max_tokens: int | None = None,
    margin: float = 2.0,
    alpha: float = 0.05,
    progress: bool = False,
    **reach: Unpack[Reach],
) -> Comparison:
    """Runs what is missing and puts models side by side; the keywords are the options of `anjian compare`.

    Args:
        models: Two or more, the earliest stage first; names or functions.
        suites: Names, files or declarations. Default: those that are compared by default.
        out: Where runs and reports go.
        judge: One judge or a panel, by name or function.
        data: Official releases, by suite.
        runs: Finished runs, or folders of them, to take as they are.
        scores: Files that `anjian import` wrote.
        limit: Asks only so many items of each suite.
        epochs: Asks every item so many times.
        seed: Of sampling.
        temperature: 0 is greedy.
        top_p: Share of the probability mass that is kept.
        max_tokens: Longest reply, thinking included.
        margin: Points by which a guard may be worse.
        alpha: Significance level, after Holm's correction.
        progress: Shows progress on standard error.
        reach: concurrency, timeout, device, dtype, lora …; see `Reach`.

    Raises:
        UsageError: An option, a file or a model is wrong.
        AnjianError: A run stopped early; the same call goes on.
    """
    from anjian.models.base import Sampling
    from anjian.runs.compare import Wanted
    from anjian.scores.gates import Criteria

    known: dict[str, Model] = {}
    wanted = Wanted(
        models=tuple(_named(model, known) for model in models),
        suites=tuple(map(_spec, suites or ())),
        judges=_judges(judge, known),
        data={name: Path(path) for name, path in (data or {}).items()},
        runs=tuple(map(Path, runs)),
        scores=tuple(map(Path, scores)),
        limit=limit,
        epochs=epochs,
        sampling=Sampling(temperature, top_p, max_tokens, seed),
        access=access_of(reach),
        criteria=Criteria(margin / 100, alpha),
    )
    return (await side_by_side(wanted, Path(out), _console(progress), known))[0]


async def carry_out(
    prepared: Prepared, folder: Path, console: Console, known: Mapping[str, Model] | None = None
) -> Run:
    """Runs a prepared plan and writes its report; see `anjian.runs.evaluate`."""
    import msgspec

    from anjian.reports.html import write_report
    from anjian.runs.evaluate import evaluate

    result = await evaluate(prepared, folder, console, known)
    report = write_report(folder, prepared.suite)
    rows = msgspec.to_builtins(result.rows)
    return Run(folder, rows, result.n, result.scored, result.notes, result.stopped, report)


async def side_by_side(
    wanted: Wanted, folder: Path, console: Console, known: Mapping[str, Model] | None = None
) -> tuple[Comparison, Compared]:
    """Compares, writes the reports, and also returns all that they show; see `anjian.runs.compare`."""
    import msgspec

    from anjian.reports.comparison import write_comparison
    from anjian.reports.names import Lexicon
    from anjian.runs.compare import compare

    found = await compare(wanted, folder, console, known)
    report = write_comparison(found.comparison, found.runs, folder, Lexicon(found.suites))
    last = found.comparison.last
    decision: Any = last.decision.outcome.replace(" ", "_")
    reasons = [reason.text for reason in last.decision.reasons]
    return Comparison(folder, decision, reasons, msgspec.to_builtins(last.changes), report), found


def access_of(reach: Reach) -> Access:
    """How models are reached, from the options of the command."""
    from anjian.models.access import Access, server_arguments

    given: dict[str, Any] = {name: value for name, value in reach.items() if value is not None}
    if "think_prefilled" in given:
        given["prefilled"] = given.pop("think_prefilled")
    if "server_args" in given:
        given["server_args"] = server_arguments(given["server_args"])
    for name in {"lora", "chat_template"} & given.keys():
        given[name] = Path(given[name])
    return Access(**given)


def _judges(judge: Judges | None, known: dict[str, Model]) -> tuple[str, ...]:
    from anjian.judges.builtin import DEFAULT

    if judge is None:
        return (DEFAULT,)
    judges = [judge] if isinstance(judge, str) or callable(judge) else judge
    return tuple(_named(one, known) for one in judges)


def _named(model: Asked, known: dict[str, Model]) -> str:
    """The name of a model; a function is made a model, and known by its name."""
    from anjian.errors import UsageError
    from anjian.models.function import FunctionModel

    if isinstance(model, str):
        return model
    if not callable(model):
        raise UsageError(f"a model is a name or a function from messages to text, not {type(model).__name__}")
    made = FunctionModel(model)
    held = known.setdefault(made.name, made)
    if isinstance(held, FunctionModel) and held.function is not model:
        raise UsageError(f"two functions are called {made.name}; define them with different names")
    return made.name


def _spec(suite: str | Path | Suite) -> str | Suite:
    return str(suite) if isinstance(suite, Path) else suite


def _path(path: str | Path | None) -> Path | None:
    return None if path is None else Path(path)


def _console(progress: bool) -> Console:
    from rich.console import Console

    return Console(stderr=True, quiet=not progress)


evaluate = _blocking(evaluate_async)
compare = _blocking(compare_async)
