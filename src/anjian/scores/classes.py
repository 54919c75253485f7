"""Measures of a rubric's classes: the share of each, and ratios between them such as precision."""

import operator
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from anjian.judges.kinds import Kind, Label
from anjian.names import Name
from anjian.scores.measures import Measure, Ratio, Role
from anjian.scores.rows import Verdicted


def class_measures(kind: Kind, names: Mapping[str, str], role: Role = "detail") -> tuple[Measure, ...]:
    """The share of each of a kind's labels; more of the best is better, and of every other worse.

    Args:
        kind: The kind, whose labels have English names.
        names: The labels to count, each with the metric's name.
        role: What they decide.
    """
    return tuple(
        Measure(
            name=names[label.text],
            title=Name(f"{label.title.zh}率", label.title.en),
            value=partial(operator.eq, label.points),
            meaning=_meaning(label, label.points == kind.best),
            higher=label.points == kind.best,
            role=role,
            tone=label.tone,
        )
        for label in kind.labels
        if label.text in names
    )


def _meaning(label: Label, higher: bool) -> Name:
    way = ("越高越好", "") if higher else ("越低越好", "; lower is better")
    return Name(f"判为“{label.title.zh}”的比例，{way[0]}", f"share of {label.title.en}{way[1]}")


def label_counts(kind: Kind, of: Callable[..., Any]) -> Ratio:
    """A ratio of how often each label was given, in the order of the kind's labels.

    Args:
        kind: The kind.
        of: From as many sums as there are labels to the value; see `Ratio`.
    """

    def counts(verdicts: Sequence[Verdicted]) -> Sequence[float] | None:
        given = [verdict.points for verdict in verdicts if verdict.points is not None]
        return [given.count(label.points) for label in kind.labels] if given else None

    return Ratio(counts, of)
