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
from pathlib import Path

import msgspec

from anjian.errors import UsageError
from anjian.items.bank import load_bank
from anjian.items.problems import is_chinese, read_problems
from anjian.items.records import Item, load_items
from anjian.items.taxonomy import load_taxonomy
from anjian.judges.kinds import MATH
from anjian.judges.math.formulas import check_library
from anjian.models.base import Sampling
from anjian.names import Name
from anjian.prompts import render
from anjian.scores.measures import Measure, Task
from anjian.suites.base import BUNDLED, Defaults, Selection, Source, Suite, evaluated

NAME = "reasoning"
R1_DECODING = Sampling(temperature=0.6, top_p=0.95, budget=32_768)
SAMPLES = 4
"""Samples of a problem; the paper draws 4 to 64, more for small sets."""


def load(source: Source) -> Selection:
    """Reads the bundled bank, published sets or the user's own items; see `Suite.load`."""
    if source.answers:
        raise UsageError(f"{NAME} reads answers with its problems; leave out --answers")
    if source.data and source.items:
        raise UsageError("--data and --items exclude each other; choose one")
    notes: list[str] = []
    if not source.data and not source.items:
        return Selection(load_bank(NAME), BUNDLED, notes)
    check_library()
    if source.items:
        own = [_instructed(item) for item in evaluated(_own(source.items), notes)]
        return Selection(own, str(source.items), notes)
    items = read_problems(source.data or Path(), NAME)
    counts = Counter(item.category for item in items)
    notes.append("read " + ", ".join(f"{count} problems of {name}" for name, count in counts.items()))
    return Selection([_instructed(item) for item in items], str(source.data), notes)


def _own(path: Path) -> list[Item]:
    """Reads a user's problems; categories are free."""
    items = load_items(path)
    for item in items:
        fault = None
        if item.suite != NAME:
            fault = f"its suite is {item.suite!r}, not {NAME!r}; correct `suite`"
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


PASS = Measure(
    name="pass@1",
    title=Name("一次答对率", "pass@1"),
    value=lambda points: points == 1,
    meaning=Name("各题各次作答中答对的比例，越高越好", "mean share of right answers over samples and problems"),
    role="guard",
    protects=Name("推理", "reasoning"),
    # In comparisons, thinking that was cut off is wrong: a model that thinks without end must not look as good.
    silence=0,
)
PROBLEMS = Task(
    name=NAME,
    title=Name("推理题", "reasoning problems"),
    kind=MATH,
    measures=(PASS,),
)
SUITE = Suite(
    name=NAME,
    version="1.0",
    title=Name("推理能力", "reasoning"),
    summary="Reasoning: mathematical problems, pass@1 over several samples",
    source="arXiv 2501.12948",
    load=load,
    tasks=(PROBLEMS,),
    taxonomy=load_taxonomy(NAME),
    task_of=lambda item: PROBLEMS.name,
    defaults=Defaults(R1_DECODING, SAMPLES),
    place=5,
    data="a file or folder of GSM8K, MGSM, CMATH, MATH-500 or AIME",
    compared=True,
)
