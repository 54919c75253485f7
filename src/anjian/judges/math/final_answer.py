r"""Finds the final answer in a reply: what is boxed, else what follows a cue such as "答案：", else the last number.

>>> find_answer("先加后减。27+15=42，42-6=36。\n答案：36 个").text
'36 个'
>>> find_answer("所以一共是 1，234 个。").number.values
(Fraction(1234, 1),)
"""

import re
from collections.abc import Iterator
from fractions import Fraction

import msgspec

from anjian.judges.math.numbers import (
    NUMBER,
    Quantity,
    han_numbers_in,
    normalised,
    numbers_in,
    plain_fractions,
    quantity,
    read_number,
)
from anjian.judges.math.turns import turned, unknowing
from anjian.judges.math.words import words_in

TAIL = 4000
"""Characters at the end of a reply in which an answer is looked for."""
LONGEST = 300
"""Characters of an answer; what is longer is an essay."""

_CUE = re.compile(
    r"(?:(?:最终|最后|正确)?答案[*\s]*(?:应该|应当|就)?(?:是|为|等于|:)|(?:最终|最后)(?:的)?结果[*\s]*(?:是|为|:)"
    r"|(?<![\u4e00-\u9fff])答[*\s]*:|答案[*\s]*(?=[-\d$\\])|####"
    r"|\banswer[*\s]*(?:[:=]|(?:[^\n.:]{0,60}?\s)?is\b))[*\s:]*",
    re.IGNORECASE,
)
_SENTENCE_CUE = re.compile(r"答[*\s]*:[*\s:]*")
"""After this a whole sentence follows, with the answer at its end: 答：5 天一共读了 60 页。"""
_BOX = re.compile(r"\\f?boxed\s*(?=\{)|\\boxed\s+(?=\d)")
_REVISED = re.compile(
    r"(?:^|[。.!?\n,;—…}])[\s$*]*(?:[哦啊噢唉]|抱歉|对不起|不好意思|sorry|oops)?[,\s]*"
    r"(?:不对|不,|更正|纠正|修正|(?:我|刚才|前面|上面)?(?:算|说|写|看|弄|搞)错了|correction\b|scratch that"
    r"|i (?:meant|mean|misspoke)"
    r"|wait\b|no,|actually)[:,。\s]*",
    re.IGNORECASE,
)
"""What takes back what was said before it, where a number follows soon."""
_WORKING = re.compile(r"(?:先|首先|由|因为|根据|用|把|将|设)[^,]*\d")
_COMPARED = re.compile(r",\s*(?:比|较|相比|compared|which is)[^,。;]*")
_BETWEEN_BOXES = re.compile(r"[\s$]*(?:[,;、]|and|or|和|或|及|与)[\s$,;、]*(?:and|or)?[\s$]*")
_MATH = re.compile(r"\$\$(.+?)\$\$|\\\[(.+?)\\\]|\$([^$\n]+)\$|\\\((.+?)\\\)", re.DOTALL)


class Answer(msgspec.Struct, frozen=True):
    """What a reply settles on.

    Attributes:
        text: As it stands in the reply; empty if there is none.
        number: The number that it is, if it is one.
        doubt: Words beside the number that make it another: a bound, a range, an alternative, a denial.
    """

    text: str = ""
    number: Quantity | None = None
    doubt: str = ""


def find_answer(reply: str, numeric: bool = True) -> Answer:
    """Finds the final answer of a reply without thinking.

    Args:
        reply: What the model said.
        numeric: True if the reference is a number; else the last formula stands in where nothing is marked.
    """
    tail = normalised(reply[-TAIL:])
    for revised in reversed(list(_REVISED.finditer(tail))):
        after = tail[revised.end() :]
        if numeric and any(numbers_in(after[:40])):
            tail = after
            break
    for found in (*_boxed(tail), *_cued(tail, numeric)):
        if found.text:
            return found
    if not numeric and (formulas := [next(filter(None, match.groups())) for match in _MATH.finditer(tail)]):
        return _answer(formulas[-1])
    whole = _answer(tail) if numeric and len(tail) < LONGEST and read_number(tail) else Answer()
    return whole if whole.number else _last_number(plain_fractions(tail))


def _last_number(text: str) -> Answer:
    """The last number, in digits; or in Chinese characters, where there are none or it is said to be the result."""
    numbers = list(numbers_in(text))
    end = numbers[-1].end() if numbers else 0
    spoken = [one for place, settled, one in han_numbers_in(text) if not numbers or (settled and place >= end)]
    if spoken:
        return Answer(str(spoken[-1].values[0]), spoken[-1])
    if not numbers:
        words = [value for start, end, value in words_in(text) if text[start:end].lower() != "one"]
        return Answer(str(words[-1]), Quantity((Fraction(words[-1]),))) if words else Answer()
    found = _of_match(numbers[-1])
    before = text[: numbers[-1].start()]
    return msgspec.structs.replace(found, doubt="?") if unknowing(before[-60:]) else found


