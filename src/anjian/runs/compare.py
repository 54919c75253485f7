"""Compares models: runs whatever is missing, one model after the other, then reads all runs and puts them side by side.

FOLDER/runs/MODEL-SUITE     one run folder for each model and suite, as `anjian eval` writes them
FOLDER/compare.json         the comparison; written last, so that its presence means complete
"""

import contextlib
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from pathlib import Path

import msgspec
from rich.console import Console

from anjian.errors import AnjianError, UsageError
from anjian.files import replace
from anjian.models.base import Model, Reply, Request, Sampling
from anjian.models.resolve import Access, providers
from anjian.models.weights import fingerprint, local_folder
from anjian.runs.evaluate import Plan, Prepared, evaluate, prepare
from anjian.runs.folder import RUN, SCORES, run_name
from anjian.runs.reading import read_about, read_measured, read_rows
from anjian.runs.seats import RULES, describe_models
from anjian.scores.comparison import Comparison, Measured, compare_models
from anjian.scores.gates import Criteria
from anjian.scores.rows import Row
from anjian.suites import SUITES, find_suite
from anjian.suites.base import Source

COMPARISON = "compare.json"
RUNS = "runs"
DEFAULT_SUITES = ("chisafety", "sc_safety", "over_refusal", "reasoning")


class Wanted(msgspec.Struct, frozen=True):
    """What is to be compared; the options of `anjian compare` with the same names.

    Attributes:
        models: In the order of their stages, the earliest first.
        data: Official releases or data files, by suite.
        runs: Finished runs, or folders that hold some, that are taken as they are.
        scores: Files of rows that `anjian import` wrote.
    """

    models: tuple[str, ...]
    suites: tuple[str, ...] = DEFAULT_SUITES
    judges: tuple[str, ...] = (RULES,)
    data: dict[str, Path] = {}
    runs: tuple[Path, ...] = ()
    scores: tuple[Path, ...] = ()
    limit: int | None = None
    epochs: int | None = None
    sampling: Sampling = Sampling()
    access: Access = Access()
    criteria: Criteria = Criteria()


def spec_of(model: str) -> str:
    """What a model is called when it is asked: a folder that holds a checkpoint is asked through `hf/`.

    Raises:
        UsageError: The folder holds no checkpoint.
    """
    folder = Path(model).expanduser()
    if "://" in model or local_folder(model) or not folder.is_dir() or model.partition("/")[0] in providers():
        return model
    if not (folder / "config.json").exists():
        raise UsageError(f"{model} holds no config.json, so it is no model; give a checkpoint's folder")
    return f"hf/{model.rstrip('/')}"


async def compare(wanted: Wanted, folder: Path, console: Console) -> tuple[Comparison, list[Measured]]:
    """Runs what is missing, compares, and writes `compare.json`; also returns the runs.

    Raises:
        UsageError: A model, a file or the folder cannot be used.
        AnjianError: A run stopped early; running the same command again goes on.
    """
    models = _checked([spec_of(model) for model in wanted.models])
    if strange := sorted(set(wanted.data) - set(wanted.suites)):
        raise UsageError(f"--data {strange[0]}=…: {strange[0]} is not compared; name it with --suite")
    given = {(run.model, run.suite): run for path in wanted.runs for run in _given(path, models)}
    called = dict(zip(wanted.models, models, strict=True))
    imported = [row for path in wanted.scores for row in _imported(path, called)]
    plans = [(model, [suite for suite in wanted.suites if (model, suite) not in given]) for model in models]
    prepared = {(model, suite): prepare(_plan(wanted, model, suite)) for model, suites in plans for suite in suites}
    runs = list(given.values())
    for model, suites in plans:
        async with _kept(model, wanted, folder) as known:
            runs += [await _run(prepared[model, suite], folder, known, console) for suite in suites]
    measures = {name: suite.measures for name, suite in SUITES.items()}
    comparison = compare_models(models, runs, measures, wanted.criteria, imported)
    replace(folder / COMPARISON, msgspec.json.format(msgspec.json.encode(comparison), indent=1) + b"\n")
    return comparison, runs


def _checked(models: Sequence[str]) -> Sequence[str]:
    if len(models) < 2 or len(set(models)) < len(models):
        raise UsageError("a comparison needs two or more different models, the earliest stage first")
    return models


def _given(path: Path, models: Sequence[str]) -> Iterator[Measured]:
    """A finished run, or all those below a folder that belong to the models."""
    single = (path / RUN).exists()
    folders = [path] if single else sorted(found.parent for found in path.rglob(SCORES))
    held = {folder: read_about(folder) for folder in folders}
    found = [folder for folder in folders if held[folder].run.get("model") in models]
    if not found:
        whose = f"is a run of {held[path].run.get('model', '')}" if single else "holds no finished run of the models"
        raise UsageError(f"--run {path} {whose}, which is not compared; name the model, or leave the run out")
    for folder in found:
        if held[folder].identity.get("weights", "") != fingerprint(str(held[folder].run["model"])):
            raise UsageError(f"--run {folder}: the model has other weights now; leave the run out to run it again")
        yield read_measured(folder)


def _imported(path: Path, called: Mapping[str, str]) -> list[Row]:
    """Rows of other harnesses, their models called as they are asked."""
    rows = read_rows(path)
    named = [msgspec.structs.replace(row, model=called.get(row.model, row.model)) for row in rows]
    if not any(row.model in called.values() for row in named):
        whose = ", ".join(sorted({row.model for row in rows})) or "nobody"
        raise UsageError(f"--scores {path} has rows of {whose}, not of the models; import it with --model NAME")
    return named


def _plan(wanted: Wanted, model: str, suite: str) -> Plan:
    return Plan(
        model=model,
        suite=find_suite(suite).name,
        judges=wanted.judges,
        source=Source(data=wanted.data.get(suite)),
        sampling=wanted.sampling,
        epochs=wanted.epochs or 0,
        limit=wanted.limit,
        access=wanted.access,
    )


async def _run(prepared: Prepared, folder: Path, known: dict[str, Model], console: Console) -> Measured:
    plan = prepared.plan
    weights = fingerprint(plan.model)[:8]
    place = folder / RUNS / run_name(f"{plan.model}-{weights}", plan.suite)
    console.print(f"{plan.model} · {plan.suite}", markup=False, highlight=False)
    result = await evaluate(prepared, place, console, known)
    if result.stopped:
        raise AnjianError(result.stopped)
    return read_measured(place)


class Kept:
    """A model that several runs share: opened at the first need, closed after the last."""

    def __init__(self, model: Model, stack: contextlib.AsyncExitStack) -> None:
        """Takes who is asked, and what closes it in the end."""
        self.name = model.name
        self.concurrency = model.concurrency
        self._model = model
        self._stack = stack
        self._ready: Model | None = None

    async def __aenter__(self) -> "Model":
        """Opens the model, once."""
        if self._ready is None:
            self._ready = await self._stack.enter_async_context(self._model)
        return self._ready

    async def __aexit__(self, *exc: object) -> None:
        """Leaves it open for the next run."""

    async def complete(self, request: Request) -> Reply:
        """Answers one request."""
        return await (await self.__aenter__()).complete(request)


@contextlib.asynccontextmanager
async def _kept(model: str, wanted: Wanted, folder: Path) -> AsyncIterator[dict[str, Model]]:
    access = msgspec.structs.replace(wanted.access, log=folder / "server.log")
    async with contextlib.AsyncExitStack() as stack:
        described = describe_models((model, *wanted.judges), access)
        yield {name: Kept(one, stack) for name, one in described.items()}
