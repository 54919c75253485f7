"""What the papers report, for comparison: `anjian published SUITE` and a panel of the HTML report.

Figures are percent (CHiSafetyBench) or scores from 0 to 100 (SC-Safety), as printed but for the misprints listed here.
"""

import csv
from collections.abc import Sequence
from functools import cache
from importlib.resources import files

import msgspec
from rich import box
from rich.table import Table

from anjian.errors import UsageError


class Sheet(msgspec.Struct, frozen=True):
    """One published table.

    Attributes:
        title: What it shows, Chinese first.
        source: Where it stands.
        values: Model to column to figure.
        licence: Model to `open` or `closed`, where the source says.
        printed: Misprints: model and column to the figure as printed, where `values` has another.
        remarks: Footnotes.
    """

    title: str
    source: str
    values: dict[str, dict[str, float]]
    licence: dict[str, str] = {}
    printed: dict[tuple[str, str], float] = {}
    remarks: tuple[str, ...] = ()


_PAPER = "arXiv 2406.10311"
_SHIFTED = (
    "* In the figure the bars of the overall accuracy are shifted by one model from Qwen1.5-14B to Yi-6B. The last "
    "column is recomputed from the five areas, weighted by their 460, 399, 254, 355 and 99 questions; use that one."
)
_FOLLOW_UP = (
    "Follow-up, arXiv 2502.11137: DeepSeek-V3 84.17 (discrimination 66.96); DeepSeek-R1 about 71.4 "
    "(discrimination 50.22, values 64.91)."
)
_MISPRINT = (
    "* Printed as 26.73, which repeats RR-2. The overall HR (19 of 563 replies) less that without history (2 of 462) "
    "leaves 17 of 101, or 16.83."
)
_HR = ("Baichuan2-13B-Chat", "with_history_hr")


@cache
def load_published(suite: str) -> dict[str, Sheet]:
    """Loads the published tables of a suite: `mcq` and `refusal` (chisafety), or `score` (sc_safety).

    Raises:
        UsageError: There are none for this suite.
    """
    if suite == "chisafety":
        mcq, refusal = _read("chisafety_mcq"), _read("chisafety_refusal")
        return {
            "mcq": Sheet("选择题准确率 MCQ accuracy (%)", _PAPER, *mcq, remarks=(_SHIFTED, _FOLLOW_UP)),
            "refusal": Sheet("拒答 Refusal (%)", _PAPER, *refusal, printed={_HR: 26.73}, remarks=(_MISPRINT,)),
        }
    if suite == "sc_safety":
        return {"score": Sheet("得分 Scores (0–100)", "arXiv 2310.05818", *_read("sc_safety"))}
    raise UsageError(f"no published results for suite {suite!r}; there are chisafety, sc_safety")


def _read(name: str) -> tuple[dict[str, dict[str, float]], dict[str, str]]:
    text = files("anjian.reports").joinpath("published", f"{name}.csv").read_text(encoding="utf-8")
    values, licence = {}, {}
    for row in csv.DictReader(text.splitlines()):
        model = row.pop("model")
        if "licence" in row:
            licence[model] = row.pop("licence")
        values[model] = {column: float(figure) for column, figure in row.items()}
    return values, licence


def published_tables(suite: str) -> list[Table]:
    """Lays the published results of a suite out for a terminal of 100 columns; see `load_published` for errors."""
    sheets = load_published(suite)
    if suite == "chisafety":
        return [_mcq(sheets["mcq"]), _by_area(sheets["refusal"]), _by_history(sheets["refusal"])]
    return [_total(sheets["score"]), _abilities(sheets["score"])]


def _mcq(sheet: Sheet) -> Table:
    columns = [("discrimination", "歧视\ndiscrim."), ("values", "价值观\nvalues"), ("commercial", "商业\ncommerc.")]
    columns += [("rights", "权益\nrights"), ("specific_services", "特定服务\nservices")]
    columns += [("overall_as_printed", "总体*\nas printed"), ("overall_recomputed", "总体\nrecomputed")]
    table = _table(f"{sheet.source}, figure 3 (a) and (b)", sheet.title, columns, sheet.remarks)
    for model, values in sheet.values.items():
        wrong = values["overall_as_printed"] != values["overall_recomputed"]
        cells = [f"{values[column]:.2f}" for column, _ in columns]
        cells[-2] += "*" if wrong else " "
        table.add_row(model, *cells)
    return table


def _by_area(sheet: Sheet) -> Table:
    groups = [("", "总体\nall"), ("discrimination_", "歧视\ndiscr."), ("values_", "价值观\nvalues")]
    source = f"{sheet.source}, results of the refusal task (figure 4 of the release); judge: Qwen-72B"
    return _filled(sheet, source, f"{sheet.title}: 总体与领域 overall and by area", groups)


def _by_history(sheet: Sheet) -> Table:
    groups = [("without_history_", "无历史\nwithout"), ("with_history_", "有历史\nwith")]
    title = f"{sheet.title}: 对话历史 without and with dialogue history"
    source = f"{sheet.source}, results with and without dialogue history; judge: Qwen-72B"
    return _filled(sheet, source, title, groups, sheet.remarks)


def _filled(
    sheet: Sheet, source: str, title: str, groups: Sequence[tuple[str, str]], remarks: Sequence[str] = ()
) -> Table:
    metrics = {"rr1": "RR-1", "rr2": "RR-2", "hr": "HR"}
    columns = [(prefix + key, f"{head}\n{metric}") for prefix, head in groups for key, metric in metrics.items()]
    table = _table(source, title, columns, remarks)
    for model, values in sheet.values.items():
        marks = ["*" if (model, column) in sheet.printed else "" for column, _ in columns]
        table.add_row(model, *(f"{values[c]:.2f}{mark}" for (c, _), mark in zip(columns, marks, strict=True)))
    return table


def _total(sheet: Sheet) -> Table:
    columns = [("total", "总分\ntotal"), ("round1", "第一轮\nround 1"), ("round2", "第二轮\nround 2")]
    table = _table(f"{sheet.source}, results by round", f"{sheet.title}: 总分与轮次 total and by round", columns)
    table.add_column("变化\nround 2 - 1", justify="right")
    table.add_column("权重\nweights")
    for model, values in sheet.values.items():
        change = f"{values['round2'] - values['round1']:+.2f}"
        table.add_row(model, *(f"{values[c]:.2f}" for c, _ in columns), change, sheet.licence[model])
    return table


def _abilities(sheet: Sheet) -> Table:
    abilities = {"traditional": "传统\ntradit", "responsible": "责任\nrespon", "attack": "攻击\nattack"}
    parts = {"": "both", "_round1": "1st", "_round2": "2nd"}
    columns = [(key + part, f"{head}\n{name}") for key, head in abilities.items() for part, name in parts.items()]
    title = f"{sheet.title}: 三种能力与轮次 three abilities, both rounds and each"
    table = _table(f"{sheet.source}, results by ability", title, columns)
    for model, values in sheet.values.items():
        table.add_row(model, *(f"{values[column]:.2f}" for column, _ in columns))
    return table


def _table(source: str, title: str, columns: Sequence[tuple[str, str]], remarks: Sequence[str] = ()) -> Table:
    caption = "\n".join((f"Source: {source}.", *remarks, ""))
    table = Table(title=title, caption=caption, title_justify="left", caption_justify="left", title_style="bold")
    table.box, table.padding = box.SIMPLE_HEAD, (0, 0, 0, 1)
    table.add_column("模型\nmodel", no_wrap=True)
    for _, head in columns:
        table.add_column(head, justify="right", no_wrap=True)
    return table
