"""Reads a run folder for the report: what kind of run it was, counts of verdicts, and the replies worth showing."""

import heapq
from collections import Counter
from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path

import msgspec

from anjian.errors import UsageError
from anjian.items.lines import read_lines
from anjian.judges.base import OfThinking
from anjian.judges.kinds import THINKING
from anjian.reports.names import Lexicon
from anjian.reports.words import reason
from anjian.runs.folder import REPLIES, VERDICTS, Replied, RunFile, read_about
from anjian.runs.intact import compare_hash, read_scores, read_verdicts
from anjian.runs.reading import suite_of_run
from anjian.scores.rows import Row, Verdicted
from anjian.suites.base import Suite
from anjian.text import visible

MOST_ENTRIES = 5_000
LONGEST_TEXT = 12_000
LONGEST_THINKING = 6_000
MOST_TEXT = 30_000_000
"""Characters of all entries together: a browser opens that on a phone."""


class Shown(msgspec.Struct, frozen=True, omit_defaults=True):
    """One reply as the report lists it, every text cut to a bearable length; `tone` chooses the colour of the badge.

    What the thinking is worth has a tone, too: tone, label or reason, and analysis; empty where nobody judged it apart.
    """

    id: str
    task: str
    tone: str
    category: str
    area: str
    messages: list[tuple[str, str]]
    label: str = ""
    unscored: str = ""
    history: bool = False
    epoch: int = 0
    round: int = 1
    answer: str = ""
    thinking: str = ""
    thinking_verdict: tuple[str, str, str] = ("", "", "")
    shape: str = ""
    judge: str = ""
    analysis: str = ""
    votes: list[tuple[str, str]] = []
    finish: str = ""
    tokens: tuple[int, int] = (0, 0)


class Counts(msgspec.Struct):
    """Counts of all verdicts, by task first; `rounds` is the most that a dialogue has, `n` counts replies."""

    labels: Counter[tuple[str, str, str]]
    reasons: Counter[tuple[str, str]]
    shapes: Counter[tuple[str, str]]
    rounds: dict[str, int]
    n: int = 0
    scored: int = 0


class RunPage(msgspec.Struct, frozen=True):
    """A run folder, read: rows as people read them, and as entries the harmful, then the unscored, then the others."""

    about: RunFile
    rows: list[Row]
    counts: Counts
    entries: list[Shown]
    lexicon: Lexicon

    @property
    def suite(self) -> str:
        """The name of its suite."""
        return str(self.about.run.get("suite", ""))


class Naming(msgspec.Struct, frozen=True):
    """What the verdicts of one suite are called by."""

    suite: str
    lexicon: Lexicon

    def tone(self, verdict: Verdicted) -> str:
        """How a verdict is coloured: by its label, right or wrong, or `unscored`."""
        if verdict.unscored:
            return "unscored"
        return self.lexicon.tone(self.suite, verdict.task, verdict.label or "", verdict.points)

    def area(self, category: str) -> str:
        """The area of a category."""
        return self.lexicon.area(self.suite, category)


def read_run(folder: Path, suite: Suite | None = None) -> RunPage:
    """Reads a finished run.

    Args:
        folder: The run folder.
        suite: What was run; by default whatever has the name that `run.toml` holds.

    Raises:
        UsageError: A file is missing or broken, or contradicts another; names it.
    """
    about = read_about(folder)
    rows = read_scores(folder, about)
    found = suite or suite_of_run(about)
    naming = Naming(str(about.run.get("suite", "")), Lexicon([found] if found else []))
    counts = Counts(Counter(), Counter(), Counter(), {})
    ranks = []
    for place, verdict in enumerate(read_verdicts(folder, about, found)):
        _count(verdict, naming, counts)
        ranks.append((_rank(verdict, naming), place))
    chosen = heapq.nsmallest(MOST_ENTRIES, ranks)
    compare_hash(folder, REPLIES, about)
    texts = dict(_chosen(folder, {place for _, place in chosen}))
    entries, room = [], MOST_TEXT
    for _, place in chosen:
        entry = _entry(*texts[place], naming)
        room -= sum(len(text) for _, text in entry.messages) + len(entry.answer) + len(entry.thinking)
        if room < 0:
            break
        entries.append(entry)
    return RunPage(about, naming.lexicon.in_order(rows), counts, entries, naming.lexicon)


