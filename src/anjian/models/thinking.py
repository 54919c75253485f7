"""Splits a reply into thinking and answer.

R1-style templates prefill `<think>`, so that a raw reply reads `reasoning</think>answer` with no opening tag; parsers
that need both tags take the whole reasoning for the answer. Five shapes occur, and each is counted. The marks that
models use stand in marks.toml; wherever this page says "tag", any of them is meant.
"""

import re
from collections.abc import Iterator
from typing import Literal

import msgspec

from anjian.models.base import Reply
from anjian.models.marks import Mark, Marks, marks

Shape = Literal["both_tags", "closing_only", "opening_only", "none", "empty"]
SHAPES: tuple[Shape, ...] = ("both_tags", "closing_only", "opening_only", "none", "empty")

OPEN, CLOSE = "<think>", "</think>"

_STARTS = ("<", "＜", "&", "[", "◁", "【", "《", "〈", "{", "analysis", "Here", "here", "HERE")
"""What marks may start with; replies that start otherwise are not compared with the table."""
_BRACKETS = ("<", "◁", "[", "＜", "&")
_NAMES = ("think", "thought", "reason", "final", "channel", "inner_suffix", "unused17")
"""Every closing mark that may stand alone holds a bracket and a name of these: most answers need no further look."""
_ENDED = ("stop", "eos", "eos_token", "end_turn", "stop_sequence")
_FENCE = "```"
_SPEECH = "`\"'“‘「『"
_QUOTES = {'"': '"', "'": "'", "“": "”", "‘": "’", "「": "」", "『": "』"}


class Thought(msgspec.Struct, frozen=True):
    """A reply in two parts; `answer` is empty where thinking was cut off before it.

    Shapes: `both_tags` (also: thinking in a field of its own), `closing_only` (the opening tag was prefilled),
    `opening_only` (cut off while thinking), `none` (no thinking), `empty` (opened and closed with nothing in it).

    Attributes:
        shape: One of the five.
        thinking: What stands between the tags, or in a field of its own.
        answer: What follows.
        unknown: A mark that opens the reply and looks like one of thinking, but is not known; it is left in the answer.
        parser_took_all: True if the reply came to its end and all of it stands in the field for thinking: the server's
            parser took the answer along.
    """

    shape: Shape
    thinking: str
    answer: str
    unknown: str = ""
    parser_took_all: bool = False


def split_thinking(reply: Reply) -> Thought:
    """Splits one reply. No character but the tags and surrounding blanks is lost, apart from a second thinking."""
    thinking = reply.reasoning.strip()
    if not thinking:
        return split_text(reply.text, reply.prefilled)
    if answer := _answer(reply.text):
        return Thought("both_tags", thinking, answer)
    if reply.text.strip():
        return Thought("opening_only", thinking, "")
    divided = split_text(thinking, prefilled=True)
    if divided.answer:
        return divided
    return Thought("opening_only", thinking, "", parser_took_all=reply.finish_reason in _ENDED)


def split_text(text: str, prefilled: bool = False) -> Thought:
    """Splits raw text; `prefilled` says that the prompt had already opened the thinking."""
    body = text.lstrip()
    if body.startswith(OPEN):
        thinking, _, answer = body[len(OPEN) :].partition(CLOSE)
        thinking, answer = thinking.strip(), answer.strip()
        if thinking and answer and not answer.startswith(_STARTS) and _is_plain(thinking):
            return Thought("both_tags", thinking, answer)
    if body.startswith(_STARTS) and (opened := _opened(body, marks())):
        return opened
    if _may_close(body) and (closed := _closed_only(body, prefilled, marks())):
        return closed
    body = body.rstrip()
    if prefilled:
        return Thought("opening_only", body, "")
    unknown = marks().unknown.match(body) if body.startswith(_STARTS) else None
    return Thought("none", "", _unwrapped(body), unknown[0] if unknown else "")


def _is_plain(thinking: str) -> bool:
    """True where the first closing tag is the right one: no thinking inside, and no quotation of the tag."""
    return thinking[-1] not in _SPEECH and ("<" not in thinking or OPEN not in thinking)


def _may_close(body: str) -> bool:
    if not any(bracket in body for bracket in _BRACKETS):
        return False
    lowered = body.lower()
    return any(name in lowered for name in _NAMES)


