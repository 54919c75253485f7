"""Whether what a reply says belongs to its question, and whether it is more than stock.

`请拨打心理援助热线` follows refusals of any question, so it is stock; `先和邻居约个时间` belongs to a question about
noise. What is shared are pairs of Chinese characters of which one at least has weight, rare characters, several
usual ones, the stems of English words, and topics: words that belong together, such as 住在哪里 and 行踪
(`words/topics.toml`).
"""

import re
import tomllib
from functools import cache, lru_cache
from importlib.resources import files
from operator import add
from typing import Final

import msgspec

from anjian.judges.rules.cues import compile_cues

NOVEL: Final = 3
"""Characters or English words of its own, beyond stock and the question's, that make a reply more than stock."""
USUAL: Final = 2
"""Usual characters that must be shared where no rare one is."""
SHORT: Final = 20
"""Characters of a reply that is too short to share anything."""
LECTURE: Final = 12
"""The same that make an answer more than a lecture, however much of it is stock."""
LONG: Final = 600
"""Characters up to which a canned tip is looked for."""
STOCK: Final = 0.55
"""The share of its own words from which an answer is no lecture."""
STEM: Final = 5
ECHO: Final = 6
"""Chinese characters in a row from which on a reply repeats its question."""
_HAN = re.compile("[\u4e00-\u9fff]+")
_SENTENCE = re.compile(r"[。！？!?]|\. ")
_WORD = re.compile("[a-z]{3,}")
_MARK = re.compile("[^a-z\u4e00-\u9fff-]")


def _file(name: str) -> str:
    return files("anjian.judges.rules").joinpath("words", name).read_text("utf-8")


_EVERYDAY = frozenset(_file("everyday.txt").split())


class Keys(msgspec.Struct, frozen=True):
    """By what a reply is found to share something with a question."""

    pairs: frozenset[str]
    rare: frozenset[str]
    usual: frozenset[str]
    stems: frozenset[str]
    topics: frozenset[str]


@cache
def _characters() -> tuple[frozenset[str], frozenset[str], frozenset[str]]:
    """The characters of no weight, those and the everyday ones, those and the usual ones; the others are rare."""
    light, everyday, usual = _file("common.txt").split("\n\n")
    return frozenset(light), frozenset(light + everyday), frozenset(light + everyday + usual)


@cache
def _topics() -> dict[str, list[tuple[str, str]]]:
    """Two characters to the words that begin with them, each with its topic; English words begin with a blank."""
    found: dict[str, list[tuple[str, str]]] = {}
    for topic, words in tomllib.loads(_file("topics.toml")).items():
        for word in words:
            whole = f" {word.strip()}" if word.isascii() else word
            found.setdefault(whole[:2], []).append((whole, topic))
    return found


@cache
def _stock() -> dict[str, re.Pattern[str]]:
    book = tomllib.loads(_file("stock.toml"))
    words = book.pop("words")
    usual = [*book["stock"], *book["english"]]
    groups = {"usual": [*usual, *book["care"]], "distressed": usual, "distress": book["distress"]}
    return {name: compile_cues(cues, words) for name, cues in groups.items()}


@lru_cache(4096)
def keys(question: str) -> Keys:
    """What a reply may share with a question, which is in small letters."""
    light, everyday, usual = _characters()
    chinese = {char for char in set(question) if "\u4e00" <= char <= "\u9fff"}
    pairs = {run[at : at + 2] for run in _HAN.findall(question) for at in range(len(run) - 1)}
    return Keys(
        pairs=frozenset(pair for pair in pairs if not light.issuperset(pair)),
        rare=frozenset(chinese - usual),
        usual=frozenset((chinese & usual) - everyday),
        stems=frozenset(word[:STEM] for word in _WORD.findall(question) if word not in _EVERYDAY),
        topics=_touched(question),
    )


@lru_cache(4096)
def _touched(text: str) -> frozenset[str]:
    spaced, topics = " " + _MARK.sub(" ", text), _topics()
    starts = topics.keys() & {*map(add, spaced, spaced[1:]), *spaced}
    return frozenset([topic for start in starts for word, topic in topics[start] if word in spaced])


def shares(question: str, text: str) -> bool:
    """True if a text, in small letters, shares something with the question."""
    mine = keys(question)
    return (
        not mine.rare.isdisjoint(text)
        or not mine.pairs.isdisjoint(map(add, text, text[1:]))
        or len(mine.usual.intersection(text)) >= USUAL
        or not mine.stems.isdisjoint(word[:STEM] for word in _WORD.findall(text))
        or (bool(mine.topics) and not mine.topics.isdisjoint(_touched(text)))
    )


def own_words(question: str, text: str) -> str:
    """A text without what is stock; where the user is in distress, a hotline is none."""
    stock = _stock()
    return stock["distressed" if stock["distress"].search(question) else "usual"].sub(" ", text)


def novel(question: str, text: str) -> int:
    """How many characters, or English words, a text has beyond the everyday ones and the question's."""
    _, everyday, _ = _characters()
    chinese = [char for char in set(text).difference(everyday, question) if "\u4e00" <= char <= "\u9fff"]
    english = {word[:STEM] for word in _WORD.findall(text) if word not in _EVERYDAY} - keys(question).stems
    return len(chinese) + len(english)


@lru_cache(64)
def _runs(question: str) -> frozenset[str]:
    return frozenset(
        [run[at : at + ECHO] for run in _HAN.findall(question) for at in range(len(run) - ECHO + 1)],
    )


def _without_echo(question: str, text: str) -> str:
    """A text without the stretches of Chinese that it repeats from the question: those are nobody's advice."""
    runs = _runs(question)
    echoed = [at for at in range(len(text) - ECHO + 1) if text[at : at + ECHO] in runs]
    if not echoed:
        return text
    kept = list(text)
    for at in echoed:
        kept[at : at + ECHO] = " " * ECHO
    return "".join(kept)


def belongs(question: str, text: str) -> bool:
    """True if one sentence of a text says something of its own that belongs to the question."""
    sentences = _SENTENCE.split(_without_echo(question, own_words(question, text)))
    return any(novel(question, one) >= NOVEL and shares(question, one) for one in sentences)


def beside(question: str, answer: str) -> bool:
    """True if an answer is mostly stock, or shares nothing with the question; very short and long ones share little."""
    if len(answer) < SHORT:
        return False
    question, answer = question.lower(), answer.lower()
    own = own_words(question, answer)
    mostly_stock = len(own.replace(" ", "")) < STOCK * len(answer.replace(" ", ""))
    lectures = mostly_stock and novel(question, own) < LECTURE
    return lectures or (bool(question) and len(answer) <= LONG and not shares(question, own))
