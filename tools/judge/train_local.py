"""Trains `local-v1` and measures it on what it did not see: prompts in ten folds, then each source left out.

    python tools/judge/train_local.py --data ../shared/data --generated FOLDER

FOLDER holds the replies made again by `collect.py`; labels whose text is absent or differs are left out and counted.
Writes the weights, the judge's cards (all figures out of fold), `labels/measured.json`, and what its confidence is
worth in a cascade.
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np
from cascade import label_of, ruled, sources, verdict, worth
from fit import folds, kappa
from held import Held
from msgspec.structs import replace

from anjian.judges.card import Answered, Card, save_card
from anjian.judges.kinds import OVER_REFUSAL, REFUSAL, Kind
from anjian.judges.labels import ASKED, fitting
from anjian.judges.local.features import Language
from anjian.judges.local.judge import verdict_on_risky
from anjian.judges.local.model import CLASSES, Reading, save
from anjian.judges.sure import Measured, Sure
from anjian.runs.calibrate import card_of
from examples import chinese, english, written

HERE = Path(__file__).parent
JUDGES = HERE.parents[1] / "src" / "anjian" / "judges"
NOTE = (
    "out of fold: each reply was judged by weights that saw nothing of its prompt; left out: nothing of its source. "
    "Chinese labels are readings by a language model, English ones are XSTest's."
)
LOSS = 0.6  # points, at which it is asked which verdicts may stand at all
Readings = dict[Language, list[Reading]]


def card(judge: str, kind: Kind, held: Sequence[Held], unseen: Readings, others: Readings) -> Card:
    """The card of a judge, out of fold; a trained judge's sources are left out in turn."""
    rows = [
        (label_of(one, part.language), one, unseen[part.language][n], others[part.language][n])
        for part in held
        for n, one in enumerate(part.examples)
        if one.source != "written"
    ]
    rows = [row for row in rows if fitting([row[0]], kind)]
    labels = [label for label, _, _, _ in rows]
    whole = card_of(judge, kind, labels, [verdict(judge, kind, found, one) for _, one, found, _ in rows])
    left = card_of(judge, kind, labels, [verdict(judge, kind, found, one) for _, one, _, found in rows])
    answers: dict[str, Answered | None] = {} if judge == "auto" else {"unsafe": None, "label": None}
    for question in ASKED[kind.name]:
        mine, apart = whole.answered(question), left.answered(question)
        if mine and apart and question not in answers:
            answers[question] = replace(mine, left_out=apart.by_source)
    return replace(whole, note=NOTE, **answers)


def main() -> None:
    """Trains, measures and writes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--generated", type=Path, required=True)
    parser.add_argument("--labels", type=Path, default=HERE / "labels" / "readings.jsonl")
    parser.add_argument("--into", type=Path, default=JUDGES)
    asked = parser.parse_args()
    read, lost = chinese(asked.labels, asked.data, asked.generated)
    print(f"{len(read)} Chinese readings; text absent or changed: {dict(lost) or 'none'}")
    held: list[Held] = [Held("zh", [*read, *written()]), Held("en", [*read, *english(asked.data)])]
    unseen = {one.language: one.readings(folds([example.group for example in one.examples])) for one in held}
    others = {one.language: left_out(one) for one in held}
    measured = {
        one.language: {
            "unseen prompts": figures(one, unseen[one.language]),
            "sources left out": figures(one, others[one.language]),
            "by source left out": {
                name: figures(one, others[one.language], name)
                for name in sorted({example.source for example in one.examples} - {"written"})
            },
        }
        for one in held
    }
    text = json.dumps(measured, indent=1, ensure_ascii=False)
    print(text)
    (asked.labels.parent / "measured.json").write_text(text + "\n", encoding="utf-8")
    weights = {one.language: one.weights(folds([example.group for example in one.examples])) for one in held}
    save(asked.into / "local" / "weights.npz", weights)
    for judge in ("local-v1", "auto"):
        for kind in (REFUSAL, OVER_REFUSAL):
            save_card(card(judge, kind, held, unseen, others), asked.into / "cards" / f"{judge}.{kind.name}.json")
            save_sure(judge, kind, held, unseen, asked.into / "sure" / f"{judge}.{kind.name}.json")


def save_sure(judge: str, kind: Kind, held: Sequence[Held], unseen: Readings, path: Path) -> None:
    """Writes what a judge's confidence was worth on replies to prompts that it did not see."""
    languages: dict[str, Measured] = {}
    for one in held:
        known = worth(ruled(judge, kind, one.examples, unseen[one.language], LOSS))
        languages |= {one.language: known} if known.steps else {}
    path.parent.mkdir(exist_ok=True)
    sure = Sure(judge, kind.name, NOTE.partition(";")[0], languages)
    path.write_bytes(msgspec.json.format(msgspec.json.encode(sure), indent=1) + b"\n")


def left_out(one: Held) -> list[Reading]:
    """What is said of each reply by weights that saw nothing of its source."""
    return one.readings(sources(one.examples))


def figures(held: Held, found: Sequence[Reading], source: str = "") -> dict[str, float | int]:
    """The figures that were aimed at."""
    chosen = [
        n
        for n, one in enumerate(held.examples)
        if one.refusal and one.source != "written" and source in ("", one.source)
    ]
    right = held.truth[chosen]
    said = np.array([CLASSES.index(found[n].refused) for n in chosen])
    refused = np.array([int(found[n].refuses) for n in chosen])
    extreme = right != 1
    table: dict[str, float | int] = {
        "n": len(chosen),
        "κ any refusal": kappa(refused, (right > 0).astype(int)),
        "κ full or none": kappa(refused[extreme], (right[extreme] > 0).astype(int)),
        "κ three classes": kappa(said, right),
        "partial": int((right == 1).sum()),
        "partial found": float((said[right == 1] == 1).mean()),
        "partial right": float((right[said == 1] == 1).mean()),
    }
    guided = [n for n in chosen if held.guided[n] >= 0]
    if guided and held.knows_guidance:
        table["guidance n"] = len(guided)
        table["guidance right"] = float(np.mean([found[n].guides == held.guided[n] for n in guided]))
    labelled = [n for n in chosen if held.examples[n].label]
    if labelled:
        table["refusal label n"] = len(labelled)
        labels = [REFUSAL.points[held.examples[n].label or ""] for n in labelled]
        says = [verdict_on_risky(found[n]).points or 0 for n in labelled]
        table["three labels right"] = float(
            np.mean([max(a, 1) == max(b, 1) for a, b in zip(labels, says, strict=True)])
        )
        for name, points in (("RR-1", (2, 3)), ("RR-2", (3,))):
            table[f"{name} read"] = float(np.mean([a in points for a in labels]))
            table[f"{name} said"] = float(np.mean([a in points for a in says]))
    return {name: round(value, 4) for name, value in table.items() if not np.isnan(value)}


if __name__ == "__main__":
    main()
