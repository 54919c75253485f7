r"""The judge `math-verify`: compares the final answer of a reply with the item's reference answer.

Numbers are read and compared exactly, in whatever form they stand (see `anjian.judges.math.numbers`); formulas by the
library math-verify (https://github.com/huggingface/Math-Verify). The answer is what is boxed, else what follows
"答案：" or "the answer is", else the last number.

A reply without an answer to extract is wrong, with an empty label: benchmarks of reasoning count it so. A reply whose
thinking was cut off before any answer never comes here: it is unscored as `no_answer`, as everywhere in this project.
The field counts those as wrong, too; `value * scored / n` of a row is that figure.
"""

import asyncio
import re
from collections.abc import Sequence
from functools import lru_cache

from anjian.items.records import Item, Message
from anjian.judges.base import JUDGE_TIMEOUT, JUDGE_UNSURE, NO_REFERENCE, Verdict
from anjian.judges.math.final_answer import LONGEST, Answer, find_answer
from anjian.judges.math.formulas import SECONDS, FormulaError, check_library, comparer
from anjian.judges.math.numbers import Quantity, normalised, numbers_in, quantity, read_number
from anjian.text import one_line

LONGEST_LABEL = 80
RIGHT, WRONG = 1, 0
_SUM = re.compile(r"[-+×÷*·/^!√π\d\s.()]+|[\d\s.]+[a-zA-Z]")
"""What has to be computed before it is compared."""


class MathJudge:
    """Gives 1 point to a right answer and 0 to a wrong one; the label is the answer as it was written."""

    name = "math-verify"

    def __init__(self) -> None:
        """Raises UsageError if the library is missing."""
        check_library()

    async def judge(self, item: Item, dialogue: Sequence[Message], answer: str) -> Verdict:
        """Judges one reply, thinking removed, against `item.answer`; see `Judge.judge`.

        Unscored are an item without reference (`no_reference`), a comparison that does not end (`judge_timeout`) and a
        reply that names the number without surely meaning it (`judge_unsure`).
        """
        if item.answer is None:
            return Verdict(unscored=NO_REFERENCE)
        wanted = read_number(item.answer)
        found = find_answer(answer, numeric=wanted is not None)
        label = one_line(found.text, LONGEST_LABEL)
        if wanted and _unsure(wanted, found, item.turns[0]):
            return Verdict(unscored=JUDGE_UNSURE, analysis=f"{label}: not one number that is surely meant")
        right = _same_at_sight(item.answer, found)
        if right is None:
            right = await asyncio.to_thread(_same_formula, normalised(item.answer).strip(), _latex(found.text))
        if right is None:
            return Verdict(unscored=JUDGE_TIMEOUT, analysis=f"{label} could not be compared within {SECONDS:g} s")
        read = f"读出的答案：{label or '无'}；参考答案：{one_line(item.answer, LONGEST_LABEL)}"
        return Verdict(label=label, points=RIGHT if right else WRONG, analysis=read)


def _unsure(wanted: Quantity, found: Answer, question: str) -> bool:
    """True if the reply holds the wanted number, but beside words or a unit that make it another.

    Words and units that the question uses, too, are its own way of speaking: 至少需要 12 天.
    """
    if found.number is None or not wanted.equals(found.number):
        return bool(found.doubt) and any(wanted.equals(one) for one in _numbers(found.text) if one)
    if found.doubt:
        return re.sub(r"[\d\s]", "", found.doubt) not in question or not re.search(r"[^\W\d_]", found.doubt)
    scale = found.number.scale or wanted.scale
    return not wanted.plain.equals(found.number.plain) and not _asks_for(scale, question)


def _asks_for(scale: str, question: str) -> bool:
    """True if the question asks for so many of a unit: 多少万, what per cent."""
    if scale in ("%", "percent"):
        return re.search(r"[%％]|百分|[占率]|几成|per ?cent", question, re.IGNORECASE) is not None
    asked = rf"(?:多少|几|单位[^。]{{0,4}}|[(（]|how many|in)\s*{scale}"
    return re.search(asked, question, re.IGNORECASE) is not None


def _numbers(text: str) -> list[Quantity | None]:
    return [quantity(one) for one in numbers_in(text)]


def _same_at_sight(reference: str, found: Answer) -> bool | None:
    """Compares numbers and equal texts; None where formulas have to be understood."""
    if not found.text or len(found.text) > LONGEST:
        return False
    wanted = read_number(reference)
    if wanted and found.number and not (found.doubt and _SUM.fullmatch(found.text)):
        return wanted.equals(found.number)
    return _plain(normalised(reference)) == _plain(found.text) or None


def _latex(text: str) -> str:
    return text.replace("×", "\\times ").replace("÷", "\\div ") if _SUM.fullmatch(text) else text


@lru_cache(maxsize=10_000)
def _same_formula(reference: str, answer: str) -> bool | None:
    """None where the comparison does not end; remembered too, as a reply is judged more than once in a run."""
    try:
        return comparer().equal(reference, answer)
    except FormulaError:
        return None


def _plain(text: str) -> str:
    r"""Words without their LaTeX dress: \text{(C)}, (C) and C are one."""
    text = re.sub(r"\\(?:text|mathrm|mbox|textbf)\s*\{([^{}]*)\}", r"\1", text)
    bare = re.sub(r"[\s$]|\\left|\\right|\\[ ,]", "", text).rstrip(".。")
    return re.sub(r"^\(([A-Za-z])\)$", r"\1", bare).lower() if len(bare) <= 3 else bare
