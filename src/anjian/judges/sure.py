"""From which confidence on a cheap judge's verdicts may stand, for a loss that is stated.

A verdict that is wrong with a probability of no more than the loss can always stand. Mostly far less confidence will
do, since most verdicts are surer than the least sure one: how much was lost in all, on labelled replies, is kept in
`sure/NAME.KIND.json`, made by `bench/cascade.py --write`.
"""

from functools import cache
from importlib.resources import files

import msgspec

from anjian.files import file_name


class Step(msgspec.Struct, frozen=True):
    """What happens where verdicts stand from a confidence on: the share of calls saved, and the points lost."""

    confidence: float
    saved: float
    lost: float


class Sure(msgspec.Struct, frozen=True):
    """What a judge's confidence was worth on labelled replies.

    Attributes:
        judge: Its name.
        kind: What it judged.
        n: Labelled replies.
        labels: The SHA-256 of the labels' file.
        steps: The surest first.
    """

    judge: str
    kind: str
    n: int
    labels: str
    steps: tuple[Step, ...]

    def least(self, loss: float) -> float | None:
        """The least confidence that loses no more than `loss` points, as all above it; None where there is none."""
        found = None
        for step in self.steps:
            if step.lost > loss:
                break
            found = step.confidence
        return found


@cache
def least_confidence(judge: str, kind: str, loss: float) -> float:
    """From which confidence on verdicts stand where `loss` points of 100 may be lost."""
    file = files("anjian.judges") / "sure" / f"{file_name(judge)}.{kind}.json"
    known = msgspec.json.decode(file.read_bytes(), type=Sure).least(loss) if file.is_file() else None
    return round(1 - loss / 100, 9) if known is None else known
