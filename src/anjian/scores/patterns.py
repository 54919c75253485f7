"""What the replies of each item came to, counted by how many items came to the same: little memory for many items."""

from collections import Counter
from collections.abc import Hashable, Iterator
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Mark = TypeVar("Mark", bound=Hashable)


class Patterns(Generic[Key, Mark]):
    """The marks of the replies of many items.

    Example:
        >>> patterns = Patterns[str, int]()
        >>> for item, mark in (("1", 0), ("1", 1), ("2", 1), ("2", 0)):
        ...     patterns.add(item, "年龄歧视", mark)
        >>> list(patterns)
        [('年龄歧视', Counter({0: 1, 1: 1}), 2)]
    """

    def __init__(self) -> None:
        """Starts with no item."""
        self._whole: Counter[tuple[Key, tuple[tuple[Mark, int], ...]]] = Counter()
        self._item: tuple[str, Key] | None = None
        self._marks: Counter[Mark] = Counter()

    def add(self, item: str, key: Key, mark: Mark) -> None:
        """Counts one reply; those of an item stand together, and have one key."""
        if self._item != (item, key):
            self._close()
            self._item = (item, key)
        self._marks[mark] += 1

    def __iter__(self) -> Iterator[tuple[Key, Counter[Mark], int]]:
        """Yields keys, how often each mark was given, and how many items are like that."""
        self._close()
        for (key, marks), copies in self._whole.items():
            yield key, Counter(dict(marks)), copies

    def _close(self) -> None:
        if self._item:
            self._whole[self._item[1], tuple(sorted(self._marks.items(), key=str))] += 1
        self._item = None
        self._marks = Counter()
