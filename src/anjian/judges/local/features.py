"""What `local-v1` sees of one reply: hashed n-grams by place, cues by place, and lengths.

A token is a Chinese character, a word, a number or a mark. N-grams are taken of the first sentence, the second, the
last, of how sentences begin, and of the whole; each place has its own hashes and unit length. The rest is dense.
"""

import re
import tomllib
import unicodedata
from functools import cache
from importlib.resources import files
from itertools import pairwise
from typing import Final, Literal
from zlib import crc32

import msgspec
import numpy as np
from numpy.typing import NDArray

from anjian.judges.local.advice import ADVISED, advice

Ids = NDArray[np.uint32]
Floats = NDArray[np.float32]
Language = Literal["zh", "en"]

BITS: Final = 16
PLACES: Final = 5
WIDTH: Final = PLACES << BITS
READ: Final = 900  # characters of the beginning that are read
ENDING: Final = 200  # and of the end
ORDERS: Final[dict[Language, int]] = {"zh": 4, "en": 3}
LENGTHS: Final = (12, 30, 60, 120, 220)
CUED: Final = 400  # characters of the beginning in which cues are looked for, and as many in the end as are read

_WIDE = re.compile("[\uff10-\uff19\uff21-\uff3a\uff41-\uff5a\u2460-\u24ff\U0001d400-\U0001d7ff]")
_HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufeff*`]+"
)
_BLANKS = re.compile(r"[ \t\u3000]*\n\s*|[ \t\u3000]{2,}")
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_WORD = re.compile(r"[a-z]{2,}(?:'[a-z]+)?")
_LIST = re.compile(r"(?:^|\n)(?:0[.、)）]|[-•·#]|[一二三四五六七八九十][、.]|第[一二三四五六])")
_CHINESE = re.compile(r"[\u4e00-\u9fff]")
_SENTENCE_END = re.compile(r"[。！？!?；;\n]|\.(?=\s|$)")
_PRIVATE: Final = 0xF0000  # words are written as one private character each
_MARKS: Final = np.isin(np.arange(1 << 16), [ord(mark) for mark in "。！？!?；;\n."])


class Seen(msgspec.Struct, frozen=True):
    """The features of one reply.

    Attributes:
        language: Whose weights go with them.
        ids: The hashed ones, place by place.
        values: What each of those is worth.
        dense: The others.
        advice: Those that tell guidance, of which English weights know nothing.
    """

    language: Language
    ids: Ids
    values: Floats
    dense: Floats
    advice: Floats


def seen(question: str, reply: str) -> Seen:
    """Reads one reply to a question."""
    text = plain(reply if len(reply) <= READ + ENDING else f"{reply[:READ]}\n{reply[-ENDING:]}")
    language: Language = "zh" if _CHINESE.search(text, 0, CUED) else "en"
    wanted = plain(question[-READ:])
    said, asked = tokens(text), tokens(wanted)
    cuts = sentences(said)
    ids, values = hashed(said, cuts, ORDERS[language])
    guides = advice(wanted, text) if language == "zh" else np.zeros(ADVISED, dtype=np.float32)
    return Seen(language, ids, values, dense(language, text, said, len(cuts), asked), guides)


def plain(text: str) -> str:
    """Lower case, half-width letters, one kind of blank, number and apostrophe, nothing invisible."""
    text = _WIDE.sub(lambda found: unicodedata.normalize("NFKC", found[0]), text)
    text = _HIDDEN.sub("", text.replace("\u2019", "'")).lower().strip()
    return _NUMBER.sub("0", _BLANKS.sub(lambda found: "\n" if "\n" in found[0] else " ", text))


def tokens(text: str) -> Ids:
    """The tokens of a text as numbers."""
    written = _WORD.sub(_private, text).replace(" ", "")
    return np.frombuffer(written.encode("utf-32-le", "replace"), dtype=np.uint32)


def _private(word: re.Match[str]) -> str:
    return chr(_PRIVATE + crc32(word[0].encode()) % 0x1FFF0)


def sentences(said: Ids) -> list[int]:
    """Where sentences end, the end of the last included; a bit of one or two tokens is none."""
    cuts: list[int] = []
    start = 0
    for place in np.flatnonzero(_MARKS[np.minimum(said, len(_MARKS) - 1)]).tolist():
        if place - start >= 2:
            cuts.append(place + 1)
            start = place + 1
    return [*cuts, len(said)] if not cuts or cuts[-1] < len(said) else cuts


def hashed(said: Ids, cuts: list[int], order: int) -> tuple[Ids, Floats]:
    """The n-grams of each place, each once, each place of unit length."""
    spans = [(0, min(cuts[0], 80))]
    spans += (
        [(cuts[0], min(cuts[1], cuts[0] + 80)), (max(cuts[-2], len(said) - 60), len(said))] if len(cuts) > 1 else []
    )
    begins = np.array([0, *cuts[:12]])
    parts: list[Ids] = []
    whole = said * np.uint32(2654435761)
    for n in range(1, order + 1):
        if n > 1:
            if len(said) < n:
                break
            whole = (whole[:-1] ^ (whole[:-1] >> np.uint32(15))) * np.uint32(2246822519)
            whole += said[n - 1 :] * np.uint32(3266489917)
        mixed = (whole ^ np.uint32(n * 97)) * np.uint32(0x85EBCA6B)
        mixed = ((mixed ^ (mixed >> np.uint32(13))) * np.uint32(0xC2B2AE35)) >> np.uint32(32 - BITS)
        parts.append(mixed)
        for place, (start, end) in enumerate(spans, 1):
            parts.append(mixed[start : max(start, end - n + 1)] + np.uint32(place << BITS))
        parts.append(mixed[begins[begins < len(mixed)]] + np.uint32(4 << BITS))
    ids = np.concatenate(parts)
    ids.sort()
    first = np.ones(len(ids), dtype=bool)
    np.not_equal(ids[1:], ids[:-1], out=first[1:])
    ids = ids[first]
    counts = np.diff(np.searchsorted(ids, _EDGES))
    return ids, np.repeat(1 / np.sqrt(np.maximum(counts, 1)), counts).astype(np.float32)


_EDGES: Final = np.arange(PLACES + 1, dtype=np.uint32) << np.uint32(BITS)


@cache
def cues(language: Language) -> tuple[re.Pattern[str], ...]:
    """The cues of one language."""
    book = tomllib.loads(files(__package__).joinpath("cues.toml").read_text(encoding="utf-8"))
    return tuple(re.compile("|".join(entries)) for entries in book[language].values())


def dense(language: Language, text: str, said: Ids, sentences: int, asked: Ids) -> Floats:
    """Cues by place, what they mean together, how long the reply is and how much of the question it has."""
    read = text if len(text) <= CUED + ENDING else f"{text[:CUED]}\n{text[-ENDING:]}"
    ends = [match.end() for match in _SENTENCE_END.finditer(read, 6)]
    head = min([*ends, len(read)][0], 240)
    early = max(head, min([*ends, *3 * [len(read)]][2], 400))
    found = np.zeros((3, len(cues(language))), dtype=np.float32)
    for column, cue in enumerate(cues(language)):
        for row, (start, end) in enumerate(((0, head), (head, early), (early, len(read)))):
            found[row, column] = start < end and cue.search(read, start, end) is not None
    declined = max(found[0, 0], found[1, 0])
    anywhere = max(declined, found[2, 0])
    listed = min(len(_LIST.findall(text)), 8) / 4
    size = [float(low <= len(said) < high) for low, high in pairwise((0, *LENGTHS, 1 << 30))]
    known = set(asked.tolist())
    shared = len(known & set(said.tolist())) / max(1, len(known))
    more = [
        *(1.0, listed, declined, anywhere, shared, min(sentences, 12) / 6, float(np.log1p(len(said)) / 3 - 1.3)),
        *(declined * listed, (1 - anywhere) * shared, (1 - anywhere) * listed),
        *size,
        *(declined * one for one in size),
        *((1 - anywhere) * one for one in size),
    ]
    return np.concatenate(
        [found.ravel(), declined * found[1:].ravel(), (1 - anywhere) * found[0], np.array(more, np.float32)]
    )
