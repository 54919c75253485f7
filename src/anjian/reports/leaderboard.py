"""The leaderboard of SC-Safety: runs side by side, ranked by total score.

Runs whose intervals overlap share a rank: a run's rank is one more than the number of runs whose whole interval lies
above its own. Published results were obtained on other questions by another judge; they stand below, without a rank.
"""

import re
from collections.abc import Iterable, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

import msgspec
from rich.table import Table

from anjian.errors import UsageError
from anjian.reports.published import load_published
from anjian.reports.text import clean, csv_text, number, span
from anjian.runs.folder import RUN, SCORES
from anjian.scores.rows import Row
from anjian.text import plain

SUITE = "sc_safety"
ABILITIES = {"traditional": "传统安全", "responsible": "负责任人工智能", "attack": "指令攻击"}


class Tag(msgspec.Struct, frozen=True):
    """What is publicly known of a model."""

    name: str
    access: Literal["open", "closed"]
    size: str = ""


class Line(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line of the leaderboard; scores from 0 to 100, None where there is none.

    Attributes:
        rank: None for published results.
        dimensions: Sub-dimension to score.
        judge: Who judged.
        items: Hash of the items; runs with different hashes are not comparable.
    """

    model: str
    rank: int | None = None
    total: float | None = None
    low: float | None = None
    high: float | None = None
    round1: float | None = None
    round2: float | None = None
    round_delta: float | None = None
    traditional: float | None = None
    responsible: float | None = None
    attack: float | None = None
    over_refusal: float | None = None
    n: int = 0
    scored: int = 0
    access: str = ""
    size: str = ""
    judge: str = ""
    items: str = ""
    source: str = ""
    dimensions: dict[str, float | None] = {}


def leaderboard(folders: Sequence[Path], tags: Path | None = None) -> list[Line]:
    """Reads runs of SC-Safety and ranks them, best first.

    Raises:
        UsageError: A folder holds no finished run of the suite; names it.
    """
    known = load_tags(tags)
    lines = [_line(folder, known) for folder in folders]
    lines.sort(key=lambda line: (-(line.total if line.total is not None else -1.0), line.model))
    return [msgspec.structs.replace(line, rank=_rank(line, lines)) for line in lines]


def remarks(lines: Sequence[Line]) -> list[str]:
    """What keeps the lines from being compared: other judges, other items, low coverage."""
    found = []
    if len({line.judge for line in lines}) > 1:
        found.append("these runs had different judges; compare only runs with the same judge")
    if len({line.items for line in lines}) > 1:
        found.append("these runs asked different items; compare only runs on the same items")
    low = [plain(line.model) for line in lines if line.scored < 0.95 * line.n]
    if low:
        found.append(f"coverage below 95%: {', '.join(low)}")
    return found


def published_lines() -> list[Line]:
    """The published results of the paper, unranked."""
    sheet = load_published(SUITE)["score"]
    source = f"{sheet.source}, other questions, other judge"
    lines = []
    for model, figures in sheet.values.items():
        shown: dict[str, Any] = {key: figures[key] for key in ("total", "round1", "round2", *ABILITIES)}
        change = round(shown["round2"] - shown["round1"], 2)
        lines.append(Line(model, access=sheet.licence.get(model, ""), round_delta=change, source=source, **shown))
    return lines


def load_tags(path: Path | None) -> list[Tag]:
    """Reads the table of models; the bundled one by default."""
    text = path.read_bytes() if path else files("anjian.reports").joinpath("models.toml").read_bytes()
    try:
        return msgspec.toml.decode(text, type=dict[str, list[Tag]])["models"]
    except (msgspec.DecodeError, KeyError) as error:
        raise UsageError(f"{path}: not a table of models ({error}); see reports/models.toml") from None


def _line(folder: Path, tags: Iterable[Tag]) -> Line:
    try:
        rows = msgspec.json.decode((folder / SCORES).read_bytes(), type=list[Row])
        run = msgspec.toml.decode((folder / RUN).read_bytes())
    except OSError:
        raise UsageError(f"{folder} holds no finished run: {SCORES} or {RUN} is missing") from None
    except msgspec.DecodeError as error:
        raise UsageError(f"{folder / SCORES} is broken: {error}") from None
    found = {(row.metric, row.group): row for row in rows if row.suite == SUITE}
    if ("score", "overall") not in found:
        raise UsageError(f"{folder} is not a run of {SUITE}")
    total = found["score", "overall"]

    def value(metric: str, group: str) -> float | None:
        return found[metric, group].value if (metric, group) in found else None

    abilities: dict[str, Any] = {key: value("score", name) for key, name in ABILITIES.items()}
    name = total.model.lower()
    tag = next((tag for tag in tags if tag.name in name), None)
    size = re.search(r"\d+(\.\d+)?[bm]\b", name)
    return Line(
        model=total.model,
        total=total.value,
        low=total.low,
        high=total.high,
        round1=value("score", "round1"),
        round2=value("score", "round2"),
        round_delta=value("round_delta", "overall"),
        over_refusal=value("over_refusal", "overall"),
        n=total.n,
        scored=total.scored,
        access=tag.access if tag else "",
        size=(tag.size if tag else "") or (size[0].upper() if size else ""),
        judge=total.judge,
        items=str(run.get("items", {}).get("sha256", "")),
        source=str(folder),
        dimensions={row.group: row.value for row in rows if row.metric == "score" and row.group_kind == "dimension"},
        **abilities,
    )


def _rank(line: Line, lines: Sequence[Line]) -> int | None:
    if line.high is None:
        return None
    return 1 + sum(other.low is not None and other.low > line.high for other in lines)


def as_table(lines: Sequence[Line]) -> Table:
    """Lays the lines out for a terminal."""
    table = Table(title="SC-Safety", caption="总分区间重叠者名次并列 · overlapping intervals share a rank")
    heads = (
        "名次",
        "模型",
        "总分",
        "95% 区间",
        "第一轮",
        "第二轮",
        "差",
        "传统安全",
        "负责任",
        "指令攻击",
        "误拒 %",
        "类型",
    )
    for head in heads:
        table.add_column(head, justify="left" if head in ("模型", "类型") else "right", overflow="fold")
    for line in lines:
        scores = (line.round1, line.round2, line.round_delta, line.traditional, line.responsible, line.attack)
        table.add_row(
            str(line.rank or "–"),
            clean(line.model) + ("" if line.rank else " [dim](published)[/]"),
            number(line.total, 1),
            span(line.low, line.high, 1),
            *(number(score, 1) for score in scores),
            number(line.over_refusal),
            clean(" ".join(part for part in (line.access, line.size) if part)),
            style="dim" if line.rank is None else "",
        )
    return table


def as_json(lines: Sequence[Line]) -> str:
    """The lines as a JSON list."""
    return msgspec.json.format(msgspec.json.encode(lines), indent=1).decode()


def as_csv(lines: Sequence[Line]) -> str:
    """The lines as CSV, a column for each sub-dimension; no cell can pass for a spreadsheet formula."""
    names = [name for name in Line.__struct_fields__ if name != "dimensions"]
    dimensions = list(dict.fromkeys(name for line in lines for name in line.dimensions))
    values = ([*(getattr(line, name) for name in names), *map(line.dimensions.get, dimensions)] for line in lines)
    return csv_text([[*names, *dimensions], *values])
