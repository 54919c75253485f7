"""A comparison as GitHub Markdown: one table of models for each suite, one table of changes for each pair."""

import re
from collections.abc import Iterable, Iterator, Sequence

from anjian.reports.comparison.table import (
    Column,
    Sheet,
    change_span,
    column_name,
    interval_of,
    sheets,
    signed,
    value_of,
)
from anjian.reports.comparison.words import (
    MEANINGS,
    OUTCOMES,
    RULES_CAUTION,
    TESTS,
    WAYS,
    by_rules,
    demands,
    judges_of,
    legend,
    mark,
    noted,
    told,
    way_of,
)
from anjian.reports.names import SUITES, Name, named
from anjian.scores.comparison import Comparison, Contrast
from anjian.scores.gates import Criteria, worded_p
from anjian.scores.paired import Change
from anjian.text import plain

_MARKUP = re.compile(r"[\\`*_{}\[\]#~$:!]")
_LIST = re.compile(r"^(\d*)([-+=.)])(?= |$)")
"""What would make a list or a rule of the text after it."""
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "|": "&#124;"}

_CHANGE_HEADS = ("评测 suite", "指标 metric", "n", "之前 before", "之后 after", "变化 change", "p (Holm)", "检验 test")
_LAST_HEADS = ("判断 finding", "变好/变差的题 items better/worse")


def escaped(text: str) -> str:
    r"""A text on one line that Markdown shows as it is, in a table too.

    Example:
        >>> escaped("a|b_c")
        'a&#124;b\\_c'
    """
    text = _LIST.sub(r"\1\\\2", _MARKUP.sub(r"\\\g<0>", " ".join(plain(text).split())))
    return re.sub(r"[&<>|]", lambda found: _ENTITIES[found[0]], text)


def markdown(comparison: Comparison) -> str:
    """The whole file."""
    return "\n".join(_lines(comparison)) + "\n"


def _lines(comparison: Comparison) -> Iterator[str]:
    yield "# 模型对比 Comparison of models"
    yield ""
    yield from _decision(comparison.last, comparison.criteria, "##")
    yield from (f"> {_both(noted(note), '<br>')}\n>" for note in comparison.notes)
    judges = judges_of(comparison)
    yield f"> 裁判 judge: {escaped(', '.join(judges)) or '–'}"
    if by_rules(judges):
        yield f">\n> {RULES_CAUTION}"
    yield "\n## 成绩 Scores\n"
    for sheet in sheets(comparison):
        yield f"### {_both(named(SUITES, sheet.suite))}\n"
        yield from _table(_heads(sheet), _models(comparison, sheet))
    yield "粗体为一列中最好的 best in bold; [95% 区间 interval]; n = 计分的回复 scored replies\n"
    yield "## 变化 Changes\n"
    for contrast in comparison.contrasts:
        yield from (
            _decision(contrast, comparison.criteria, "###")
            if contrast is not comparison.last
            else [f"### {_pair(contrast)}\n"]
        )
        yield from _table(
            (*_CHANGE_HEADS, *_LAST_HEADS), (_change(change, comparison.criteria.alpha) for change in contrast.changes)
        )
    yield "\n".join((*legend(comparison.criteria), "", *demands(comparison.criteria)))


def _decision(contrast: Contrast, criteria: Criteria, level: str) -> Iterator[str]:
    outcome = contrast.decision.outcome
    yield f"{level} {_pair(contrast)}：{OUTCOMES[outcome]}\n"
    yield f"退出码 exit code {contrast.decision.exit_code} (`--gate`)：{MEANINGS[outcome]}\n"
    yield from (f"- {_both(told(reason, contrast, criteria), '<br>')}" for reason in contrast.decision.reasons)
    yield ""


def _pair(contrast: Contrast) -> str:
    return f"{escaped(contrast.before)} → {escaped(contrast.after)}"


def _both(name: Name, between: str = " ") -> str:
    """A name that holds words from outside."""
    return between.join(escaped(part) for part in name if part)


def _table(heads: Sequence[str], lines: Iterable[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(heads)} |"
    yield f"|---|{'---:|' * (len(heads) - 1)}"
    yield from (f"| {' | '.join(line)} |" for line in lines)
    yield ""


def _heads(sheet: Sheet) -> list[str]:
    return ["模型 model", *(f"{_both(column.name, '<br>')} {column.arrow}" for column in sheet.columns)]


def _models(comparison: Comparison, sheet: Sheet) -> Iterator[list[str]]:
    for place, line in enumerate(comparison.lines):
        yield [escaped(line.model), *(_cell(column, place) for column in sheet.columns)]


def _cell(column: Column, place: int) -> str:
    row = column.cells[place]
    if row is None:
        return "–"
    value = value_of(row, column.factor)
    parts = [f"**{value}**" if place in column.best else value]
    if interval := interval_of(row, column.factor):
        parts.append(f"[{interval}]")
    parts.append(f"n={row.scored}" if row.scored == row.n else f"n={row.scored}/{row.n}")
    return "<br>".join(parts)


def _change(change: Change, alpha: float) -> list[str]:
    metric = change.metric
    sign, way = WAYS[way_of(change, alpha)]
    ends = ("–" if end is None else f"{end * metric.points:.2f}" for end in (change.before, change.after))
    p = "–" if change.p_holm is None else f"{worded_p(change.p_holm)} {mark(change, alpha)}".strip()
    return [
        escaped(named(SUITES, metric.suite).en),
        f"{_both(column_name(metric))} {'↑' if metric.higher else '↓'}",
        str(change.n) + (f" (+{change.left_out} 未比 left out)" if change.left_out else ""),
        *ends,
        f"{signed(change.change, metric)} {change_span(change)}".strip(),
        p,
        str(TESTS[change.test]),
        f"{escaped(sign)} {way}",
        f"{len(change.improved)} / {len(change.worsened)}",
    ]
