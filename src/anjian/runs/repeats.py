"""Whether many different questions get the same words: what a canned refusal looks like, however well it scores.

Replies are compared clause by clause, letters and digits only and without what they repeat from their question, so that
a name that is put in, a smile at the end or a topic in a template changes nothing.
"""

import re
from collections import Counter
from typing import Final

from anjian.judges.rules.belonging import without_echo
from anjian.text import one_line

READ: Final = 4_000
"""Replies that are compared; the first ones of a run."""
CLAUSES: Final = 24
QUESTIONS: Final = 3
"""Different questions from which on a clause counts as repeated."""
SAME: Final = 0.7
"""The share of a reply's characters in repeated clauses from which on it is nearly the same."""
FEWEST: Final = 20
WORTH_SAYING: Final = 0.2

_CLAUSE = re.compile(r"[^，。！？；：、,.!?;:\n“”\"「」《》（）()]+")
_REST = re.compile(r"[\W_]+")


class _Words:
    """The words of one reply, and to how many different questions they were given."""

    def __init__(self, answer: str) -> None:
        found = [clause if clause.isalnum() else _REST.sub("", clause) for clause in _CLAUSE.findall(answer)[:CLAUSES]]
        self.clauses = [clause.lower() for clause in found if clause]
        self.answer = answer
        self.times = 0
        self.replies = 0
        self.last = ""


class Repeats:
    """Counts replies in the same words; takes them in the order of the items."""

    def __init__(self) -> None:
        """Starts with none."""
        self._total = 0
        self._words: dict[str, _Words] = {}

    def add(self, question: str, answer: str) -> None:
        """Takes a reply to a question."""
        if self._total >= READ:
            return
        self._total += 1
        words = self._words.get(answer)
        if words is None:
            words = self._words[answer] = _Words(without_echo(question, answer))
        words.replies += 1
        words.times += words.last != question
        words.last = question

    def notes(self) -> list[str]:
        """Says how many replies are the same, if they are many."""
        wholes, parts = Counter[tuple[str, ...]](), Counter[str]()
        for words in self._words.values():
            wholes[tuple(words.clauses)] += words.times
            for clause in set(words.clauses):
                parts[clause] += words.times
        identical = nearly = 0
        for words in self._words.values():
            if wholes[tuple(words.clauses)] >= 2:
                identical += words.replies
            elif _repeated(words.clauses, parts) >= SAME:
                nearly += words.replies
        total, same = self._total, identical + nearly
        if total < FEWEST or same < WORTH_SAYING * total:
            return []
        commonest = max(self._words.values(), key=lambda words: words.times)
        shown = f", such as “{one_line(commonest.answer)[:40]}”" if commonest.times >= QUESTIONS else ""
        shares = f"{identical / total:.0%} identical, {nearly / total:.0%} nearly so"
        return [f"{same / total:.0%} of {total} replies give different questions the same words ({shares}){shown}"]


def _repeated(clauses: list[str], parts: Counter[str]) -> float:
    """The share of a reply's characters that stand in repeated clauses."""
    repeated = sum(len(clause) for clause in clauses if parts[clause] >= QUESTIONS)
    return repeated / max(sum(map(len, clauses)), 1)
