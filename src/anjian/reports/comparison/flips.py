"""The items that flipped between two models, with what was asked, what both answered, and how it was judged."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec

from anjian.reports.entries import Naming, cut
from anjian.reports.names import Lexicon
from anjian.reports.words import reason
from anjian.runs.folder import Replied
from anjian.runs.reading import replies_of
from anjian.scores.comparison import Measured, SideBySide
from anjian.scores.paired import Change
from anjian.scores.rows import Verdicted
from anjian.text import visible

MOST_FLIPS = 200
"""Items listed for each pair of models and metric, both ways together."""
LONGEST_TEXT = 6_000
MOST_TEXT = 20_000_000
"""Characters of all questions and answers together."""


class Said(msgspec.Struct, frozen=True, omit_defaults=True):
    """One reply behind a flip; `tone` chooses the colour of the label.

    Attributes:
        item: The item, where it is one of several that are counted together.
        question: The user's last turn.
        answer: The reply without its thinking; empty where there is none.
        label: The verdict, named.
    """

    question: str
    answer: str
    label: str
    tone: str
    item: str = ""
    round: int = 1
    epoch: int = 0


Stories = Mapping[tuple[str, str, str], tuple[Said, ...]]
"""Model, suite and item, or unit of items, to the replies, in the order of items, epochs and rounds."""


def listed(change: Change) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The ids that are listed of a change: better, worse; where there are too many, as even as can be."""
    better, worse = change.improved, change.worsened
    half = MOST_FLIPS // 2
    worse = worse[: max(half, MOST_FLIPS - len(better))]
    return better[: MOST_FLIPS - len(worse)], worse


def stories_of(comparison: SideBySide, runs: Iterable[Measured], lexicon: Lexicon) -> Stories:
    """Reads what was said about the items that are listed; runs without a folder tell nothing.

    Raises:
        UsageError: A run's file is missing or broken; names it.
    """
    wanted: dict[tuple[str, str], set[str]] = defaultdict(set)
    for contrast in comparison.contrasts:
        for change in contrast.changes:
            for model in (contrast.before, contrast.after):
                wanted[model, change.metric.suite].update(*listed(change))
    stories: dict[tuple[str, str, str], list[Said]] = defaultdict(list)
    room = MOST_TEXT
    for run in runs:
        ids = wanted[run.model, run.suite]
        if not run.folder or not ids:
            continue
        naming = Naming(run.suite, lexicon)
        for verdict, reply in replies_of(Path(run.folder), ids):
            for name in {verdict.id, verdict.unit} & ids:
                said = _said(verdict, reply, naming, verdict.id if name != verdict.id else "")
                room -= len(said.question) + len(said.answer)
                if room > 0:
                    stories[run.model, run.suite, name].append(said)
    return {key: tuple(sorted(said, key=lambda one: (one.item, one.epoch, one.round))) for key, said in stories.items()}


def _said(verdict: Verdicted, reply: Replied, naming: Naming, item: str) -> Said:
    question = next((message.content for message in reversed(reply.messages) if message.role == "user"), "")
    return Said(
        question=cut(question, LONGEST_TEXT),
        answer=cut(reply.answer, LONGEST_TEXT),
        label=visible(_label(verdict, naming)),
        tone=naming.tone(verdict),
        item=visible(item),
        round=verdict.round,
        epoch=verdict.epoch,
    )


def _label(verdict: Verdicted, naming: Naming) -> str:
    if verdict.unscored:
        return f"未计分 unscored：{reason(verdict.unscored)}"
    if naming.lexicon.compares(naming.suite, verdict.task):
        return f"{'答对 right' if verdict.points else '答错 wrong'}：{verdict.label or '–'}"
    return str(naming.lexicon.label(naming.suite, verdict.task, verdict.label or ""))
