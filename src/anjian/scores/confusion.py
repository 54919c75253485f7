"""Agreement of verdicts with labels, from the confusion of the two, with intervals by bootstrap over prompts.

Several replies to one prompt, or one reply labelled twice, depend on each other: whole prompts are drawn.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np

from anjian.judges.card import Agreement, Floor
from anjian.scores.bootstrap import Numbers, resamples
from anjian.scores.intervals import wilson

SHARES = ("accuracy", "precision", "recall", "specificity", "within_one")
"""Figures that are shares of replies."""


class Pair(msgspec.Struct, frozen=True):
    """The label and the verdict of one reply, each a class; no verdict is None. `prompt` is what it answers."""

    prompt: str
    label: str
    verdict: str | None
    source: str = ""


def agreement(pairs: Sequence[Pair], classes: Sequence[str], ordered: bool = False, name: str = "") -> Agreement:
    """How far verdicts agree with labels.

    Args:
        pairs: One for each labelled reply.
        classes: All of them; of two, the last is the one that is looked for.
        ordered: True if the classes are degrees of one thing.
        name: Seeds the drawing, so that equal data give equal intervals.
    """
    table = _by_prompt(pairs, classes)
    whole = table.sum(axis=0)
    found = figures(whole, ordered)
    drawn, effective = _drawn(table, ordered, name), effective_sizes(table)
    across = _across([msgspec.structs.replace(pair, prompt=pair.source) for pair in pairs], classes)
    return Agreement(
        n=len(pairs),
        scored=int(whole.sum()),
        prompts=len(table),
        sources=tuple(sorted({pair.source for pair in pairs if pair.verdict is not None and pair.source})),
        classes=tuple(classes),
        confusion=tuple(tuple(map(int, row)) for row in whole),
        effective=tuple(round(min(size, most), 2) for size, most in zip(effective, across, strict=True)),
        **{key: _rounded(value) for key, value in found.items()},
        intervals={
            key: _interval(key, found, drawn[key], effective)
            for key, value in found.items()
            if np.isfinite(value) and len(drawn[key])
        },
        floors=_floors(whole, classes),
    )


def differences(
    first: Sequence[Pair], second: Sequence[Pair], classes: Sequence[str], ordered: bool = False, name: str = ""
) -> dict[str, tuple[float, float, float]]:
    """By figure: the second judge's less the first's, low and high, on the replies that both gave a verdict on.

    Args:
        first: One for each labelled reply.
        second: The same replies in the same order, with another judge's verdicts.
        classes: As in `agreement`.
        ordered: As in `agreement`.
        name: As in `agreement`.
    """
    both = [(one, two) for one, two in zip(first, second, strict=True) if None not in (one.verdict, two.verdict)]
    if not both:
        return {}
    tables = [_by_prompt([pair[place] for pair in both], classes) for place in (0, 1)]
    whole = [figures(table.sum(axis=0), ordered) for table in tables]
    drawn = [_figures_drawn(table, ordered, name) for table in tables]
    found = {}
    for key in whole[0]:
        change, draws = float(whole[1][key] - whole[0][key]), drawn[1][key] - drawn[0][key]
        draws = draws[np.isfinite(draws)]
        if np.isfinite(change) and len(draws):
            low, high = np.percentile(draws, [2.5, 97.5])
            found[key] = round(change, 6), round(float(low), 6), round(float(high), 6)
    return found


def _by_prompt(pairs: Sequence[Pair], classes: Sequence[str]) -> Numbers:
    """Counts (prompts, labels, verdicts) of the pairs with a verdict."""
    place = {one: number for number, one in enumerate(classes)}
    scored = [pair for pair in pairs if pair.verdict is not None]
    prompts = {prompt: number for number, prompt in enumerate(dict.fromkeys(pair.prompt for pair in scored))}
    table = np.zeros((len(prompts), len(classes), len(classes)))
    for pair in scored:
        table[prompts[pair.prompt], place[pair.label], place[pair.verdict or ""]] += 1
    return table


def figures(confusion: Numbers, ordered: bool = False) -> dict[str, Any]:
    """Every figure of confusions (…, labels, verdicts): numbers, or arrays of that shape; nan where undefined."""
    with np.errstate(divide="ignore", invalid="ignore"):
        size = confusion.shape[-1]
        total = confusion.sum(axis=(-2, -1))
        labels, verdicts = confusion.sum(axis=-1), confusion.sum(axis=-2)
        right = np.diagonal(confusion, axis1=-2, axis2=-1)
        recall, precision = right / labels, right / verdicts
        f1 = 2 * right / (labels + verdicts)
        found = {
            "accuracy": right.sum(axis=-1) / total,
            "balanced_accuracy": _mean(recall, labels > 0),
            "kappa": _kappa(confusion, 1 - np.eye(size)),
        }
        if size == 2:
            found |= {"precision": precision[..., 1], "recall": recall[..., 1], "specificity": recall[..., 0]}
            found["f1"] = f1[..., 1]
        else:
            met = {"precision": (precision, verdicts), "recall": (recall, labels), "f1": (f1, labels + verdicts)}
            found |= {key: _mean(value, seen > 0) for key, (value, seen) in met.items()}
        if ordered:
            apart = np.abs(np.subtract.outer(np.arange(size), np.arange(size)))
            found["within_one"] = (confusion * (apart <= 1)).sum(axis=(-2, -1)) / total
            found["weighted_kappa"] = _kappa(confusion, apart**2.0)
    return found


def _mean(values: Numbers, seen: Any) -> Any:
    return np.where(seen, values, 0).sum(axis=-1) / seen.sum(axis=-1)


def _kappa(confusion: Numbers, cost: Numbers) -> Any:
    """Cohen's κ: one less the disagreement over that of chance, each weighed by `cost`."""
    total = confusion.sum(axis=(-2, -1))
    chance = confusion.sum(axis=-1)[..., :, None] * confusion.sum(axis=-2)[..., None, :] / total[..., None, None]
    return 1 - (confusion * cost).sum(axis=(-2, -1)) / (chance * cost).sum(axis=(-2, -1))


