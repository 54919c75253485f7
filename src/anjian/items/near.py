"""Finds questions that are nearly the same: the Jaccard similarity of their character n-grams, by who holds which."""

import unicodedata
from collections import Counter
from itertools import chain

from anjian.items.records import Item

GRAM = 4
"""Characters of an n-gram: short enough for Chinese words, long enough to pass over common ones."""
NEAR = 0.4
"""Jaccard similarity from which two questions count as nearly the same."""


def text_of(item: Item) -> str:
    """What an item asks: its turns, without history and options."""
    return "\n".join(item.turns)


def grams(text: str) -> frozenset[str]:
    """The character n-grams of a text, after NFKC, letters and digits only; short texts count as one gram."""
    kept = "".join(char for char in unicodedata.normalize("NFKC", text).lower() if char.isalnum())
    return frozenset(kept[i : i + GRAM] for i in range(max(1, len(kept) - GRAM + 1)))


def jaccard(one: frozenset[str], other: frozenset[str]) -> float:
    """Size of the intersection over size of the union."""
    return len(one & other) / len(one | other)


class NearIndex:
    """Remembers texts under names, and says which of them a new text nearly repeats."""

    def __init__(self, threshold: float = NEAR) -> None:
        """Starts empty."""
        self._threshold = threshold
        self._sizes: dict[str, int] = {}
        self._holders: dict[str, list[str]] = {}

    def nearest(self, text: str) -> tuple[str, float] | None:
        """Returns the name and the similarity of the most similar text from the threshold on, or None."""
        mine = grams(text)
        shared = Counter(chain.from_iterable(self._holders.get(gram, ()) for gram in mine))
        found = ((name, both / (len(mine) + self._sizes[name] - both)) for name, both in shared.items())
        best = max(found, key=lambda pair: (pair[1], pair[0]), default=None)
        return best if best and best[1] >= self._threshold else None

    def add(self, name: str, text: str) -> None:
        """Remembers a text; names must differ."""
        mine = grams(text)
        self._sizes[name] = len(mine)
        for gram in mine:
            self._holders.setdefault(gram, []).append(name)
