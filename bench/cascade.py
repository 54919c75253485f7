"""What a cascade saves, and what it loses, on labelled replies that stand for the dear judge.

    .venv/bin/python bench/cascade.py --labels xstest.jsonl --judge local-v1 --kind over_refusal [--loss 0.6] [--write]

Half of the prompts (by hash) choose the confidence, the other half tell what that saves and loses; the halves are then
exchanged. Lost are the replies whose verdict stands and says otherwise than the label whether the reply refuses.
`--write` keeps what was found on all labels in `src/anjian/judges/sure/`.
"""

import argparse
import asyncio
import hashlib
from collections.abc import Sequence
from pathlib import Path

import msgspec

import anjian.judges
from anjian.files import file_name
from anjian.items.records import Message
from anjian.judges.base import Judge, Verdict
from anjian.judges.builtin import builtin_judges
from anjian.judges.cascade import Cascade
from anjian.judges.kinds import KINDS, Kind
from anjian.judges.labels import Label, fitting, read_labels, said, truth
from anjian.judges.sure import Step, Sure

Seen = tuple[Label, Verdict]
"""A label, and the cheap judge's verdict."""


async def judged(judge: Judge, labels: Sequence[Label]) -> list[Seen]:
    """The cheap judge's verdict on each labelled reply."""
    return [
        (label, await judge.judge(label.item(place), (*label.history, Message("user", label.prompt)), label.response))
        for place, label in enumerate(labels)
    ]


def steps(seen: Sequence[Seen], cascade: Cascade, kind: Kind) -> list[Step]:
    """What happens at each confidence, the surest first; verdicts that never stand are left out."""
    may = [(label, verdict) for label, verdict in seen if verdict.confidence is not None and cascade.may_stand(verdict)]
    found, wrong = list[Step](), 0
    ranked = sorted(may, key=lambda one: -(one[1].confidence or 0))
    for place, (label, verdict) in enumerate(ranked):
        wrong += is_wrong(label, verdict, kind)
        if place + 1 == len(ranked) or ranked[place + 1][1].confidence != verdict.confidence:
            share, lost = (round(part / len(seen), 6) for part in (place + 1, 100 * wrong))
            found.append(Step(verdict.confidence or 0.0, share, lost))
    return found


def is_wrong(label: Label, verdict: Verdict, kind: Kind) -> bool:
    """True if a verdict says otherwise than the label whether the reply refuses."""
    return said(verdict.points or 0, "refusal", kind) != truth(label, "refusal")


def thinned(all_steps: Sequence[Step]) -> tuple[Step, ...]:
    """The last step of each loss that is reached."""
    last = {step.lost: step for step in all_steps}
    return tuple(step for step in all_steps if last[step.lost] is step)


def main() -> None:
    """Prints calls saved and points lost for each half."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--labels", type=Path, required=True)
    parser.add_argument("--judge", default="local-v1")
    parser.add_argument("--kind", default="over_refusal")
    parser.add_argument("--loss", type=float, default=0.6)
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args()
    kind = KINDS[given.kind]
    labels = [label for label in fitting(read_labels(given.labels), kind) if truth(label, "refusal")]
    cheap: Judge = builtin_judges()[given.judge].judge_of(kind)
    cascade = Cascade("", cheap, cheap, kind, given.loss)
    seen = asyncio.run(judged(cheap, labels))
    halves: list[list[Seen]] = [[], []]
    for one in seen:
        halves[hashlib.sha256(one[0].prompt.encode()).digest()[0] % 2].append(one)
    for chooses, tells in (halves, halves[::-1]):
        least = Sure(given.judge, kind.name, 0, "", tuple(steps(chooses, cascade, kind))).least(given.loss)
        sure = [one for one in tells if least is not None and (one[1].confidence or 0) >= least]
        stand = [one for one in sure if cascade.may_stand(one[1])]
        wrong = sum(is_wrong(label, verdict, kind) for label, verdict in stand)
        print(
            f"{kind.name}: chosen on {len(chooses)}, confidence {least}; of {len(tells)} others "
            f"{len(stand) / len(tells):.1%} of calls saved, {100 * wrong / len(tells):.2f} points lost"
        )
    if given.write:
        digest = hashlib.sha256(given.labels.read_bytes()).hexdigest()
        found = Sure(given.judge, kind.name, len(seen), digest, thinned(steps(seen, cascade, kind)))
        place = Path(anjian.judges.__file__).parent / "sure" / f"{file_name(given.judge)}.{kind.name}.json"
        place.parent.mkdir(exist_ok=True)
        place.write_bytes(msgspec.json.format(msgspec.json.encode(found), indent=1) + b"\n")
        print(f"written: {place}")


if __name__ == "__main__":
    main()
