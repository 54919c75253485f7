"""A comparison as GitHub Markdown: one table of models for each suite, one table of changes for each pair."""

import re
from collections.abc import Iterable, Iterator, Sequence

from anjian.names import Name
from anjian.reports.cards import card_lines
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
    OUTCOMES,
    TESTS,
    WAYS,
    Guards,
    demands,
    guards_of,
    judges_of,
    legend,
    mark,
    meaning,
    noted,
    said_once,
    told,
    way_of,
)
from anjian.reports.names import Lexicon
from anjian.reports.words import english
from anjian.scores.comparison import Contrast, SideBySide
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


def markdown(comparison: SideBySide, lexicon: Lexicon) -> str:
    """The whole file."""
    return "\n".join(_lines(comparison, lexicon)) + "\n"


def _lines(comparison: SideBySide, lexicon: Lexicon) -> Iterator[str]:
    guards = guards_of(comparison, lexicon)
    yield "# 模型对比 Comparison of models"
    yield ""
    yield from _decision(comparison.last, comparison.criteria, guards, lexicon, "##")
    yield from (f"> {_both(noted(note, lexicon), '<br>')}\n>" for note in said_once(comparison))
    judges = judges_of(comparison)
    yield f"> 裁判 judge: {escaped(', '.join(judges)) or '–'}"
    if comparison.prompts:
        yield f">\n> 裁判提示 judge prompt: {escaped('; '.join(comparison.prompts))}"
    for card in card_lines(comparison.cards):
        yield f">\n> 裁判卡 judge card: {escaped(card.en)}"
    yield "\n## 成绩 Scores\n"
    for sheet in sheets(comparison, lexicon):
        yield f"### {_both(sheet.name)}\n"
        yield from _table(_heads(sheet), _models(comparison, sheet))
    yield "粗体为一列中最好的 best in bold; [95% 区间 interval]; n = 计分的回复 scored replies\n"
    yield "## 变化 Changes\n"
    for contrast in comparison.contrasts:
        if contrast is comparison.last:
            yield f"### {_pair(contrast)}\n"
        else:
            yield from _decision(contrast, comparison.criteria, guards, lexicon, "###")
        changes = (_change(change, comparison.criteria.alpha, lexicon) for change in contrast.changes)
        yield from _table((*_CHANGE_HEADS, *_LAST_HEADS), changes)
    wanted = (escaped(part) for part in demands(comparison.criteria, guards))
    yield "\n".join((*legend(comparison.criteria), "", *wanted))


def _decision(contrast: Contrast, criteria: Criteria, guards: Guards, lexicon: Lexicon, level: str) -> Iterator[str]:
    outcome = contrast.decision.outcome
    yield f"{level} {_pair(contrast)}：{OUTCOMES[outcome]}\n"
    yield f"{_both(meaning(outcome, guards))}\n"
    yield f"加 `--gate` 时的退出码 exit code with `--gate`: {contrast.decision.exit_code}\n"
    reasons = (told(reason, contrast, criteria, lexicon) for reason in contrast.decision.reasons)
    yield from (f"- {_both(reason, '<br>')}" for reason in reasons)
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


def _models(comparison: SideBySide, sheet: Sheet) -> Iterator[list[str]]:
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


def _change(change: Change, alpha: float, lexicon: Lexicon) -> list[str]:
    metric = change.metric
    sign, way = WAYS[way_of(change, alpha)]
    ends = ("–" if end is None else f"{end * metric.points:.2f}" for end in (change.before, change.after))
    p = "–" if change.p_holm is None else f"{worded_p(change.p_holm)} {mark(change, alpha)}".strip()
    return [
        escaped(english(lexicon.suite(metric.suite))),
        f"{_both(column_name(metric, lexicon))} {'↑' if metric.higher else '↓'}",
        str(change.n) + (f" (缺 {change.missing} / {change.replies} 条 missing)" if change.missing else ""),
        *ends,
        f"{signed(change.change, metric)} {change_span(change)}".strip(),
        p,
        str(TESTS[change.test]),
        f"{escaped(sign)} {way}",
        f"{len(change.improved)} / {len(change.worsened)}",
    ]
