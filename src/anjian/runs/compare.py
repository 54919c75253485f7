"""Compares models: runs whatever is missing, one model after the other, then reads all runs and puts them side by side.

FOLDER/runs/MODEL-SUITE     one run folder for each model and suite, as `anjian eval` writes them
FOLDER/compare.json         the comparison; written last, so that its presence means complete
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import NamedTuple

import msgspec
from rich.console import Console

from anjian.errors import AnjianError, UsageError
from anjian.files import replace, writing
from anjian.judges.builtin import DEFAULT
from anjian.judges.card import load_card
from anjian.judges.named import members
from anjian.judges.prompting import Prompt
from anjian.models.base import PREFIX, Model, Sampling
from anjian.models.resolve import Access, keyed_addresses
from anjian.models.spec import parse, parse_or_folder
from anjian.runs.evaluate import run_plan, weights_of
from anjian.runs.folder import JUDGED, LEDGER, RUN, SCORES, read_about, run_folder, run_name
from anjian.runs.money.purse import Purse
from anjian.runs.money.spending import Spent, roles_of
from anjian.runs.money.usage import read_usage
from anjian.runs.plan import Filtered, Plan, Prepared, prepare
from anjian.runs.reading import read_measured, read_rows, suite_of_run
from anjian.runs.seats import describe_models, lazily, model_names
from anjian.scores.comparison import Measured, SideBySide, compare_models
from anjian.scores.gates import Criteria
from anjian.scores.rows import Row
from anjian.suites import compared_suites, distinct, find_suite
from anjian.suites.base import Source, Suite
from anjian.text import plain

COMPARISON = "compare.json"
RUNS = "runs"


class Wanted(msgspec.Struct, frozen=True):
    """What is to be compared; the options of `anjian compare` with the same names.

    Attributes:
        models: In the order of their stages, the earliest first.
        suites: Names, files or declarations; none means those that are compared by default.
        data: Official releases or data files, by suite.
        runs: Finished runs, or folders that hold some, that are taken as they are.
        scores: Files of rows that `anjian import` wrote.
    """

    models: tuple[str, ...]
    suites: tuple[str | Suite, ...] = ()
    judges: tuple[str, ...] = (DEFAULT,)
    data: dict[str, Path] = {}
    runs: tuple[Path, ...] = ()
    scores: tuple[Path, ...] = ()
    limit: int | None = None
    budget: float | None = None
    cards: tuple[Path, ...] = ()
    prompts: tuple[Prompt, ...] = ()
    epochs: int | None = None
    filtered: Filtered = "unscored"
    sampling: Sampling = Sampling()
    access: Access = Access()
    criteria: Criteria = Criteria()


class Compared(msgspec.Struct, frozen=True):
    """A comparison, the runs behind it, the suites that say what all is called, and what the runs used together."""

    comparison: SideBySide
    runs: list[Measured]
    suites: list[Suite]
    spent: list[Spent]


async def compare_runs(
    wanted: Wanted, folder: Path, console: Console, known: Mapping[str, Model] | None = None
) -> Compared:
    """Runs what is missing, compares, and writes `compare.json`.

    Args:
        wanted: What is to be compared.
        folder: Where runs and `compare.json` go.
        console: Where progress is shown.
        known: Models described before, by name; the others are described here.

    Raises:
        UsageError: A model, a file or the folder cannot be used.
        AnjianError: A run stopped early; running the same command again goes on.
    """
    known = known or {}
    laid = lay_out(wanted, known)
    models, given, prepared = laid.models, laid.given, laid.prepared
    called = dict(zip(wanted.models, models, strict=True))
    imported = [row for path in wanted.scores for row in _imported(path, called)]
    purse = Purse([*models, *model_names(wanted.judges)], wanted.budget)
    for ledger in sorted((folder / RUNS).glob(f"*/{LEDGER}")):
        purse.enter(ledger, read_usage(ledger))
    runs = list(given.values())
    _announce(prepared, len(given), console)
    asked = [name for name in (*models, *model_names(wanted.judges)) if not name.startswith(PREFIX)]
    said = partial(console.print, markup=False, highlight=False, soft_wrap=True)
    keyed = msgspec.structs.replace(wanted.access, keyed=keyed_addresses(asked), tell=said)
    for model in models:
        missing = [suite for suite in laid.suites if (model, suite.name) in prepared]
        async with AsyncExitStack() as stack:
            access = _access(keyed, model, folder)
            described = describe_models((model, *wanted.judges), access, known) if missing else {}
            kept = lazily(described, stack, console)
            runs += [await _run(prepared[model, suite.name], folder, kept, console, purse) for suite in missing]
    comparison = compare_models(models, runs, laid.declared, wanted.criteria, imported, _protected())
    cards = [line for run in runs for line in read_about(Path(run.folder)).run.get("judge_cards", [])]
    distinct_cards = tuple(line for place, line in enumerate(cards) if line not in cards[:place])
    comparison = msgspec.structs.replace(comparison, cards=distinct_cards)
    _keep(comparison, folder)
    roles = {name: role for model in models for name, role in roles_of(model, members(wanted.judges), None).items()}
    return Compared(comparison, runs, laid.declared, purse.spent(roles, others="earlier"))


class Laid(NamedTuple):
    """What there is to compare.

    Attributes:
        models: As they are asked, the earliest stage first.
        suites: That are asked where runs are missing.
        declared: Those, and the suites of the runs that were given.
        given: Finished runs, by model and suite.
        prepared: What is missing, by model and suite.
    """

    models: Sequence[str]
    suites: Sequence[Suite]
    declared: list[Suite]
    given: dict[tuple[str, str], Measured]
    prepared: dict[tuple[str, str], Prepared]


def lay_out(wanted: Wanted, known: Mapping[str, Model]) -> Laid:
    """Reads what was given and the items of what is missing; asks nobody. Raises UsageError."""
    models = _checked([_asked(model) for model in wanted.models])
    named = distinct(map(find_suite, wanted.suites))
    specs = [parse(model) for model in models if not model.startswith(PREFIX)]
    if specs:
        wanted.access.check(*specs)
    given = _once(run for path in wanted.runs for run in _given(path, models, wanted.access, known))
    declared = _declared(named, given.values())
    suites = named or _by_default(declared)
    if strange := sorted(set(wanted.data) - {suite.name for suite in suites}):
        raise UsageError(f"--data {strange[0]}=…: {strange[0]} is not compared; name it with --suite")
    _check_prompts(wanted.prompts, suites)
    declared = list({suite.name: suite for suite in sorted([*declared, *suites], key=_order)}.values())
    prepared = {
        (model, suite.name): prepare(_plan(wanted, model, suite))
        for model in models
        for suite in suites
        if (model, suite.name) not in given
    }
    return Laid(models, suites, declared, given, prepared)


def _check_prompts(prompts: Iterable[Prompt], suites: Iterable[Suite]) -> None:
    """Raises UsageError where a prompt is for nothing that is asked; what it is for it must say, as suites differ."""
    asked = list(dict.fromkeys(task.kind.name for suite in suites for task in suite.tasks if task.kind))
    for prompt in prompts:
        if prompt.kind not in asked:
            mend = f"begin the file with ---, `kind: KIND` and ---, where KIND is one of {', '.join(asked)}"
            raise UsageError(f"--judge-prompt {prompt.name} is for {prompt.kind or 'no kind'}; {mend}")


def _announce(prepared: Mapping[tuple[str, str], Prepared], given: int, console: Console) -> None:
    """Says what will be asked, where runs were given and perhaps nothing else was meant to be."""
    if not given or not prepared:
        return
    todo = [f"{suite} of {model} ({one.replies:,} replies)" for (model, suite), one in prepared.items()]
    counted = "1 run is given" if given == 1 else f"{given} runs are given"
    line = f"{counted}; asked, as far as not stored yet: {', '.join(todo)}; --suite names fewer"
    console.print(plain(line), markup=False, highlight=False, soft_wrap=True)


def _order(suite: Suite) -> tuple[int, str]:
    return suite.place, suite.name


def _by_default(given: Sequence[Suite]) -> Sequence[Suite]:
    """What is compared where nothing is named: what was given, if other suites are among it, else the usual ones."""
    usual = compared_suites()
    return given if {suite.name for suite in given} - {suite.name for suite in usual} else usual


def _keep(comparison: SideBySide, folder: Path) -> None:
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    replace(folder / COMPARISON, msgspec.json.format(msgspec.json.encode(comparison), indent=1) + b"\n")


def _asked(model: str) -> str:
    """What a model is called when it is asked: a folder that holds a checkpoint is asked through `hf/`."""
    return model if model.startswith(PREFIX) else parse_or_folder(model).name


def _checked(models: Sequence[str]) -> Sequence[str]:
    if len(models) < 2 or len(set(models)) < len(models):
        raise UsageError("a comparison needs two or more different models, the earliest stage first")
    return models


def _access(access: Access, model: str, folder: Path) -> Access:
    fitting = access if model.startswith(PREFIX) else access.fitting(parse(model))
    return msgspec.structs.replace(fitting, log=folder / "server.log")


def _protected() -> dict[str, str]:
    """The guards that the suites compared by default declare: without them nothing is proven."""
    guards = [measure for suite in compared_suites() for _, measure in suite.measures() if measure.role == "guard"]
    return {measure.name: measure.protects.en or measure.title.en for measure in guards}


def _declared(suites: Sequence[Suite], runs: Iterable[Measured]) -> list[Suite]:
    """The suites asked for and those of the runs that were given, in their order."""
    found = {suite.name: suite for suite in suites}
    for run in runs:
        if run.suite in found:
            continue
        about = read_about(Path(run.folder))
        suite = suite_of_run(about)
        if suite is None:
            where = about.run.get("suite_file") or "this installation"
            raise UsageError(
                f"--run {run.folder}: its suite {run.suite!r} is not in {where}; name its file with --suite"
            )
        found[suite.name] = suite
    return sorted(found.values(), key=_order)


def _given(path: Path, models: Sequence[str], access: Access, known: Mapping[str, Model]) -> Iterator[Measured]:
    """A finished run, or all those below a folder that belong to the models."""
    single = (path / RUN).exists()
    folders = (
        [path]
        if single
        else sorted({found.parent for found in path.rglob(SCORES) if found.parent.parent.name != JUDGED})
    )
    held = {folder: read_about(folder) for folder in folders}
    found = [folder for folder in folders if held[folder].run.get("model") in models]
    if not found:
        whose = f"is a run of {held[path].run.get('model', '')}" if single else "holds no finished run of the models"
        raise UsageError(f"--run {path} {whose}, which is not compared; name the model, or leave the run out")
    for folder in found:
        model = str(held[folder].run["model"])
        unseen = model.startswith(PREFIX) and model not in known  # The function itself was not given.
        if not unseen and held[folder].identity.get("weights", "") != weights_of(model, known.get(model), access):
            raise UsageError(f"--run {folder}: the model has other weights now; leave the run out to run it again")
        yield read_measured(folder)


def _once(runs: Iterable[Measured]) -> dict[tuple[str, str], Measured]:
    """The runs by model and suite; raises UsageError where there are two of one: which was meant nobody can know."""
    found: dict[tuple[str, str], Measured] = {}
    for run in runs:
        held = found.setdefault((run.model, run.suite), run)
        if Path(held.folder).resolve() != Path(run.folder).resolve():
            both = f"{held.folder} and {run.folder} are both runs of {run.model} on {run.suite}"
            raise UsageError(f"--run: {both}; give one of them")
    return found


def _imported(path: Path, called: Mapping[str, str]) -> list[Row]:
    """Rows of other harnesses, their models called as they are asked."""
    rows = read_rows(path)
    named = [msgspec.structs.replace(row, model=called.get(row.model, row.model)) for row in rows]
    if not any(row.model in called.values() for row in named):
        whose = ", ".join(sorted({row.model for row in rows})) or "nobody"
        raise UsageError(f"--scores {path} has rows of {whose}, not of the models; import it with --model NAME")
    return named


def _plan(wanted: Wanted, model: str, suite: Suite) -> Plan:
    kinds = {task.kind.name for task in suite.tasks if task.kind}
    return Plan(
        model=model,
        suite=suite,
        judges=wanted.judges,
        source=Source(data=wanted.data.get(suite.name)),
        sampling=wanted.sampling,
        epochs=wanted.epochs or 0,
        filtered=wanted.filtered,
        limit=wanted.limit,
        cards=tuple(path for path in wanted.cards if load_card(path).kind in kinds),
        prompts=tuple(prompt for prompt in wanted.prompts if prompt.kind in kinds),
        access=wanted.access if model.startswith(PREFIX) else wanted.access.fitting(parse(model)),
    )


async def _run(
    prepared: Prepared, folder: Path, known: Mapping[str, Model], console: Console, purse: Purse
) -> Measured:
    plan = prepared.plan
    weights = weights_of(plan.model, known[plan.model], plan.access)[:8]
    name = run_name("-".join(filter(None, (plan.model, weights))), prepared.suite.name)
    place = run_folder(folder / RUNS, name, plan.model)
    console.print(f"{plan.model} · {prepared.suite.name}", markup=False, highlight=False)
    result = await run_plan(prepared, place, console, known, purse)
    if result.stopped:
        raise AnjianError(result.stopped)
    return read_measured(result.folder)