def _drawn(table: Numbers, ordered: bool, name: str) -> dict[str, Numbers]:
    """The finite figures of all draws of prompts."""
    if not len(table):
        return dict.fromkeys(figures(np.zeros(table.shape[1:]), ordered), np.zeros(0))
    found = _figures_drawn(table, ordered, name)
    return {key: values[np.isfinite(values)] for key, values in found.items()}


def _figures_drawn(table: Numbers, ordered: bool, name: str) -> dict[str, Numbers]:
    """The figures of all draws of prompts; tables of as many prompts are drawn alike."""
    flat = table.reshape(len(table), -1)
    sums = np.concatenate([weights @ flat for weights in resamples(len(flat), f"agreement/{name}")])
    return figures(sums.reshape(len(sums), *table.shape[1:]), ordered)


def _interval(key: str, found: dict[str, Any], drawn: Numbers, effective: Sequence[float]) -> tuple[float, float]:
    """The percentiles of the draws; where all draws agree, as far as an interval for so many replies goes."""
    low, high = (float(end) for end in np.percentile(drawn, [2.5, 97.5]))
    if high - low > 1e-9:
        return round(low, 6), round(high, 6)
    value, least = float(found[key]), min(size for size in effective if size)
    sizes = {"accuracy": sum(effective), "specificity": effective[0] or least, "recall": effective[-1] or least}
    low, high = wilson(min(max(value, 0.0), 1.0), sizes.get(key, least))
    return round(low, 6), round(high if key in SHARES else value, 6)


def effective_sizes(table: Numbers) -> list[float]:
    """How many independent replies those of each label weigh as, from counts (prompts, labels, verdicts).

    The design effect of right verdicts clustered by prompt; where all verdicts are right, or all are wrong, replies to
    one prompt weigh as one.
    """
    sizes = []
    for label in range(table.shape[1]):
        held = table[:, label][table[:, label].sum(axis=1) > 0]
        asked, right = held.sum(axis=1), held[:, label]
        n, prompts = float(asked.sum()), len(held)
        share = float(right.sum()) / n if n else 0.0
        if not 0 < share < 1 or prompts < 2:
            sizes.append(float(prompts))
            continue
        variance = prompts / (prompts - 1) * float(((right - share * asked) ** 2).sum()) / n**2
        sizes.append(min(n, share * (1 - share) / variance) if variance else n)
    return sizes


def _across(pairs: Sequence[Pair], classes: Sequence[str]) -> list[float]:
    """The same by how sources differ: what a judge does on one source tells little of another where they do."""
    table = _by_prompt(pairs, classes)
    sizes = effective_sizes(table)
    right, asked = table.sum(axis=0).diagonal(), table.sum(axis=(0, 2))
    mixed = [np.count_nonzero(table[:, place].sum(axis=1)) > 1 for place in range(len(classes))]
    return [
        size if several and 0 < hits < n else np.inf
        for size, several, hits, n in zip(sizes, mixed, right, asked, strict=True)
    ]


def _floors(confusion: Numbers, classes: Sequence[str]) -> tuple[Floor, ...]:
    """Always the first class, and always the most frequent one where that is another."""
    labels = confusion.sum(axis=1)
    total = float(labels.sum())
    if not total:
        return ()
    chosen = Counter([0, int(labels.argmax()), len(classes) - 1])
    return tuple(
        Floor(
            classes[place],
            round(float(labels[place]) / total, 6),
            round(float(2 * labels[place] / (labels[place] + total)), 6) if place == 1 == len(classes) - 1 else None,
        )
        for place in sorted(chosen)
    )


def _rounded(value: Any) -> float | None:
    return round(float(value), 6) if np.isfinite(value) else None
