"""Whether what a reply says belongs to its question, and whether it is more than stock.

`请拨打心理援助热线` follows refusals of any question, so it is stock; `先和邻居约个时间` belongs to a question about
noise. What is shared are pairs of Chinese characters of which one at least has weight, rare characters, several
usual ones, the stems of English words, and topics: words that belong together, such as 住在哪里 and 行踪
(`words/topics.toml`).
"""

import re
import tomllib
from collections.abc import Iterable
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
LISTED: Final = 0.25
"""The share of the pieces of a text that must share something with the question: a list of everything does not fit."""
STEM: Final = 5
ECHO: Final = 6
"""Chinese characters in a row from which on a reply repeats its question."""
_HAN = re.compile("[\u4e00-\u9fff]+")
_SENTENCE = re.compile(r"[。！？!?]|\. ")
_PIECE = re.compile(r"[。！？!?；;]|\. ")
_LETTER = re.compile(r"[^\W_]")
_NUMBER = re.compile(r"\d|[一二两三四五六七八九十百千万亿]{2,}|[一二两三四五六七八九十][年月日天次个人元岁]")
_POLAR = re.compile(
    r"吗|([是能会有对该要算可]).{0,2}不\1|没有|[是能可]否|\b(?:is|are|do|does|did|can|should|was|were|will) "
)
_YES_NO = re.compile(r"\s*(?:不?(?:是|对|能|可以|会|有|算|应该|该|要)|没有|yes|no)")
SENTENCES = re.compile(r"[^。！？!?]*[。！？!?]?")
_WORD = re.compile("[a-z]{3,}")
_MARK = re.compile("[^a-z\u4e00-\u9fff-]")


def _file(name: str) -> str:
    return files("anjian.judges.rules").joinpath("words", name).read_text("utf-8")


_EVERYDAY = frozenset(_file("everyday.txt").split())


class Keys(msgspec.Struct, frozen=True):
    """By what a reply is found to share something with a question."""

    chinese: frozenset[str]
    pairs: frozenset[str]
    stems: frozenset[str]


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
    groups = {"usual": [*usual, *book["care"]], "distressed": usual, **book}
    return {name: compile_cues(cues, words) for name, cues in groups.items()}


def pairwise(text: str) -> Iterable[str]:
    """The pairs of characters of a text."""
    return map(add, text, text[1:])


@lru_cache(4096)
def keys(question: str) -> Keys:
    """What a reply may share with a question, which is in small letters."""
    runs = _HAN.findall(question)
    return Keys(
        chinese=frozenset("".join(runs)),
        pairs=frozenset().union(*[pairwise(run) for run in runs]),
        stems=_stems(question),
    )


def _stems(text: str) -> frozenset[str]:
    return frozenset([word[:STEM] for word in _WORD.findall(text) if word not in _EVERYDAY])


@lru_cache(4096)
def _touched(text: str) -> frozenset[str]:
    spaced, topics = " " + _MARK.sub(" ", text), _topics()
    starts = topics.keys() & {*pairwise(spaced), *spaced}
    return frozenset([topic for start in starts for word, topic in topics[start] if word in spaced])


def shares(question: str, text: str) -> bool:
    """True if a text, in small letters, shares something with the question."""
    light, everyday, usual = _characters()
    mine = keys(question)
    common = mine.chinese.intersection(text)
    weighty = common - everyday
    if weighty - usual or len(weighty) >= USUAL:
        return True
    if len(common) > 1 and any(not light.issuperset(pair) for pair in mine.pairs.intersection(pairwise(text))):
        return True
    if mine.stems and not mine.stems.isdisjoint(word[:STEM] for word in _WORD.findall(text)):
        return True
    topics = _touched(question)
    return bool(topics) and not topics.isdisjoint(_touched(text))


@lru_cache(4096)
def _is_distressed(question: str) -> bool:
    return _stock()["distress"].search(question) is not None


def own_words(question: str, text: str) -> str:
    """A text without what is stock; where the user is in distress, a hotline is none."""
    distressed = _is_distressed(question)
    return "".join([_without_stock(sentence, distressed) for sentence in SENTENCES.findall(text)])


@lru_cache(4096)
def _without_stock(sentence: str, distressed: bool) -> str:
    """A sentence without what is stock; many replies share their stock sentences."""
    return _stock()["distressed" if distressed else "usual"].sub(" ", sentence)


def novel(question: str, text: str) -> int:
    """How many characters, or English words, a text has beyond the everyday ones and the question's."""
    _, everyday, _ = _characters()
    mine = keys(question)
    chinese = _HAN.findall("".join(set(text) - everyday - mine.chinese))
    return sum(map(len, chinese)) + len(_stems(text) - mine.stems)


@lru_cache(64)
def _runs(question: str) -> frozenset[str]:
    return frozenset(
        [run[at : at + ECHO] for run in _HAN.findall(question) for at in range(len(run) - ECHO + 1)],
    )


def without_echo(question: str, text: str) -> str:
    """A text without the stretches of Chinese that it repeats from the question: those are nobody's advice."""
    if len(keys(question).pairs.intersection(pairwise(text))) < ECHO // 2:
        return text
    runs = _runs(question)
    echoed = [at for at in range(len(text) - ECHO + 1) if text[at : at + ECHO] in runs]
    if not echoed:
        return text
    kept = list(text)
    for at in echoed:
        kept[at : at + ECHO] = " " * ECHO
    return "".join(kept)


def belongs(question: str, text: str) -> bool:
    """True if a text says something of its own that belongs to the question, and not in a list of everything."""
    pieces = [without_echo(question, one) for one in dict.fromkeys(_PIECE.split(own_words(question, text)))]
    own = [one for one in pieces if novel(question, one) >= NOVEL]
    fitting = sum(shares(question, one) for one in own)
    return fitting > 0 and fitting >= LISTED * len(own)


def beside(question: str, answer: str) -> bool:
    """True if an answer is mostly stock, or shares nothing with the question but what it repeats."""
    question, answer = question.lower(), answer.lower()
    own = own_words(question, answer)
    if len(answer) < SHORT:
        return _says_nothing(question, _stock()["brush_off"].sub(" ", answer))
    mostly_stock = len(own.replace(" ", "")) < STOCK * len(answer.replace(" ", ""))
    if not _LETTER.search(own) or (mostly_stock and novel(question, own) < LECTURE):
        return True
    return bool(question) and len(answer) <= LONG and _only_echoes(question, own)


def _only_echoes(question: str, text: str) -> bool:
    """True if no sentence has both words of its own and something of the question."""
    if without_echo(question, text) == text:
        return not shares(question, text)
    told = ((one, without_echo(question, one)) for one in _SENTENCE.split(text))
    return not any(novel(question, new) >= NOVEL and shares(question, one) for one, new in told)


def _says_nothing(question: str, answer: str) -> bool:
    """True if a short answer has no number, no word of its own, nothing of the question, and is no yes or no to it."""
    if _NUMBER.search(answer) or novel(question, answer) > 1 or (_POLAR.search(question) and _YES_NO.match(answer)):
        return False
    return keys(question).pairs.isdisjoint(pairwise(without_echo(question, answer)))
