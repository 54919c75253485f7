r"""Splits the official multiple-choice text, in which stem and options stand in one string.

For example, from "A公司仿冒商标，是否侵权？\nA .是\nB .否":

    Parsed(stem='A公司仿冒商标，是否侵权？', options={'A': '是', 'B': '否'}, marks=('A .', 'B .'))
"""

import re
import unicodedata

import msgspec

# A letter and its separator: `A.`, `A .`, `A、`, `A．`, `(A)`, `Ａ：`.
_MARK = r"[(（]?(?P<letter>[{letters}])[^\S\n]*[.．。、:：)）]"
_AT_LINE = r"(?m:^)[^\S\n]*"
_IN_LINE = r"(?<=\s)"
# A letter without separator, as in one official option; `DNA` or `C1` at the start of a line is none.
_BARE = r"(?P<letter>[{letters}])(?![A-Za-z0-9])"


class Parsed(msgspec.Struct, frozen=True):
    """A question in its parts.

    `stem`, then each of `marks` followed by its option's text, is the question again, but for blanks around the parts.
    """

    stem: str
    options: dict[str, str]
    marks: tuple[str, ...]


def parse_mcq(question: str) -> Parsed:
    """Splits a question into its stem and its options, in the order A, B, C ….

    The options begin at the last line that is marked A and has a B after it, so a stem may itself begin with `A公司`.

    Raises:
        ValueError: There is no A with a B after it, or an option is empty.
    """
    marks = _find_marks(question)
    if len(marks) < 2:
        raise ValueError("no options A and B were found in the question")
    ends = [mark.start() for mark in marks[1:]] + [len(question)]
    texts = [question[mark.end() : end].strip() for mark, end in zip(marks, ends, strict=True)]
    options = {chr(ord("A") + index): text for index, text in enumerate(texts)}
    if empty := [letter for letter, text in options.items() if not text]:
        raise ValueError(f"option {empty[0]} is empty")
    stem = question[: marks[0].start()].strip()
    if not stem:
        raise ValueError("there is no question before the options")
    return Parsed(stem, options, tuple(mark[0].strip() for mark in marks))


def without_blanks(text: str) -> str:
    """Normalises text for comparison: NFKC, all whitespace removed."""
    return re.sub(r"\s", "", unicodedata.normalize("NFKC", text))


def _find_marks(question: str) -> list[re.Match[str]]:
    """Prefers an A at the start of a line to one within a line, and a later A to an earlier one."""
    for before in (_AT_LINE, _IN_LINE):
        for first in reversed(list(_compile(before + _MARK, "A").finditer(question))):
            marks = _continue(question, first)
            if len(marks) > 1:
                return marks
    for first in reversed(list(_compile(_AT_LINE + _BARE, "A").finditer(question))):
        marks = _continue(question, first, bare=False)
        if len(marks) > 1:
            return marks
    return []


def _continue(question: str, first: re.Match[str], bare: bool = True) -> list[re.Match[str]]:
    """Follows A with B, C … as far as they go; `bare` allows a second letter without separator."""
    marks = [first]
    for letter in "BCDEFGHIJKLMNOPQRSTUVWXYZ":
        patterns = [_AT_LINE + _MARK, _IN_LINE + _MARK]
        if bare or len(marks) > 1:
            patterns.append(_AT_LINE + _BARE)
        found = (_compile(pattern, letter).search(question, marks[-1].end()) for pattern in patterns)
        if not (mark := next(filter(None, found), None)):
            break
        marks.append(mark)
    return marks


def _compile(pattern: str, letter: str) -> re.Pattern[str]:
    return re.compile(pattern.replace("{letters}", letter + chr(ord(letter) + 0xFEE0)))
