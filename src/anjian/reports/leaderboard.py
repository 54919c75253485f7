"""The leaderboard: runs of one suite side by side, ranked by the metric that it declares for that.

Only runs on the same items, by the same judge and prompt, are ranked among each other. Where intervals overlap, ranks
are ranges: from one more than the runs whose whole interval is better, to all but those whose whole interval is worse.
Published results were obtained on other questions by another judge; they stand below, without a rank.
"""

import re
from collections.abc import Iterable, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Literal

import msgspec

from anjian.errors import UsageError
from anjian.items.taxonomy import Area
from anjian.judges.builtin import FIRST_LOOK
from anjian.reports.published import load_published
from anjian.runs.folder import SCORES, read_about
from anjian.runs.intact import read_checked
from anjian.runs.reading import conditions_of, suite_of_run
from anjian.scores.measures import Measure, Task
from anjian.scores.rows import FINEST
from anjian.suites import all_suites
from anjian.suites.base import Suite
from anjian.text import plain


class Tag(msgspec.Struct, frozen=True):
    """What is publicly known of a model."""

    name: str
    access: Literal["open", "closed"]
    size: str = ""


class Line(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line of the leaderboard; values as in `scores.json`, None where there is none.

    Attributes:
        rank: The best that it can be; None for published results, and where nothing was scored.
        rank_to: The worst that it can be.
        rounds: `round1` and so on to the value of that round.
        areas: An area's key to its value.
        guard: The suite's first guard, such as over-refusal.
        dimensions: Sub-dimension or category to its value.
        judge: Who judged.
        prompt: By which prompts, with their hashes; empty where no model judged.
        items: Hash of the items; runs with different hashes are not comparable.
    """

    model: str
    rank: int | None = None
    rank_to: int | None = None
    total: float | None = None
    low: float | None = None
    high: float | None = None
    rounds: dict[str, float | None] = {}
    round_delta: float | None = None
    areas: dict[str, float | None] = {}
    guard: float | None = None
    n: int = 0
    scored: int = 0
    access: str = ""
    size: str = ""
    judge: str = ""
    prompt: str = ""
    items: str = ""
    source: str = ""
    dimensions: dict[str, float | None] = {}

    @property
    def terms(self) -> tuple[str, str, str]:
        """Who judged, by what prompt, and what was asked: lines that differ in it are not ranked among each other."""
        return self.judge, self.prompt, self.items


class Ranking(msgspec.Struct, frozen=True):
    """What a suite's runs are ranked by, and what stands beside it."""

    suite: Suite
    task: Task
    measure: Measure
    guard: tuple[Task, Measure] | None

    @property
    def areas(self) -> dict[str, Area]:
        """Key to area."""
        return {area.key or area.zh: area for area in self.suite.taxonomy.areas if area.zh}


def ranking_of(suite: Suite) -> Ranking:
    """What a suite's runs are ranked by.

    Raises:
        UsageError: It declares nothing of the kind; names the suites that do.
    """
    if suite.ranked is None:
        ranked = ", ".join(found.suite.name for found in all_suites()[0] if found.suite.ranked)
        raise UsageError(f"runs of {suite.name} are not ranked; those of {ranked} are")
    name, metric = suite.ranked
    task = suite.task(name)
    measure = next(measure for measure in task.measures if measure.name == metric)
    guards = ((task, measure) for task, measure in suite.measures() if measure.role == "guard")
    return Ranking(suite, task, measure, next(guards, None))


def leaderboard(
    folders: Sequence[Path], tags: Path | None = None, *, first_look: bool = False
) -> tuple[Ranking, list[Line]]:
    """Reads runs of one suite and ranks them, best first.

    Args:
        folders: The run folders.
        tags: A table of models instead of the bundled one.
        first_look: Ranks scores of judges whose scores are only a first look, too; else they are left out.

    Raises:
        UsageError: A folder holds no finished run of a suite that is ranked, or of another one; names it. All
            runs are first looks.
    """
    known, ranking, lines = load_tags(tags), None, []
    for folder in folders:
        found = _ranking(folder)
        ranking = ranking or found
        if found.suite.name != ranking.suite.name:
            raise UsageError(
                f"{folders[0]} is a run of {ranking.suite.name}, and {folder} of {found.suite.name}; rank them apart"
            )
        lines.append(_line(folder, ranking, known))
    if ranking is None:
        raise UsageError("there are no runs to rank; name their folders")
    if not first_look and all(line.judge in FIRST_LOOK for line in lines):
        raise UsageError(
            f"scores by {lines[0].judge} are a first look and enter no leaderboard; run the same `anjian eval` with"
            " --judge MODEL, or add --first-look"
        )
    lines = [line for line in lines if first_look or line.judge not in FIRST_LOOK]
    lines.sort(key=lambda line: (-_goodness(line.total, ranking), line.model))
    return ranking, [line for group in groups(lines) for line in _ranked(group, ranking)]


def groups(lines: Sequence[Line]) -> list[list[Line]]:
    """The lines that may be compared, together; in the order in which their first ones stand."""
    found: dict[tuple[str, str, str], list[Line]] = {}
    for line in lines:
        found.setdefault(line.terms, []).append(line)
    return list(found.values())


def remarks(lines: Sequence[Line]) -> list[str]:
    """What keeps the lines from being compared: other judges, other items, low coverage."""
    found = []
    looks = sorted({line.judge for line in lines} & FIRST_LOOK)
    if looks:
        found.append(f"scores by {', '.join(looks)} are a first look; publish what a measured judge says")
    if len({line.judge for line in lines}) > 1:
        found.append("these runs had different judges, and are ranked apart")
    if len(prompts := {line.prompt for line in lines}) > 1:
        told = "; ".join(sorted(filter(None, prompts)))
        found.append(f"these runs were judged by different prompts ({told}), and are ranked apart")
    if len({line.items for line in lines}) > 1:
        found.append("these runs asked different items, and are ranked apart")
    low = [plain(line.model) for line in lines if line.scored < 0.95 * line.n]
    if low:
        found.append(f"coverage below 95%: {', '.join(low)}")
    return found


def published_lines(ranking: Ranking) -> list[Line]:
    """The published results of the suite, unranked; see `load_published` for errors."""
    results, metric = load_published(ranking.suite.name), ranking.measure.name
    one = next((one for one in ranking.suite.published if metric in one.columns), None)
    if one is None:
        raise UsageError(f"no published results of {ranking.suite.name} have its {metric}; leave out --published")
    sheet, factor, lines = results.sheets[one.sheet], 100 / ranking.measure.best, []
    for model, figures in sheet.values.items():
        values: dict[str, float | None] = {name: figure / factor for name, figure in figures.items()}
        rounds = {name: value for name, value in values.items() if re.fullmatch(r"round\d+", name)}
        ends = [value for value in rounds.values() if value is not None]
        lines.append(
            Line(
                model,
                total=values[one.columns[metric]],
                rounds=rounds,
                round_delta=round(ends[-1] - ends[0], 2) if len(ends) > 1 else None,
                areas={key: values[key] for key in ranking.areas if key in values},
                access=sheet.licence.get(model, ""),
                source=f"{sheet.source}, other questions, other judge",
            )
        )
    return lines


def load_tags(path: Path | None) -> list[Tag]:
    """Reads the table of models; the bundled one by default."""
    if path is None:
        text = files("anjian.reports").joinpath("models.toml").read_bytes()
        return msgspec.toml.decode(text, type=dict[str, list[Tag]])["models"]
    try:
        return msgspec.toml.decode(path.read_bytes(), type=dict[str, list[Tag]])["models"]
    except OSError as error:
        raise UsageError(f"cannot read --models {path}: {error.strerror}") from None
    except (msgspec.DecodeError, UnicodeDecodeError, KeyError) as error:
        raise UsageError(f"{path}: not a table of models ({error}); see reports/models.toml") from None


def _ranking(folder: Path) -> Ranking:
    about = read_about(folder)
    suite = suite_of_run(about)
    if suite is None:
        name = plain(str(about.run.get("suite", "")))
        raise UsageError(f"{folder} is a run of {name!r}, and there is no such suite here; leave it out")
    try:
        return ranking_of(suite)
    except UsageError as error:
        raise UsageError(f"{folder} is a run of {suite.name}: {error}; leave it out") from None


def _line(folder: Path, ranking: Ranking, tags: Iterable[Tag]) -> Line:
    about = read_about(folder)
    rows = read_checked(folder, about, ranking.suite)
    task, measure, guard = ranking.task.name, ranking.measure, ranking.guard
    found = {(row.task, row.metric, row.group_kind, row.group): row for row in rows}
    total = found.get((task, measure.name, "overall", "overall"))
    if total is None:
        judge = plain(str(about.run.get("judge", "nobody")))
        raise UsageError(
            f"{folder / SCORES} has no {measure.name} of {task}, which {judge} does not measure; leave it out, or run"
            " the same `anjian eval` with another --judge"
        )
    mine = [row for row in rows if row.task == task and row.metric == measure.called(row.group_kind)]
    values = {(row.group_kind, row.group): row.value for row in mine}
    level = ranking.suite.levels[0]
    changed = found.get((task, "round_delta", "overall", "overall"))
    guarded = found.get((guard[0].name, guard[1].name, "overall", "overall")) if guard else None
    name = total.model.lower()
    tag = next((tag for tag in tags if tag.name in name), None)
    size = re.search(r"\d+(\.\d+)?[bm]\b", name)
    return Line(
        model=total.model,
        total=total.value,
        low=total.low,
        high=total.high,
        rounds={row.group: row.value for row in mine if row.group_kind == "round"},
        round_delta=changed.value if changed else None,
        areas={key: values.get((level, area.zh)) for key, area in ranking.areas.items()},
        guard=guarded.value if guarded else None,
        n=total.n,
        scored=total.scored,
        access=tag.access if tag else "",
        size=(tag.size if tag else "") or (size[0].upper() if size else ""),
        judge=total.judge,
        prompt=conditions_of(about).get("judge_prompt", ""),
        items=str(about.items.get("sha256", "")),
        source=str(folder),
        dimensions={row.group: row.value for row in mine if row.group_kind in FINEST},
    )


def _goodness(value: float | None, ranking: Ranking) -> float:
    if value is None:
        return float("-inf")
    return value if ranking.measure.higher else -value


def _ranked(lines: Sequence[Line], ranking: Ranking) -> list[Line]:
    """Gives lines that may be compared their ranks: the best and the worst that their intervals leave open."""
    ends = [
        sorted((_goodness(line.low, ranking), _goodness(line.high, ranking)))
        for line in lines
        if line.low is not None and line.high is not None
    ]
    found = []
    for line in lines:
        if line.low is None or line.high is None:
            found.append(line)
            continue
        worst, best = sorted((_goodness(line.low, ranking), _goodness(line.high, ranking)))
        first = 1 + sum(low > best for low, _ in ends)
        last = sum(high >= worst for _, high in ends)
        found.append(msgspec.structs.replace(line, rank=first, rank_to=last))
    return found