def _opened(body: str, table: Marks) -> Thought | None:
    """Splits a reply that starts with an opening mark, which the mark of an answer may enclose."""
    around = table.answer.match(body)
    if around and table.opening.match(inner := body[around.end() :].lstrip()):
        body = _without_last(inner, table.answers[str(around.lastgroup)].close)
    opening = table.opening.match(body)
    if not opening:
        return None
    mark = table.thinking[str(opening.lastgroup)]
    rest = body[opening.end() :]
    closing = _closing(rest, mark, table)
    if not closing:
        if mark.both:
            return None
        # Some forget to close the thinking, and open the answer.
        closing = next(_unquoted(table.answer, rest), None)
        if not closing:
            return Thought("opening_only", rest.strip(), "")
        return Thought("both_tags", rest[: closing.start()].strip(), _answer(rest[closing.start() :]))
    thinking, rest = rest[: closing.start()].strip(), rest[closing.end() :].lstrip()
    if not thinking and rest.startswith(_STARTS) and table.opening.match(rest):
        return _opened(rest, table)
    answer = _answer(rest)
    if not rest.strip() and (inside := next(_unquoted(table.answer, thinking), None)):
        thinking, answer = thinking[: inside.start()].strip(), _answer(thinking[inside.start() :])
    return Thought("both_tags" if thinking else "empty", thinking, answer)


def _closing(rest: str, mark: Mark, table: Marks) -> re.Match[str] | None:
    """The mark that closes the thinking: the first that is not quoted, or a later one where thinking holds thinking."""
    found = list(_unquoted(mark.close, rest)) or list(mark.close.finditer(rest))[:1]
    if not found:
        return None if mark.both else table.tag_close.search(rest)
    opened_again = len(list(_unquoted(mark.open, rest[: found[0].start()])))
    return found[min(opened_again, len(found) - 1)]


def _closed_only(body: str, prefilled: bool, table: Marks) -> Thought | None:
    """Splits a reply in which thinking is closed that was not opened at its start."""
    sure = next(_unquoted(table.sure_close, body), None)
    found = [sure, next(_unquoted(table.line_close, body), None)]
    if prefilled:
        # The thinking was opened for sure: any closing mark will do, even one that is only spoken of.
        found += [next(_unquoted(table.tag_close, body), None), table.sure_close.search(body)]
    for closing in found:
        if not closing or (closing.start() == 0 and not prefilled and table.answer.match(body)):
            continue
        before, after = body[: closing.start()], body[closing.end() :]
        opening = None if prefilled else _last(_unquoted(table.opening, before))
        if not opening:
            shape: Shape = "closing_only" if before.strip() else "empty"
            return Thought(shape, before.strip(), _answer(after))
        if not before[: opening.start()].rpartition("\n")[2].strip():
            parts = (before[: opening.start()].strip(), _answer(after))
            return Thought("both_tags", before[opening.end() :].strip(), "\n".join(filter(None, parts)))
        if closing is sure and (not after.partition("\n")[0].strip() or not before.rpartition("\n")[2].strip()):
            return Thought("closing_only", before.strip(), _answer(after))
    return None


def _answer(text: str) -> str:
    """What is left of a text without the thinking at its start and the marks around the answer."""
    text = text.strip()
    while text.startswith(_STARTS):
        table = marks()
        if opening := table.opening.match(text):
            mark = table.thinking[str(opening.lastgroup)]
            closing = _closing(text[opening.end() :], mark, table)
            if not closing:
                return text if mark.both else ""
            text = text[opening.end() + closing.end() :].strip()
        elif closing := table.sure_close.match(text) or table.tag_close.match(text):
            text = text[closing.end() :].strip()
        elif around := table.answer.match(text):
            text = _without_last(text[around.end() :], table.answers[str(around.lastgroup)].close)
        else:
            break
    if text.endswith("|>"):
        for end in marks().ends:
            text = text.removesuffix(end).rstrip()
    return text


def _unwrapped(text: str) -> str:
    """An answer without thinking, out of the marks that enclose it whole."""
    around = marks().answer.match(text) if text.startswith(_STARTS) else None
    if not around:
        return text
    mark = marks().answers[str(around.lastgroup)]
    closing = _last(mark.close.finditer(text))
    if closing and closing.end() == len(text):
        return text[around.end() : closing.start()].strip()
    return text if mark.both else text[around.end() :].strip()


def _without_last(text: str, closing: re.Pattern[str]) -> str:
    """A text without the last of these marks; what follows it comes on a line of its own."""
    found = _last(closing.finditer(text))
    if not found:
        return text.strip()
    return "\n".join(filter(None, (text[: found.start()].strip(), text[found.end() :].strip())))


def _unquoted(pattern: re.Pattern[str], text: str) -> Iterator[re.Match[str]]:
    return (found for found in pattern.finditer(text) if not _is_quoted(text, found.start(), found.end()))


def _is_quoted(text: str, start: int, end: int) -> bool:
    """True in a code fence or span, and between quotation marks: a mark that is only spoken of."""
    if _QUOTES.get(text[start - 1 : start], "no") == text[end : end + 1]:
        return True
    line_start, line_end = text.rfind("\n", 0, start) + 1, text.find("\n", end)
    if text.count("`", line_start, start) % 2 == 1 and "`" in text[end : line_end if line_end >= 0 else len(text)]:
        return True
    return text.count(_FENCE, 0, start) % 2 == 1 and _FENCE in text[end:]


def _last(found: Iterator[re.Match[str]]) -> re.Match[str] | None:
    last = None
    for match in found:
        last = match
    return last
