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
from anjian.models.marks import Mark, Marks, has_brackets, marks, scan

Shape = Literal["both_tags", "closing_only", "opening_only", "none", "empty"]
SHAPES: tuple[Shape, ...] = ("both_tags", "closing_only", "opening_only", "none", "empty")

OPEN, CLOSE = "<think>", "</think>"

_STARTS = "<＜&[◁【《〈{aHhTt`*#>"
"""What marks may start with; replies that start otherwise are not compared with the table."""
_CLOSING = re.compile(r"[<＜&◁\[](?:\s*[/\\|｜]|lt;\s*/|\s*channel|unused)|assistantfinal")
"""How closing marks begin that may stand alone."""
_BARE = "assistantfinal"
"""The only one of them without a bracket."""
_LEAD = re.compile(
    r"(?:[\s\ufeff\u200b-\u200d\u2060]|\*\*|</?(?:s|p|b|div|br)\s*/?>|(?:<\|im_start\|>\s*)?assistant\s*\n|(?P<fence>```\w*\n))+"
    r"(?=[<＜&◁\[])"
)
"""What some servers and models put before an opening mark."""
_LED = "\ufeff\u200b\u200c\u200d\u2060*<`a"
_EDGES = _STARTS + _LED
_TRAIL = re.compile(r"\s*(?:\*\*|</(?:p|b|div)\s*>|```(?=\s*\n))")
"""What ends such a thing, after the closing mark."""
_GREETING = re.compile(r"[^\n<>`\[]{1,40}(?<![：:\s])\s*")
"""What may stand before thinking that is opened later: a short line that introduces no example."""
_SENTENCE = re.compile(r".*[^\s\d][。！!.?？~～…]\s*\Z")
_ABOUT = re.compile(
    r"\s*(?:标[记签志识]|表示|用于|是[^\n]{0,20}(?:标|符|token|tag)"
    r"|(?:is|are) (?:a|an|the|used)\b|(?:tags?|tokens?)\b)",
    re.IGNORECASE,
)
"""How a sentence goes on that speaks of a mark."""
_MOST_SPOKEN_OF = 100
"""So many closing marks that close nothing are a list of them."""
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
        unknown: A mark that opens the reply, or closes a part of it, and looks like one of thinking, but is not known;
            it is left in the answer.
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
    text = split_text(reply.text)
    if answer := _answer(text.answer):
        return Thought("both_tags", thinking, answer, text.unknown)
    if reply.text.strip():
        return Thought("opening_only", thinking, "")
    divided = split_text(thinking, prefilled=True)
    if divided.answer:
        return divided
    return Thought("opening_only", thinking, "", parser_took_all=reply.finish_reason in _ENDED)


def has_answer(reply: Reply) -> bool:
    """True if there is more to a reply than thinking."""
    if not reply.prefilled and _has_no_mark(reply.text.strip()):
        return True
    return bool(split_thinking(reply).answer)


def split_text(text: str, prefilled: bool = False) -> Thought:
    """Splits raw text; `prefilled` says that the prompt had already opened the thinking."""
    body = text.lstrip()
    if not prefilled and _has_no_mark(body):
        return Thought("none", "", body.rstrip())
    if body.startswith(OPEN):
        thinking, _, answer = body[len(OPEN) :].partition(CLOSE)
        thinking, answer = thinking.strip(), answer.strip()
        if thinking and answer and not _may_be_mark(answer) and _is_plain(thinking):
            return Thought("both_tags", thinking, answer)
    if opened := _opened_at_start(body):
        return opened
    if (has_brackets(body) or _BARE in body) and (closed := _closed_only(body, prefilled)):
        return closed
    body = body.rstrip()
    if prefilled:
        return Thought("opening_only", body, "")
    if cut_off := _opened_after_greeting(body):
        return cut_off
    return Thought("none", "", _unwrapped(body), _unknown(body))


def _has_no_mark(body: str) -> bool:
    """True if no mark can be in a text, known or unknown; looking for single characters is quickest."""
    return body[:1] not in _EDGES and "/" not in body and not has_brackets(body) and _BARE not in body


def _unknown(body: str) -> str:
    """What looks like a mark at the start of a reply, or like a closing one without its opening one."""
    if _may_be_mark(body) and (opening := marks().unknown.match(body)):
        return opening[0]
    if "/" not in body:
        return ""
    lower = body.lower()
    for closing in marks().unknown_close.finditer(body):
        opened = (
            re.split(r"[/\s]", closing[0].lower(), maxsplit=1)[0]
            + (closing["name"] or closing["title"]).lower().strip()
        )
        if opened not in lower and not _is_quoted(body, closing) and not _ABOUT.match(body, closing.end()):
            return closing[0]
    return ""


def _opened_at_start(body: str) -> Thought | None:
    """Splits a reply that starts with an opening mark, or with little things before it."""
    if _may_be_mark(body) and (opened := _opened(body, marks())):
        return opened
    lead = _LEAD.match(body) if body[:1] in _LED else None
    opening = marks().opening.match(body, lead.end()) if lead else None
    if not lead or not opening:
        return None
    opened = _opened(body[lead.end() :], marks()) if marks().thinking[str(opening.lastgroup)].sure else None
    if not opened or not opened.answer:
        return None if lead["fence"] else opened
    trail = _TRAIL.match(opened.answer)
    if lead["fence"] and not (trail and opened.answer[trail.end() :].strip()):
        return None  # An example, all of it.
    return msgspec.structs.replace(opened, answer=_answer(opened.answer[trail.end() :])) if trail else opened


