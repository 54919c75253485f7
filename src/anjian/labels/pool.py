"""What people can label in a run: every judged reply to a question whose answers have classes."""

import hashlib
from pathlib import Path
from typing import Any

import msgspec

from anjian.errors import UsageError
from anjian.judges.kinds import Kind
from anjian.runs.folder import Replied, RunFile, read_about
from anjian.runs.intact import read_judged
from anjian.runs.reading import suite_of_run
from anjian.scores.rows import Verdicted
from anjian.suites.base import Suite

LABELS = "labels"
"""The folder of a run that holds the key, what people said, and what came of it."""


class Judged(msgspec.Struct, frozen=True):
    """One judged reply; its `id` tells nothing of the item or the verdict, and changes with the reply."""

    id: str
    line: Verdicted
    reply: Replied
    kind: Kind

    @property
    def label(self) -> str:
        """What the judge said."""
        return self.line.label or ""


class Pool(msgspec.Struct, frozen=True):
    """A finished run and its judged replies, by id."""

    folder: Path
    about: RunFile
    suite: Suite
    judged: dict[str, Judged]

    @property
    def kinds(self) -> dict[str, Kind]:
        """The kinds of question that people could judge, by name."""
        return {task.kind.name: task.kind for task in self.suite.tasks if task.kind and task.kind.labels}


def read_pool(folder: Path) -> Pool:
    """Reads a finished run.

    Raises:
        UsageError: The folder holds no finished run, its suite is not here, or nothing in it takes labels.
    """
    about = read_about(folder)
    suite = suite_of_run(about)
    if suite is None:
        raise UsageError(f"{folder} is a run of {about.run.get('suite')!r}, and there is no such suite here")
    kinds = {task.name: task.kind for task in suite.tasks if task.kind and task.kind.labels}
    judged = {}
    for line, reply in read_judged(folder, about, suite):
        kind = kinds.get(line.task)
        if kind and line.points is not None and line.label in kind.points and reply.answer:
            one = Judged(_opaque(line, reply), line, reply, kind)
            judged[one.id] = one
    if not judged:
        raise UsageError(f"{folder} holds no judged replies that people could label; multiple choice needs no labels")
    return Pool(folder, about, suite, judged)


def _opaque(line: Verdicted, reply: Replied) -> str:
    what: list[Any] = [line.id, line.epoch, line.round, line.task, reply.messages, reply.answer]
    # The letter keeps spreadsheets from taking digits for a number.
    return f"r{hashlib.blake2b(msgspec.json.encode(what), digest_size=6).hexdigest()}"
