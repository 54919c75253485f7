"""From which confidence on a cheap judge's verdicts may stand, for a loss that is stated.

A verdict that is wrong with a probability of no more than the loss can always stand. Mostly far less confidence will
do, since most verdicts are surer than the least sure one. How many were wrong in all, on labelled replies that the
judge had not seen, is kept in `sure/NAME.KIND.json`, made by `tools/judge/train_local.py`.
"""

from functools import cache
from importlib.resources import files

import msgspec

from anjian.files import file_name


class Step(msgspec.Struct, frozen=True):
    """What happens where verdicts stand from a confidence on: how many do, and how many of those are wrong."""

    confidence: float
    stand: int
    wrong: int


class Measured(msgspec.Struct, frozen=True):
    """What a judge's confidence was worth on labelled replies in one language.

    Attributes:
        n: Labelled replies, those whose verdicts never stand included.
        steps: The surest first.
    """

    n: int
    steps: tuple[Step, ...]

    def least(self, loss: float) -> float | None:
        """The least confidence whose expected loss on replies of the same kind is no more than `loss` points.

        It is chosen by conformal risk control (arXiv 2208.02814): as if one more verdict than found were wrong.
        None where no confidence will do.
        """
        enough = [step.confidence for step in self.steps if 100 * (step.wrong + 1) <= loss * (self.n + 1)]
        return enough[-1] if enough else None


class Sure(msgspec.Struct, frozen=True):
    """What a judge's confidence was worth for one kind of verdict.

    Attributes:
        judge: Its name.
        kind: What it judged.
        note: What was measured on what.
        languages: By the language of the reply.
    """

    judge: str
    kind: str
    note: str
    languages: dict[str, Measured]


@cache
def least_confidence(judge: str, kind: str, loss: float, language: str) -> float:
    """From which confidence on verdicts stand where `loss` points of 100 may be lost."""
    file = files("anjian.judges") / "sure" / f"{file_name(judge)}.{kind}.json"
    known = msgspec.json.decode(file.read_bytes(), type=Sure).languages.get(language) if file.is_file() else None
    least = known.least(loss) if known else None
    return round(1 - loss / 100, 9) if least is None else least
