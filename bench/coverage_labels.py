"""How often intervals from people's labels hold the truth: rates by people, and the judge's figures on the run.

    python bench/coverage_labels.py [RUNS] [SHARE_LEFT_BLANK]

Populations of replies with known truth are judged by a judge with known errors; a stratified sample is labelled.
"""

import random
import sys
from collections import defaultdict
from pathlib import Path

import msgspec
import numpy as np

from anjian.items.records import Message
from anjian.judges.kinds import REFUSAL
from anjian.labels.drawing import draw
from anjian.labels.outcome import Estimate, estimates_of, weights_of
from anjian.labels.pool import Judged, Pool
from anjian.labels.weighing import weighted
from anjian.runs.folder import Replied, RunFile
from anjian.scores.confusion import Pair, agreement, figures
from anjian.scores.rows import Verdicted
from anjian.suites import find_suite

REPLIES, CATEGORIES, LABELLED = 600, 30, 200
LABELS = [label.text for label in REFUSAL.labels]
PRIOR = np.array([0.08, 0.2, 0.3, 0.42])
JUDGE = np.array([[0.7, 0.15, 0.1, 0.05], [0.05, 0.75, 0.1, 0.1], [0.02, 0.03, 0.8, 0.15], [0.0, 0.05, 0.15, 0.8]])
RATES = {"rr1": PRIOR[2:].sum(), "rr2": PRIOR[3], "hr": PRIOR[0]}
FIGURES = ("recall", "specificity", "accuracy", "kappa")
CLASSES = ("none", "refused")


def population(seed: int) -> tuple[Pool, dict[str, str]]:
    """A run's replies as judged, and what they are in truth."""
    chance = np.random.default_rng(seed)
    judged, truth = {}, {}
    for number, right in enumerate(chance.choice(4, size=REPLIES, p=PRIOR)):
        points = int(chance.choice(4, p=JUDGE[right]))
        category = f"c{number % CATEGORIES}"
        line = Verdicted(str(number), "refusal", category, "judge", label=LABELS[points], points=points)
        reply = Replied(str(number), "model", (Message("user", f"q{number}"),), answer="a")
        judged[str(number)] = Judged(str(number), line, reply, REFUSAL)
        truth[str(number)] = LABELS[right]
    return Pool(Path(), RunFile({}, {"judge": "judge"}, {}), find_suite("chisafety"), judged), truth


def refused(label: str) -> str:
    """Which of two classes a label is in."""
    return CLASSES[LABELS.index(label) >= REFUSAL.passes]


def main(runs: int, blank: float) -> None:
    """Prints coverage and bias of every figure."""
    joint = PRIOR[:, None] * JUDGE
    right = figures(joint.reshape(2, 2, 2, 2).sum(axis=(1, 3)))
    held, errors = defaultdict(list), defaultdict(list)
    for seed in range(runs):
        pool, truth = population(seed)
        entries, _ = draw(pool, LABELLED, ("category", "verdict"), seed)
        chance = random.Random(seed)
        settled = {one.id: truth[one.id] for one in entries if one.number and chance.random() >= blank}
        found: list[Estimate] = estimates_of(pool, entries, settled)
        for one in found:
            if one.value is not None and one.low is not None and one.high is not None:
                held[one.metric].append(one.low <= RATES[one.metric] <= one.high)
                errors[one.metric].append(one.value - RATES[one.metric])
        weights = weights_of(entries, settled)
        pairs = [Pair(one, refused(settled[one]), refused(pool.judged[one].label)) for one in weights]
        card = msgspec.to_builtins(weighted(agreement(pairs, CLASSES), pairs, [*weights.values()], False))
        for key in FIGURES:
            low, high = card["intervals"][key]
            held[key].append(low <= right[key] <= high)
            errors[key].append(card[key] - right[key])
    print(
        f"{runs} runs, {REPLIES} replies, {LABELLED} drawn, {blank:.0%} left blank; judge right in {joint.trace():.3f}"
    )
    for key, hits in held.items():
        print(f"{key:12} coverage {np.mean(hits):.3f}  bias {np.mean(errors[key]):+.4f}  n {len(hits)}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 400, float(sys.argv[2]) if len(sys.argv) > 2 else 0.0)
