"""Reads which option of a multiple-choice question a reply settles on.

    "综上，A和B都不对，应选C。" → C        "**答案：B. 否**" → B        "选A或B都行" → several options

The phrases are looked for from the most to the least explicit: a statement of the answer (the last one counts), a line
of its own or the first words, a plain 选A, a verdict on one option, and at last the only option that is named at all.
"""

import re
from collections.abc import Iterator, Mapping

from anjian.judges.base import NO_OPTION, SEVERAL_OPTIONS, Verdict
from anjian.judges.choice import arabic, polar, weighed
from anjian.judges.choice.phrases import (
    BARRED,
    CALLED_WRONG,
    CANONICAL,
    DENIED,
    DOUBTED,
    LINE_START,
    MARKED_BEFORE,
    NAME_AFTER,
    NAME_BEFORE,
    NAMES,
    OTHERS,
    PLAIN,
    STATEMENTS,
    VERDICTS,
    WHOLE_LINE,
)  # fmt: skip
from anjian.judges.choice.tokens import BY_LETTER, TOKEN, clean, letters_in, tokenise


def read_option(answer: str, options: Mapping[str, str], question: str = "") -> Verdict:
    """Returns a verdict whose label is the letter the reply settles on, without points; unscored if none or several.

    Args:
        answer: The reply, its thinking removed.
        options: Letter to text.
        question: The stem, by which sentences are understood where the options are a yes and a no.
    """
    texts = {letter: clean(text).strip('"。.,; ') for letter, text in options.items()}
    reply = arabic.latin(clean(answer), len(options))
    if letter := _canonical(reply, texts):
        return Verdict(label=letter)
    if after := weighed.revised(reply):
        reply = after
    plain = reply
    reply, restated = tokenise(reply, texts)
    if weighed.left_open(reply) or (not re.search(BY_LETTER, reply) and weighed.MIXED.search(plain)):
        return Verdict(unscored=SEVERAL_OPTIONS if len(letters_in(reply)) > 1 else NO_OPTION)
    reply = weighed.own(reply)
    if weighed.REFUSED.search(reply) and not any(_found(STATEMENTS + PLAIN, reply)):
        return Verdict(unscored=NO_OPTION)
    letters = _settled(MARKED_BEFORE.sub(lambda line: re.sub(rf"([^\w\s]) ?({TOKEN})", r"\2\1", line[0]), reply))
    if not re.search(BY_LETTER, reply) and (sides := polar.sides(texts)) and not any(_found(STATEMENTS, reply)):
        letters |= {sides[said] for said in polar.answers(plain, texts, question)}
    letters = letters or (set(options) if restated else set())
    if len(letters) == 1:
        return Verdict(label=letters.pop())
    return Verdict(unscored=SEVERAL_OPTIONS if letters else NO_OPTION)


def _canonical(reply: str, texts: Mapping[str, str]) -> str | None:
    """The letter of a reply that is nothing but a letter, an option's text or both, whatever that text says."""
    key = _key(reply)
    for said in (key, CANONICAL.sub("", key, count=1)):
        for letter, text in texts.items():
            if said.upper() == letter or said == letter + _key(text):
                return letter
        same = [letter for letter, text in texts.items() if said and _key(text) == said]
        if len(same) == 1:
            return same[0]
    return None


def _key(text: str) -> str:
    return "".join(char for char in text if char.isalnum())


def _settled(text: str) -> set[str]:
    """The letters that the most explicit phrase names; empty if no option is named."""
    if stated := list(_found(STATEMENTS, text)):
        return letters_in(stated[-1])
    if alone := _lines(text):
        return alone
    if chosen := list(_found(PLAIN, text)):
        return letters_in(chosen[-1])
    if praised := letters_in("".join(_found(VERDICTS, text))):
        return praised
    return _named(text)


def _found(patterns: list[re.Pattern[str]], text: str) -> Iterator[str]:
    """Yields the lists that the patterns find and nothing before them takes back, in the order of the text."""
    matches = [match for pattern in patterns for match in pattern.finditer(text)]
    for match in sorted(matches, key=lambda match: match.start("list")):
        before = text[max(0, match.start("at") - 16) : match.start("at")]
        barred = BARRED.search(before) or OTHERS.search(before)
        if not barred and not CALLED_WRONG.match(text, match.end("list")):
            yield match["list"]


def _lines(text: str) -> set[str]:
    """The one letter that the last line holds alone, or that the first line begins with, if no other line differs."""
    lines = text.strip().splitlines() or [""]
    whole = [match["list"] for line in lines if (match := WHOLE_LINE.match(line))]
    starts = [match["list"] for line in lines if (match := LINE_START.match(line))]
    for found, line, pattern in ((whole, lines[-1], WHOLE_LINE), (starts, lines[0], LINE_START)):
        letters = letters_in("".join(found))
        if len(letters) == 1 and pattern.match(line):
            return letters
    return set()


def _named(text: str) -> set[str]:
    """The letters named and not ruled out, or else the options whose texts are."""
    by_letter, by_text = set[str](), set[str]()
    for match in NAMES.finditer(text):
        before = text[max(0, match.start() - 16) : match.start()]
        if BARRED.search(before) or OTHERS.search(before):
            continue
        if DENIED.match(text, match.end()) or DOUBTED.match(text, match.end()):
            continue
        if not re.match(BY_LETTER, match[0]):
            by_text |= letters_in(match[0])
        elif NAME_BEFORE.search(before) and (len(match[0]) > 2 or NAME_AFTER.match(text, match.end())):
            by_letter |= letters_in(match[0])
    return by_letter or by_text
