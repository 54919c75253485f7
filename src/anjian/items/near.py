"""Finds questions that are nearly the same: character n-grams, MinHash to find pairs, exact Jaccard to confirm them."""

import unicodedata
from typing import Any

from anjian.items.records import Item

GRAM = 4
"""Characters of an n-gram: short enough for Chinese words, long enough to pass over common ones."""
NEAR = 0.4
"""Jaccard similarity from which two questions count as nearly the same."""
_PERMUTATIONS = 128


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
        from datasketch import MinHashLSH

        self._threshold = threshold
        # A lower threshold than asked for: candidates are confirmed exactly, so none should be missed.
        self._lsh = MinHashLSH(threshold=0.6 * threshold, num_perm=_PERMUTATIONS)
        self._grams: dict[str, frozenset[str]] = {}

    def nearest(self, text: str) -> tuple[str, float] | None:
        """Returns the name and the similarity of the most similar text from the threshold on, or None."""
        mine = grams(text)
        found = ((name, jaccard(mine, self._grams[name])) for name in self._lsh.query(_sketch(mine)))
        best = max(found, key=lambda pair: (pair[1], pair[0]), default=None)
        return best if best and best[1] >= self._threshold else None

    def add(self, name: str, text: str) -> None:
        """Remembers a text; names must differ."""
        self._grams[name] = grams(text)
        self._lsh.insert(name, _sketch(self._grams[name]))


def _sketch(parts: frozenset[str]) -> Any:
    from datasketch import MinHash

    sketch = MinHash(num_perm=_PERMUTATIONS, seed=1)
    sketch.update_batch([part.encode() for part in parts])
    return sketch
