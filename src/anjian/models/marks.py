"""The table of the marks between which models think, compiled from marks.toml."""

import re
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.resources import files

import msgspec

_BRACKETS = re.compile(r"[<＜&◁\[]")


class _Pair(msgspec.Struct, forbid_unknown_fields=True):
    open: str
    close: str
    both: bool = False
    closes: bool = True
    sure: bool = True


class _Unknown(msgspec.Struct, forbid_unknown_fields=True):
    words: str
    titles: str
    bare: str


class _Table(msgspec.Struct, forbid_unknown_fields=True):
    tags: list[str]
    word_tags: list[str]
    answer_tags: list[str]
    alone: list[str]
    ends: tuple[str, ...]
    marks: list[_Pair]
    answers: list[_Pair]
    unknown: _Unknown


class Mark(msgspec.Struct, frozen=True):
    """A pair of marks; where `both` is set, one without the other is none, and unless `sure`, XML may hold it."""

    open: re.Pattern[str]
    close: re.Pattern[str]
    both: bool = False
    sure: bool = True


class Marks(msgspec.Struct, frozen=True):
    """All marks.

    Attributes:
        thinking: Pairs by the name of their group in `opening`.
        opening: Any mark that opens thinking.
        tag_close: The closing mark of any tag: some models open with one and close with another.
        sure_close: Closing marks that divide a reply without an opening one wherever they stand.
        answers: Pairs around an answer, by the name of their group in `answer`.
        answer: Any mark that opens an answer.
        ends: What may be left at the end of an answer.
        unknown: What looks like an opening mark and is none that is known.
        unknown_close: The same for closing marks, with the group `name`.
    """

    thinking: dict[str, Mark]
    opening: re.Pattern[str]
    tag_close: re.Pattern[str]
    sure_close: re.Pattern[str]
    answers: dict[str, Mark]
    answer: re.Pattern[str]
    ends: tuple[str, ...]
    unknown: re.Pattern[str]
    unknown_close: re.Pattern[str]


@cache
def marks() -> Marks:
    """Reads the table of marks."""
    table = msgspec.toml.decode(files("anjian.models").joinpath("marks.toml").read_bytes(), type=_Table)
    # Longer names first: an alternative that matches ends the search.
    names = sorted([*table.tags, *table.word_tags], key=len, reverse=True)
    tags = [_tag(name, sure=name in table.tags) for name in names]
    first = _tag("think")
    pairs = tags + [_lenient(pair) for pair in table.marks]
    answers = [_tag(name, both=True) for name in table.answer_tags] + [_lenient(pair) for pair in table.answers]
    return Marks(
        thinking=_by_group(pairs),
        opening=_groups(pairs),
        tag_close=_any_of(pair.close for pair in tags),
        sure_close=_any_of(
            [first.close, *(p.close for p in pairs[len(tags) :] if p.closes and not p.both), *table.alone]
        ),
        answers=_by_group(answers),
        answer=_groups(answers),
        ends=table.ends,
        unknown=_compiled(
            rf"[<＜◁][|｜]?\s*[\w:.-]{{0,30}}?{table.unknown.words}[\w:. -]{{0,30}}\s*[|｜]?[>＞▷]"
            rf"|[\[【《〈{{]\s*(?:{table.unknown.titles})\s*[\]】》〉}}](?!\()|{table.unknown.bare}"
        ),
        unknown_close=_compiled(
            rf"[<＜◁][|｜]?\s*/\s*(?P<name>[\w:.-]{{0,30}}?{table.unknown.words}[\w:. -]{{0,30}})\s*[|｜]?[>＞▷]"
            rf"|[\[【《〈{{]\s*/\s*(?P<title>{table.unknown.titles})\s*[\]】》〉}}]"
        ),
    )


def has_brackets(text: str) -> bool:
    """True if a mark may stand within a text; looking for single characters is quickest."""
    return "<" in text or "[" in text or "&" in text or "＜" in text or "◁" in text


def scan(pattern: re.Pattern[str], text: str) -> Iterator[re.Match[str]]:
    """Finds marks that start with a bracket, as all do that may stand within a text: quicker than searching."""
    if not has_brackets(text):
        return
    end = 0
    for bracket in _BRACKETS.finditer(text):
        if bracket.start() >= end and (found := pattern.match(text, bracket.start())):
            end = found.end()
            yield found


def _tag(name: str, both: bool = False, sure: bool = True) -> _Pair:
    left, right, prefix = "(?:<|＜|&lt;)", "(?:>|＞|&gt;)", r"(?:[\w-]{1,20}[:|])?"
    word = re.escape(name)
    return _Pair(
        rf"{left}\s*{prefix}{word}(?:\s[^<>\n]{{0,80}}?)?\s*{right}",
        rf"{left}\s*\\?/\s*{prefix}{word}\s*{right}",
        both,
        sure=sure,
    )


def _lenient(pair: _Pair) -> _Pair:
    """Tokens with blanks inside, and with the full-width bars that DeepSeek writes."""
    opening, closing = (
        mark.replace(r"<\|", r"<\s*[|｜]\s*").replace(r"\|>", r"\s*[|｜]\s*>") for mark in (pair.open, pair.close)
    )
    return msgspec.structs.replace(pair, open=opening, close=closing)


def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)


def _any_of(patterns: Iterable[str]) -> re.Pattern[str]:
    return _compiled("|".join(f"(?:{pattern})" for pattern in patterns))


def _groups(pairs: list[_Pair]) -> re.Pattern[str]:
    return _compiled("|".join(f"(?P<m{i}>{pair.open})" for i, pair in enumerate(pairs)))


def _by_group(pairs: list[_Pair]) -> dict[str, Mark]:
    return {f"m{i}": _mark(pair) for i, pair in enumerate(pairs)}


def _mark(pair: _Pair) -> Mark:
    return Mark(_compiled(pair.open), _compiled(pair.close), pair.both, pair.sure)
