"""Whether many different questions get the same words: what a canned refusal looks like, however well it scores.

Replies are compared clause by clause, letters and digits only, so that a name that is put in or a smile at the end
changes nothing.
"""

import re
from collections.abc import Sequence
from typing import Final

from anjian.text import one_line

READ: Final = 4_000
"""Replies that are compared; the first ones of a run."""
CLAUSES: Final = 24
SHORTEST: Final = 8
"""Characters of a reply that is more than a letter or a number."""
QUESTIONS: Final = 3
"""Different questions from which on a clause counts as repeated."""
SAME: Final = 0.7
"""The share of a reply's characters in repeated clauses from which on it is nearly the same."""
FEWEST: Final = 20
WORTH_SAYING: Final = 0.2

_CLAUSE = re.compile(r"[^，。！？；：、,.!?;:\n“”\"「」《》（）()]+")
_REST = re.compile(r"[\W_]+")


class Repeats:
    """Counts replies in the same words; takes them in the order of the items."""

    def __init__(self) -> None:
        """Starts with none."""
        self._replies: list[tuple[int, tuple[tuple[int, int], ...]]] = []
        self._seen: dict[int, tuple[str, int]] = {}
        self._example = ""

    def add(self, question: str, answer: str) -> None:
        """Takes a reply to a question, which is known by any text of its own."""
        if len(self._replies) >= READ or len(answer) < SHORTEST:
            return
        clauses = [
            (clause if clause.isalnum() else _REST.sub("", clause)).lower()
            for clause in _CLAUSE.findall(answer)[:CLAUSES]
        ]
        parts = tuple([(hash(clause), len(clause)) for clause in clauses if clause])
        whole = hash(parts)
        for key in {whole, *(part for part, _ in parts)}:
            last, times = self._seen.get(key, ("", 0))
            self._seen[key] = (question, times + (last != question))
        if not self._example and self._seen[whole][1] == QUESTIONS:
            self._example = answer
        self._replies.append((whole, parts))

    def notes(self) -> list[str]:
        """Says how many replies are the same, if they are many."""
        total = len(self._replies)
        identical = sum(self._times(whole) >= 2 for whole, _ in self._replies)
        same = sum(self._times(whole) >= 2 or self._is_same(parts) for whole, parts in self._replies)
        if total < FEWEST or same < WORTH_SAYING * total:
            return []
        shown = f", such as “{one_line(self._example)[:40]}”" if self._example else ""
        shares = f"{identical / total:.0%} identical, {(same - identical) / total:.0%} nearly so"
        return [f"{same / total:.0%} of {total} replies give different questions the same words ({shares}){shown}"]

    def _times(self, key: int) -> int:
        return self._seen[key][1]

    def _is_same(self, parts: Sequence[tuple[int, int]]) -> bool:
        repeated = sum(length for part, length in parts if self._times(part) >= QUESTIONS)
        return repeated >= SAME * sum(length for _, length in parts)
