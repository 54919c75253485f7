"""What became of a filing: banks, keywords and results of two folders, beside each other."""

from collections.abc import Iterator
from pathlib import Path

import msgspec

from anjian.filing.annexes import KEYWORDS, QUESTIONS, read_annex
from anjian.filing.decisions import percent
from anjian.filing.folder import RESULTS, open_filing
from anjian.filing.results import Result, Results
from anjian.filing.standard import BANKS, load_standard
from anjian.runs.folder import decoded


class Moved(msgspec.Struct, frozen=True):
    """A list that came and went: its name, old and new sizes, what is new, what is gone."""

    name: str
    before: int
    after: int
    came: list[str]
    gone: list[str]


class Turned(msgspec.Struct, frozen=True):
    """A rate before and after, in words."""

    name: str
    before: str
    after: str


class Changes(msgspec.Struct, frozen=True):
    """All that changed, and what did not stay the same of the conditions."""

    lists: list[Moved]
    rates: list[Turned]
    conditions: list[Turned]


def changes(old: Path, new: Path) -> Changes:
    """Compares two filings that have reports.

    Raises:
        UsageError: A folder has no report, or a file of it is broken; names it.
    """
    lists = []
    for bank in BANKS:
        zh = load_standard().bank(bank).zh
        lists.append(_moved(zh, *(_texts(folder, QUESTIONS, zh, ("代码", "题目")) for folder in (old, new))))
    zh = load_standard().keywords.zh
    lists.append(_moved(zh, *(_texts(folder, KEYWORDS, "词库", ("代码", "关键词")) for folder in (old, new))))
    before, after = _results(old), _results(new)
    return Changes(lists, [*_rates(before, after)], [*_conditions(old, new, before, after)])


def _results(folder: Path) -> Results:
    return decoded(folder / RESULTS, lambda text: msgspec.json.decode(text, type=Results))


def _texts(folder: Path, file: str, sheet: str, columns: tuple[str, str]) -> list[str]:
    head, *rows = read_annex(folder, file).get(sheet) or [[]]
    places = [head.index(column) for column in columns if column in head]
    return [" ".join(row[place] for place in places) for row in rows]


def _moved(name: str, before: list[str], after: list[str]) -> Moved:
    old, new = set(before), set(after)
    came, gone = (
        list(dict.fromkeys(one for one in texts if one not in other)) for texts, other in ((after, old), (before, new))
    )
    return Moved(name, len(before), len(after), came, gone)


def _rates(before: Results, after: Results) -> Iterator[Turned]:
    for one in after.rates:
        yield Turned(one.zh, _told(before.rate(one.name)), _told(one))


def _told(one: Result) -> str:
    return f"{percent(one.counted)}（{one.scored}/{one.n} 评分）{one.decision}"


def _conditions(old: Path, new: Path, before: Results, after: Results) -> Iterator[Turned]:
    """What results rest on, where it changed."""
    pairs = [
        ("被测模型", before.asked.model, after.asked.model),
        ("裁判", before.asked.judge, after.asked.judge),
        ("抽样种子", str(before.seed), str(after.seed)),
        ("抽样题", before.asked.items_sha256[:12], after.asked.items_sha256[:12]),
    ]
    thresholds = [msgspec.structs.asdict(open_filing(folder).thresholds) for folder in (old, new)]
    pairs += [(f"thresholds.{name}", str(value), str(thresholds[1][name])) for name, value in thresholds[0].items()]
    yield from (Turned(*pair) for pair in pairs if pair[1] != pair[2])