def _boxed(text: str) -> Iterator[Answer]:
    r"""The last box, with those that stand beside it: \boxed{2} and \boxed{3}."""
    boxes: list[tuple[int, int, str]] = []
    for found in _BOX.finditer(text):
        end = _closing(text, found.end())
        if end > found.end() and (not boxes or found.start() >= boxes[-1][1]):
            boxes.append((found.start(), end, text[found.end() : end].removeprefix("{").removesuffix("}")))
    kept = boxes[-1:]
    for box in boxes[-2::-1]:
        if not _BETWEEN_BOXES.fullmatch(text, box[1], kept[0][0]):
            break
        kept.insert(0, box)
    if len({content for _, _, content in kept}) == 1:
        kept = kept[-1:]
    if kept:
        inside = ", ".join(content for _, _, content in kept).strip()
        cued = next(_cued(inside, True), Answer())
        yield cued if cued.number else _answer(inside)


def _closing(text: str, start: int) -> int:
    """Where the group that opens at `start` ends; for a box without braces, the end of its number."""
    if not text.startswith("{", start):
        found = re.compile(r"[\d.,]*\d").match(text, start)
        return found.end() if found else start
    depth = 0
    for place in range(start, len(text)):
        if text[place] in "{}" and text[place - 1] != "\\":
            depth += 1 if text[place] == "{" else -1
            if not depth:
                return place + 1
    return start


def _cued(text: str, numeric: bool) -> Iterator[Answer]:
    """What follows each cue, the last cue first."""
    for cue in reversed(list(_CUE.finditer(text))):
        line = next((line.strip() for line in text[cue.end() :].splitlines() if line.strip(" *")), "")
        yield _after_cue(line, numeric, _SENTENCE_CUE.fullmatch(cue[0]) is not None)


def _after_cue(line: str, numeric: bool, sentence: bool) -> Answer:
    clause = re.split(r"[。;]|\.(?=\s|$)", line)[0]
    for part in (clause, line):
        if (whole := _answer(part)).number:
            return whole
    if found := _MATH.match(line):
        return _answer(next(filter(None, found.groups())))
    if not numeric:
        formula = _MATH.search(clause)
        return _answer(next(filter(None, formula.groups())) if formula else clause.strip(" *_"))
    if len(sides := re.split(r"=", clause)) > 1 and not re.search(r"或|\bor\b", clause):
        clause = sides[-1]
    clause = plain_fractions(_COMPARED.sub("", clause) if sentence else clause)
    numbers = list(numbers_in(clause))
    first = re.split(r"[,,]\s|,(?!\d{3})", clause)[0]
    if (read := read_number(first)) and not (numbers and turned(clause, *numbers[0].span())):
        return Answer(first.strip(" *_"), read)
    sentence = sentence or _WORKING.match(clause) is not None
    if not numbers:
        formula = _MATH.search(clause)
        return _answer(next(filter(None, formula.groups()))) if formula else _last_number(clause)
    return _of_match(numbers[-1 if sentence else 0])


def _answer(text: str) -> Answer:
    """Text as an answer: a number, the right side of an equation that is one, or a formula."""
    text = text.strip(" \n*_").removesuffix("。")
    shown_in = text
    number = read_number(text)
    if number is None and text.count("=") == 1:
        shown_in = text.partition("=")[2]
        number = read_number(shown_in)
    if number is None and re.search(r"[\u4e00-\u9fff]", text):
        numbers = list(numbers_in(plain_fractions(text)))
        number = quantity(numbers[0]) if len(numbers) == 1 else None
    shown = NUMBER.search(plain_fractions(shown_in)) if number else None
    return Answer(text, number, turned(shown.string, *shown.span()) if shown else "")


def _of_match(found: re.Match[str]) -> Answer:
    doubt = turned(found.string, *found.span())
    return Answer(_clause(found) if doubt else found[0].strip(), quantity(found), doubt)


def _clause(found: re.Match[str]) -> str:
    """What a number stands in, up to the marks that end a sentence."""
    before, after = found.string[: found.start()], found.string[found.end() :]
    return (re.split(r"[。;\n?]", before)[-1] + found[0] + re.split(r"[。;\n?]", after)[0]).strip(" *_")
