r"""Reasoning: mathematical problems with one right answer, to see whether a safer model still thinks as well.

The bundled bank holds arithmetic and word problems of our own; GSM8K, MGSM, CMATH, MATH-500 and AIME are read where
the user has them (see `anjian.items.problems`). A problem is asked several times, and `pass@1` is the mean over
samples and problems, as in the report on DeepSeek-R1 (arXiv 2501.12948, section 3), whose decoding is the default here:
temperature 0.6, top-p 0.95, no system prompt, at most 32,768 tokens where the model itself sets no limit.

Published problems and the user's own are followed by the instruction which the makers of R1 recommend (put the final
answer within \boxed{}), in the problem's language; those of the bundled bank are asked as they are.

    anjian eval MODEL --suite reasoning --out DIR                        # the bundled bank
    anjian eval MODEL --suite reasoning --data gsm8k/test.jsonl --out DIR
    anjian eval MODEL --suite reasoning --items FILE --epochs 16 --out DIR
"""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import msgspec

from anjian.dialogue.scripted import converse
from anjian.errors import UsageError
from anjian.items.bank import load_bank
from anjian.items.problems import is_chinese, read_problems
from anjian.items.records import Item, load_items
from anjian.items.taxonomy import load_taxonomy
from anjian.judges.math.formulas import check_library
from anjian.judges.math.judge import RIGHT, MathJudge
from anjian.models.base import Sampling
from anjian.prompts import render
from anjian.scores import measures
from anjian.scores.measures import Measure, Measures
from anjian.scores.rows import GroupKind, Row, Verdicted
from anjian.scores.shapes import shape_rows
from anjian.scores.tally import Tally, taxonomy_order
from anjian.suites.base import (
    BUNDLED,
    Cast,
    Defaults,
    Round,
    Selection,
    Source,
    evaluated,
    judge_exchange,
    verdicted,
)

TASK = "reasoning"
R1_DECODING = Sampling(temperature=0.6, top_p=0.95, budget=32_768)
SAMPLES = 4
"""Samples of a problem; the paper draws 4 to 64, more for small sets."""
# In comparisons, thinking that was cut off is wrong: a model that thinks without end must not look as good.
MEASURES: Measures = {TASK: {"pass@1": Measure(lambda points: points == RIGHT, role="guard", silence=0)}}


class Reasoning:
    """The suite `reasoning`."""

    name = "reasoning"
    version = "1.0"
    title = "Reasoning: mathematical problems, pass@1 over several samples"
    adversarial = False
    defaults = Defaults(R1_DECODING, SAMPLES)
    measures = MEASURES

    def load(self, source: Source) -> Selection:
        """Reads the bundled bank, published sets or the user's own items; see `Suite.load`."""
        if source.answers:
            raise UsageError("reasoning reads answers with its problems; leave out --answers")
        if source.data and source.items:
            raise UsageError("--data and --items exclude each other; choose one")
        notes: list[str] = []
        if not source.data and not source.items:
            return Selection(load_bank(self.name), BUNDLED, notes)
        check_library()
        if source.items:
            return Selection(
                [_instructed(item) for item in evaluated(_own(source.items), notes)], str(source.items), notes
            )
        items = read_problems(source.data or Path())
        counts = Counter(item.category for item in items)
        notes.append("read " + ", ".join(f"{count} problems of {name}" for name, count in counts.items()))
        return Selection([_instructed(item) for item in items], str(source.data), notes)

    def task_of(self, item: Item) -> str:
        """There is one task, `reasoning`."""
        return TASK

    def group_of(self, item: Item) -> str:
        """The area in Chinese, which is a step of difficulty; for published sets the benchmark."""
        found = load_taxonomy(self.name).find(item.category)
        return found[0].zh if found else item.category

    def calls(self, item: Item, judges: int, rounds: int | None) -> tuple[int, int, int]:
        """One call to the target; answers are compared, not judged by a model."""
        return 1, 0, 0

    async def evaluate(self, item: Item, epoch: int, cast: Cast) -> list[Round]:
        """Asks once and compares the answer; see `Suite.evaluate`."""
        judge = MathJudge()
        (held,) = await converse(item.history, item.turns, lambda messages: cast.say(messages, epoch))
        return [verdicted(item, TASK, epoch, 1, held, await judge_exchange(item, held, judge), judge.name)]

    def score(self, verdicts: Iterable[Verdicted], model: str, judge: str, epochs: int) -> list[Row]:
        """`pass@1` overall, by area and by category, which is the benchmark for published sets; see `Suite.score`."""
        taxonomy = load_taxonomy(self.name)
        area = taxonomy.area_names()

        def groups(verdict: Verdicted) -> Iterable[tuple[GroupKind, str]]:
            yield "overall", "overall"
            if verdict.category in area:
                yield "area", area[verdict.category]
            yield "category", verdict.category

        kept = list(verdicts)
        tally = Tally(measures.values(self.measures[TASK]), groups)
        for verdict in kept:
            tally.add(verdict)
        head = {"suite": self.name, "model": model, "judge": MathJudge.name}
        return tally.rows(task=TASK, epochs=epochs, order=taxonomy_order(taxonomy), **head) + shape_rows(kept, **head)


def _own(path: Path) -> list[Item]:
    """Reads a user's problems; categories are free."""
    items = load_items(path)
    for item in items:
        fault = None
        if item.suite != Reasoning.name:
            fault = f"its suite is {item.suite!r}, not {Reasoning.name!r}; correct `suite`"
        elif item.answer is None or not item.answer.strip():
            fault = "a problem needs its right `answer`"
        elif item.options or len(item.turns) > 1:
            fault = "a problem has one turn and no `options`"
        if fault:
            raise UsageError(f"{path}, item {item.id}: {fault}")
    return items


def _instructed(item: Item) -> Item:
    """The item with the instruction after its question, unless it speaks of the box itself."""
    question = item.turns[0]
    if "\\boxed" in question:
        return item
    name = "math_zh" if is_chinese(question) else "math_en"
    return msgspec.structs.replace(item, turns=(render("anjian.dialogue", name, question=question),))