def _count(verdict: Verdicted, naming: Naming, counts: Counts) -> None:
    counts.n += 1
    counts.rounds[verdict.task] = max(counts.rounds.get(verdict.task, 1), verdict.round)
    if verdict.shape:
        counts.shapes[verdict.task, verdict.shape] += 1
    if verdict.unscored:
        counts.reasons[verdict.task, verdict.unscored] += 1
        return
    counts.scored += 1
    counts.labels[verdict.task, naming.area(verdict.category), verdict.label or ""] += 1


def _rank(verdict: Verdicted, naming: Naming) -> int:
    """Harmful first, then unscored, then by how far from the best."""
    if verdict.unscored:
        return 1
    points = verdict.points or 0
    if naming.lexicon.compares(naming.suite, verdict.task):
        return 2 + 4 * points
    return 0 if points == 0 or naming.tone(verdict) == "risky" else 3 + points


def _chosen(folder: Path, chosen: set[int]) -> Iterator[tuple[int, tuple[Verdicted, Replied]]]:
    """Decodes the chosen lines of the two files, which run side by side."""
    verdict_of, reply_of = msgspec.json.Decoder(Verdicted).decode, msgspec.json.Decoder(Replied).decode
    lines = zip_longest(read_lines(folder / VERDICTS), read_lines(folder / REPLIES))
    for place, (verdict_line, reply_line) in enumerate(lines):
        if place not in chosen:
            continue
        try:
            verdict, reply = verdict_of(verdict_line[1]), reply_of(reply_line[1])
        except (msgspec.DecodeError, UnicodeDecodeError, TypeError) as error:
            raise UsageError(f"{folder / REPLIES}, line {place + 1}: {error}; run the same command again") from None
        if (verdict.id, verdict.epoch, verdict.round) != (reply.id, reply.epoch, reply.round):
            raise UsageError(f"{folder / REPLIES}, line {place + 1} is not the reply judged in {VERDICTS}")
        yield place, (verdict, reply)


def _entry(verdict: Verdicted, reply: Replied, naming: Naming) -> Shown:
    return Shown(
        id=visible(verdict.id),
        task=verdict.task,
        tone=naming.tone(verdict),
        category=visible(verdict.category),
        area=naming.area(verdict.category),
        messages=[(message.role, cut(message.content)) for message in reply.messages],
        label=visible(verdict.label or ""),
        unscored=verdict.unscored or "",
        history=verdict.history,
        epoch=verdict.epoch,
        round=verdict.round,
        answer=cut(reply.answer),
        thinking=cut(reply.thinking, LONGEST_THINKING),
        thinking_verdict=_of_thinking(verdict.thinking),
        shape=reply.shape or "",
        judge=visible(verdict.judge),
        analysis=cut(verdict.analysis),
        votes=[(visible(vote.judge), visible(vote.label or vote.unscored or "")) for vote in verdict.votes],
        finish=visible(reply.finish_reason or ""),
        tokens=(reply.prompt_tokens, reply.completion_tokens),
    )


def _of_thinking(found: OfThinking | None) -> tuple[str, str, str]:
    if found is None:
        return "", "", ""
    if found.label is None:
        return "unscored", str(reason(found.unscored or "")), cut(found.analysis)
    named = next((str(one.title) for one in THINKING.labels if one.text == found.label), found.label)
    return THINKING.tone(found.label, found.points), named, cut(found.analysis)


def cut(text: str, longest: int = LONGEST_TEXT) -> str:
    """Shows hidden characters, and cuts a text to a bearable length, saying so."""
    text = visible(text)
    more = len(text) - longest
    return text if more <= 0 else f"{text[:longest]}\n…（其余 {more} 字见 replies.jsonl）"
