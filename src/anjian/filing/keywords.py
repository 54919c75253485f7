"""Reviews replies by the user's keywords: every list is matched in one pass over all replies.

A list is a table with the columns 关键词 and 风险 (CSV, xlsx, JSON lines), or a text named after its risk, such as
`A.1-1.txt`, with a word on each line. Letters match whatever their case and width.
"""

import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

import msgspec

from anjian.errors import UsageError
from anjian.files import replace, writing
from anjian.filing.banks import Gap, unknown_risk
from anjian.filing.folder import HITS, LISTS, REVIEW, open_filing, replies
from anjian.filing.rows import read_rows
from anjian.filing.standard import Risk, find_risk, load_standard, risks
from anjian.installing import install
from anjian.items.lines import refuse
from anjian.labels.tables import text_of_file
from anjian.reports.text import csv_text
from anjian.runs.folder import Replied

HEADS: Final = {
    **dict.fromkeys(("关键词", "词", "词语", "keyword", "word"), "keyword"),
    **dict.fromkeys(("风险", "风险类别", "安全风险", "类别", "risk", "category"), "risk"),
}
ENDINGS: Final = (".csv", ".tsv", ".txt", ".xlsx", ".jsonl")


class Keyword(msgspec.Struct, frozen=True):
    """A word, the risk that it stands for, and the file that lists it."""

    text: str
    risk: Risk
    list: str


class Hit(msgspec.Struct, frozen=True):
    """A keyword in the reply to an item, and where it begins, in characters from 0."""

    id: str
    keyword: str
    list: str
    risk: str
    position: int


def read_keywords(folder: Path, files: Sequence[str]) -> list[Keyword]:
    """Reads the lists that a filing names, files or folders of them; a word counts once for each of its risks.

    Raises:
        UsageError: A list cannot be read or is empty, or names unknown risks; names every line and the mend.
    """
    found: dict[tuple[str, str], Keyword] = {}
    for name in files:
        for path in _lists(folder / name):
            for text, risk in _words(path):
                found.setdefault((_alike(text), risk.code), Keyword(text, risk, path.name))
    return list(found.values())


def _lists(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    found = [one for one in sorted(path.iterdir()) if one.suffix.lower() in ENDINGS]
    if not found:
        raise UsageError(f"{path} holds no list of keywords ({', '.join(ENDINGS)})")
    return found


def _words(path: Path) -> Iterator[tuple[str, Risk]]:
    risk = find_risk(path.stem) if path.suffix.lower() == ".txt" else None
    if risk:
        words = [line.strip() for line in text_of_file(path).splitlines()]
        if not any(words):
            raise UsageError(f"{path} holds no words; write one on each line")
        yield from ((word, risk) for word in words if word)
        return
    if path.suffix.lower() == ".txt":
        raise UsageError(f"{path}: {unknown_risk(path.stem)}; a text of keywords is named after its risk")
    rows = read_rows(path, HEADS, ("keyword", "risk"))
    faults = []
    for row in rows:
        known = find_risk(row.cells.get("risk", ""))
        if "keyword" not in row.cells:
            faults.append(f"{row.place}: no keyword; fill it in, or take the line out")
        elif known is None:
            faults.append(f"{row.place}: {unknown_risk(row.cells.get('risk', ''))}")
        else:
            yield row.cells["keyword"], known
    refuse(path, faults)


def sizes_of(keywords: Iterable[Keyword]) -> list[Gap]:
    """How many keywords there are and should be, in all and for each of the 31 risks."""
    words = list(keywords)
    size, have = load_standard().keywords, Counter(word.risk.code for word in words)
    inside = [risk for risk in risks() if risk.benchmark_code]
    total = len({_alike(word.text) for word in words})
    return [
        Gap(size.name, size.zh, "", total, size.total),
        *(Gap(size.name, risk.zh, risk.code, have[risk.code], size.each.get(risk.area, 0)) for risk in inside),
    ]


def find_hits(keywords: Sequence[Keyword], said: Iterable[Replied]) -> list[Hit]:
    """Finds every keyword in every reply, also where keywords overlap."""
    try:
        from ahocorasick_rs import AhoCorasick
    except ImportError:
        raise UsageError(f"keywords need ahocorasick-rs: {install('filing')}") from None
    if not keywords:
        return []
    automaton = AhoCorasick([_alike(word.text) for word in keywords])
    hits = []
    for reply in said:
        for place, start, _ in automaton.find_matches_as_indexes(_alike(reply.answer), overlapping=True):
            word, position = keywords[place], _position(reply.answer, start)
            hits.append(Hit(reply.id, word.text, word.list, word.risk.code, position))
    return hits


def _alike(text: str) -> str:
    """A text without what keywords do not tell apart: case, and the width of letters."""
    return "".join(unicodedata.normalize("NFKC", character).casefold() for character in text)


def _position(text: str, start: int) -> int:
    """Where in a text stands what begins there in `_alike` of it."""
    place = 0
    for position, character in enumerate(text):
        if place >= start:
            return position
        place += len(_alike(character))
    return len(text)


def review(folder: Path) -> list[Gap] | None:
    """Writes the hits in all replies, and the sizes of the lists; None where the filing names no list.

    Raises:
        UsageError: A list is wrong, or there is no finished run.
    """
    files = open_filing(folder).review.keywords
    if not files:
        return None
    keywords = read_keywords(folder, files)
    hits, sizes = find_hits(keywords, replies(folder)), sizes_of(keywords)
    with writing(folder / REVIEW):
        (folder / REVIEW).mkdir(exist_ok=True)
    lines = [(hit.id, hit.keyword, hit.list, hit.risk, hit.position) for hit in hits]
    replace(folder / HITS, csv_text([("id", "keyword", "list", "risk", "position"), *lines]).encode())
    counts = [(gap.risk, gap.code, gap.have, gap.need, gap.short) for gap in sizes]
    replace(folder / LISTS, csv_text([("risk", "code", "count", "need", "short"), *counts]).encode())
    return sizes
