"""Numbers in English words: twelve, forty-two, one hundred and twenty, two thousand and five, a dozen.

>>> [(start, value) for start, _, value in words_in("So there are twenty-one hens.")]
[(13, 21)]
"""

import re
from collections.abc import Iterator

_SMALL = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen"
    " eighteen nineteen"
)
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
_VALUES = {word: value for value, word in enumerate(_SMALL.split())} | {
    word: 10 * tens for tens, word in enumerate(_TENS.split(), 2)
}
_SCALES = {"dozen": 12, "hundred": 100, "thousand": 1000, "million": 10**6, "billion": 10**9}
_WORD = "|".join((*_VALUES, *_SCALES))
_WORDS = re.compile(
    rf"(?<![\w.-])(?<!half )(?P<minus>(?:minus|negative) )?(?:a (?={'|'.join(_SCALES)}))?"
    rf"(?:{_WORD})(?:(?:[ -]|, )(?:and )?(?:{_WORD}))*\b(?![-\w])"
    r"(?! (?:half|halves|third|quarter|fifth|point|or so)\b)",
    re.IGNORECASE,
)


def words_in(text: str) -> Iterator[tuple[int, int, int]]:
    """Finds whole numbers in words: where each begins and ends, and what it is."""
    for found in _WORDS.finditer(text):
        value = _value(re.findall(_WORD, found[0].lower()))
        if value is not None:
            yield found.start(), found.end(), -value if found["minus"] else value


def _value(words: list[str]) -> int | None:
    """None where the words are several numbers, or a year or the like: nineteen ninety."""
    total = section = 0
    last = 10**12
    for word in words:
        if word in _VALUES:
            value = _VALUES[word]
            if last < 100 and not (last >= 20 and 0 < value < 10):
                return None
            section, last = section + value, value
        elif word in ("hundred", "dozen"):
            section, last = (section or 1) * _SCALES[word], 100
        else:
            total, section, last = total + (section or 1) * _SCALES[word], 0, 1000
    return total + section