def _opened_after_greeting(body: str) -> Thought | None:
    """A reply that opens its thinking after a short sentence, and is cut off in it."""
    opening = next(_unquoted(marks().opening, body[:120]), None) if has_brackets(body[:120]) else None
    if not opening or not opening.start() or not marks().thinking[str(opening.lastgroup)].sure:
        return None
    before = body[: opening.start()]
    if not _GREETING.fullmatch(before) or not _SENTENCE.match(before) or _ABOUT.match(body, opening.end()):
        return None
    return Thought("opening_only", body[opening.end() :].strip(), "")


def _may_be_mark(text: str) -> bool:
    return text[:1] in _STARTS and text != ""


def _is_plain(thinking: str) -> bool:
    """True where the first closing tag is the right one: no thinking inside, and no quotation of the tag."""
    return thinking[-1] not in _SPEECH and ("<" not in thinking or OPEN not in thinking)


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
        if not closing and _ABOUT.match(rest):
            return None
        if not closing:
            return Thought("opening_only", rest.strip(), "")
        return Thought("both_tags", rest[: closing.start()].strip(), _answer(rest[closing.start() :]))
    thinking, rest = rest[: closing.start()].strip(), rest[closing.end() :].lstrip()
    if not thinking and table.opening.match(rest):
        return _opened(rest, table)
    answer = _answer(rest)
    if not rest.strip() and (inside := next(_unquoted(table.answer, thinking), None)):
        thinking, answer = thinking[: inside.start()].strip(), _answer(thinking[inside.start() :])
    return Thought("both_tags" if thinking else "empty", thinking, answer)


def _closing(rest: str, mark: Mark, table: Marks) -> re.Match[str] | None:
    """The mark that closes the thinking: the first that is not quoted, or a later one where thinking holds thinking."""
    closings = list(mark.close.finditer(rest) if mark.both else scan(mark.close, rest))
    found = [closing for closing in closings if not _is_quoted(rest, closing)] or closings[:1]
    if not found:
        return None if mark.both else next(scan(table.tag_close, rest), None)
    opened_again = len(list(_unquoted(mark.open, rest[: found[0].start()])))
    return found[min(opened_again, len(found) - 1)]


def _closed_only(body: str, prefilled: bool) -> Thought | None:
    """Splits a reply in which thinking is closed that was not opened at its start."""
    table = marks()
    spoken_of: list[re.Match[str]] = []
    for begin in _CLOSING.finditer(body):
        sure = table.sure_close.match(body, begin.start())
        closing = sure or table.tag_close.match(body, begin.start())
        if not closing or (begin.start() == 0 and not prefilled and table.answer.match(body)):
            continue
        if not _is_quoted(body, closing):
            opening = None if prefilled else _last(_unquoted(table.opening, body[: closing.start()]))
            at_edge = _is_at_an_edge(body, closing)
            if not opening and (sure or at_edge or not _ABOUT.match(body, closing.end())):
                return _divided(body, closing)
            if opening and _divides(body, opening, table):
                before, after = body[: opening.start()].strip(), _answer(body[closing.end() :])
                thinking = body[opening.end() : closing.start()].strip()
                return Thought("both_tags", thinking, "\n".join(filter(None, (before, after))))
            if sure and at_edge:
                return _divided(body, closing)
        spoken_of.append(closing)
        if len(spoken_of) == _MOST_SPOKEN_OF:
            break
    # The prompt opened the thinking for sure: any closing mark will do, even one that is only spoken of.
    return _divided(body, spoken_of[0]) if prefilled and spoken_of else None


def _divides(body: str, opening: re.Match[str], table: Marks) -> bool:
    """True where thinking is opened in the middle of a reply; tags that XML holds as well follow a greeting only."""
    before = body[: opening.start()]
    at_start = not before.rpartition("\n")[2].strip()
    if _GREETING.fullmatch(before) and (at_start or _SENTENCE.match(before)):
        return True
    return at_start and table.thinking[str(opening.lastgroup)].sure


def _divided(body: str, closing: re.Match[str]) -> Thought:
    thinking = body[: closing.start()].strip()
    return Thought("closing_only" if thinking else "empty", thinking, _answer(body[closing.end() :]))


def _answer(text: str) -> str:
    """What is left of a text without the thinking at its start and the marks around the answer."""
    text = text.strip()
    while _may_be_mark(text):
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
    if text.endswith(("|>", "</s>")):
        for end in marks().ends:
            text = text.removesuffix(end).rstrip()
    return text


def _unwrapped(text: str) -> str:
    """An answer without thinking, out of the marks that enclose it whole."""
    around = marks().answer.match(text) if _may_be_mark(text) else None
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
    return (found for found in scan(pattern, text) if not _is_quoted(text, found))


def _is_quoted(text: str, mark: re.Match[str]) -> bool:
    """True in a code fence or span, and between quotation marks: a mark that is only spoken of."""
    start, end = mark.span()
    if _QUOTES.get(text[start - 1 : start], "no") == text[end : end + 1]:
        return True
    before, after = _line_around(text, mark)
    if before.count("`") % 2 == 1 and "`" in after:
        return True
    return text.count(_FENCE, 0, start) % 2 == 1 and _FENCE in text[end:]


def _is_at_an_edge(text: str, mark: re.Match[str]) -> bool:
    """True where a mark begins or ends a line."""
    return not all(part.strip() for part in _line_around(text, mark))


def _line_around(text: str, mark: re.Match[str]) -> tuple[str, str]:
    start, end = mark.span()
    line_end = text.find("\n", end)
    return text[text.rfind("\n", 0, start) + 1 : start], text[end : line_end if line_end >= 0 else len(text)]


def _last(found: Iterator[re.Match[str]]) -> re.Match[str] | None:
    last = None
    for match in found:
        last = match
    return last
