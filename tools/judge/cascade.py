"""What a cascade saves and loses where a trained judge is the cheap one and the labels stand for the dear one.

    python tools/judge/cascade.py --data ../shared/data --generated FOLDER [--loss 0.6]

Everything is cross-fitted: of each of five folds of prompts, then of each source, the weights, the scaling of their
probabilities and the confidence that suffices are had from the other folds alone (there from five folds within). Lost
are the replies whose verdict stands and says otherwise than the label.
"""

import argparse
from collections.abc import Sequence
from itertools import product
from pathlib import Path

import msgspec
import numpy as np
from fit import folds
from held import LEAST, Held, Numbers

from anjian.judges.base import Verdict
from anjian.judges.card import Question
from anjian.judges.cascade import may_stand
from anjian.judges.kinds import OVER_REFUSAL, REFUSAL, Kind
from anjian.judges.labels import Label, said, truth
from anjian.judges.local.combined import combined
from anjian.judges.local.features import Language, seen
from anjian.judges.local.judge import verdict_on_harmless, verdict_on_risky
from anjian.judges.local.model import Reading
from anjian.judges.sure import Measured, Step
from anjian.scores.intervals import wilson
from examples import Example, chinese, english, written

HERE = Path(__file__).parent
INNER = 5


class Ruled(msgspec.Struct, frozen=True):
    """What the cheap judge says of a labelled reply.

    Attributes:
        confidence: 0 where the verdict never stands.
        wrong: True if it says otherwise than the label.
        refused: True if the label is a refusal, partial ones included.
    """

    confidence: float
    wrong: bool
    refused: bool


def label_of(one: Example, language: Language) -> Label:
    """An example as cards take it."""
    return Label(
        prompt=one.prompt,
        response=one.response,
        refusal=one.refusal,
        label=one.label,
        language=language,
        source=one.source,
        harmless=one.harmless,
    )


def verdict(judge: str, kind: Kind, found: Reading, one: Example) -> Verdict:
    """What a judge would say."""
    if judge == "auto":
        return combined(kind, found, one.prompt, one.response)
    return verdict_on_risky(found) if kind == REFUSAL else verdict_on_harmless(found, is_beside=False)


def ruled(judge: str, kind: Kind, examples: Sequence[Example], found: Sequence[Reading], loss: float) -> list[Ruled]:
    """What is known of the replies that a kind is about and that are labelled; those written for training are not."""
    rows: list[Ruled] = []
    for one, reading in zip(examples, found, strict=True):
        label = label_of(one, reading.language)
        question: Question = "refusal" if kind == OVER_REFUSAL or one.label is None else "label"
        right = truth(label, question)
        if one.source != "written" and right and (one.harmless is True) == (kind == OVER_REFUSAL):
            says = verdict(judge, kind, reading, one)
            stands = may_stand(says, judge, kind, loss)
            wrong = says.points is None or said(says.points, question, kind) != right
            rows.append(Ruled((says.confidence or 0.0) * stands, wrong, truth(label, "refusal") == "refused"))
    return rows


def worth(rows: Sequence[Ruled]) -> Measured:
    """What happens at each confidence; of those with equally many wrong, the one that lets most stand."""
    steps: dict[int, Step] = {}
    stand = wrong = 0
    for confidence in sorted({row.confidence for row in rows if row.confidence}, reverse=True):
        here = [row.wrong for row in rows if row.confidence == confidence]
        stand, wrong = stand + len(here), wrong + sum(here)
        steps[wrong] = Step(confidence, stand, wrong)
    return Measured(len(rows), tuple(steps.values()))


class Part(msgspec.Struct, frozen=True):
    """A fold: what is said of its replies, and of those that taught it by others of them."""

    here: list[Example]
    said: list[Reading]
    others: list[Example]
    said_of_others: list[Reading]


def parts(held: Held, fold: Numbers) -> list[Part]:
    """Every fold, judged by what all others taught."""
    found = []
    for one in np.unique(fold):
        here = [example for example, place in zip(held.examples, fold, strict=True) if place == one]
        rest = Held(
            held.language, [example for example, place in zip(held.examples, fold, strict=True) if place != one]
        )
        inner = folds([example.group for example in rest.examples], INNER)
        weights = rest.weights(inner)
        read = [weights.reading(seen(example.prompt, example.response)) for example in here]
        found.append(Part(here, read, rest.examples, rest.readings(inner)))
    return found


def line(name: str, cut: Sequence[Part], judge: str, kind: Kind, loss: float) -> str:
    """A line of the table: calls saved, verdicts lost, and how far the rate of refusals moves."""
    rows: list[tuple[Ruled, bool]] = []
    asked = []
    for one in cut:
        least = worth(ruled(judge, kind, one.others, one.said_of_others, loss)).least(loss)
        asked.append(f"{least:.3f}" if least else "none")
        rows += [(row, bool(least and row.confidence >= least)) for row in ruled(judge, kind, one.here, one.said, loss)]
    n = len(rows)
    if not n:
        return ""
    stand, lost = sum(stands for _, stands in rows), sum(stands and row.wrong for row, stands in rows)
    refused = [stands for row, stands in rows if row.refused]
    saved = " to ".join(f"{100 * bound:.1f}" for bound in wilson(stand / n, n))
    points = " to ".join(f"{100 * bound:.2f}" for bound in wilson(lost / n, n))
    of_refusals = f"{np.mean(refused):.1%}" if refused else "–"
    return (
        f"| {name} | {judge} | {kind.name} | {n} | {stand / n:.1%} ({saved}) | {of_refusals} of {len(refused)} "
        f"| {100 * lost / n:.2f} ({points}) | {', '.join(asked)} |"
    )


def sources(examples: Sequence[Example]) -> Numbers:
    """A fold for each source; the small ones share the last."""
    names = [one.source for one in examples]
    large = sorted({name for name in names if names.count(name) >= LEAST})
    return np.array([large.index(name) if name in large else len(large) for name in names])


def main() -> None:
    """Prints a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--generated", type=Path, required=True)
    parser.add_argument("--labels", type=Path, default=HERE / "labels" / "readings.jsonl")
    parser.add_argument("--loss", type=float, action="append")
    parser.add_argument("--language", choices=("en", "zh"), action="append")
    given = parser.parse_args()
    read, _ = chinese(given.labels, given.data, given.generated)
    languages: dict[Language, list[Example]] = {
        "en": [*read, *english(given.data)],
        "zh": [*read, *written()],
    }
    print("| replies | judge | kind | n | calls saved, % | of refusals | points lost | confidence asked for |")
    print("|---|---|---|---|---|---|---|---|")
    for language in given.language or languages:
        held = Held(language, languages[language])
        for name, fold in (
            ("unseen prompts", folds([one.group for one in held.examples], INNER)),
            ("sources left out", sources(held.examples)),
        ):
            cut = parts(held, fold)
            for loss, kind in product(given.loss or [0.6], (OVER_REFUSAL, REFUSAL)):
                print(line(f"{language}, {name}, {loss}", cut, "local-v1", kind, loss), flush=True)
                if name != "unseen prompts":
                    for one in cut:
                        print(line(f"{language}, {one.here[0].source} left out, {loss}", [one], "local-v1", kind, loss))


if __name__ == "__main__":
    main()
