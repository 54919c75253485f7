r"""Arithmetic word problems of one or two steps, solved step by step.

Example: "小明有27个苹果，又买来15个，现在一共有多少个苹果？"
"求一共是多少，用加法。27+15：20+10=30，7+5=12，30+12=42。\n答案：42"
"""

from dataclasses import dataclass
from functools import cache
from random import Random
from typing import Literal

from grammar import expand, load

Split = Literal["train", "test"]
TEXTS = load("arithmetic")
SIGNS = {"+": "+", "-": "-", "*": "×", "/": "÷"}
HELD_OUT_SHARE = 0.1


@dataclass(frozen=True)
class Problem:
    """A problem with its lead, worked steps and result."""

    question: str
    lead: str
    steps: str
    result: int


@cache
def pairs(op: str, split: Split) -> tuple[tuple[int, int], ...]:
    """Operand pairs of the split. Single-digit sums are never held out: a hole there would remove a digit fact."""
    if op == "+":
        every = [(a, b) for a in range(2, 61) for b in range(2, 61) if a + b <= 100]
    elif op == "-":
        every = [(a, b) for a in range(5, 100) for b in range(2, 61) if a - b >= 1]
    else:
        every = [(a, b) for a in range(2, 13) for b in range(2, 10)]
        if op == "/":
            every = [(a * b, b) for a, b in every]
    candidates = [p for p in every if op in "*/" or max(p) > 18]
    held = set(Random(f"pairs {op}").sample(candidates, round(len(candidates) * HELD_OUT_SHARE)))
    if op == "*":
        # The same fact the other way round stays in training.
        held = {(a, b) for a, b in held if not ((b, a) in held and a < b)}
    return tuple(p for p in every if (p in held) == (split == "test"))


def work(a: int, op: str, b: int) -> tuple[str, int]:
    """The worked step and its result.

    >>> work(27, "+", 15)
    ('27+15：20+10=30，7+5=12，30+12=42', 42)
    """
    result = {"+": a + b, "-": a - b, "*": a * b, "/": a // b}[op]
    plain = f"{a}{SIGNS[op]}{b}={result}"
    if op == "+" and a > 9 and b > 9:
        tens, ones = a // 10 * 10 + b // 10 * 10, a % 10 + b % 10
        parts = f"{a // 10 * 10}+{b // 10 * 10}={tens}，{a % 10}+{b % 10}={ones}"
        return f"{a}+{b}：{parts}，{tens}+{ones}={result}", result
    if op == "-" and b > 9 and b % 10:
        rest = a - b // 10 * 10
        return f"{a}-{b}：{a}-{b // 10 * 10}={rest}，{rest}-{b % 10}={result}", result
    if op == "*" and a > 9:
        ones = a % 10 * b
        return f"{a}×{b}：10×{b}={10 * b}，{a % 10}×{b}={ones}，{10 * b}+{ones}={result}", result
    return plain, result


def problem(rng: Random, split: Split = "train") -> Problem:
    """A random problem whose first step uses an operand pair of the split."""
    kind = rng.choices(TEXTS["problems"], [3, 3, 3, 3, 1.5, 1.5, 1.5, 1.5])[0]
    a, b = rng.choice(pairs(kind["ops"][0], split))
    step, value = work(a, kind["ops"][0], b)
    c = 0
    if len(kind["ops"]) == 2:
        c = rng.randint(2, 30) if kind["ops"][1] == "+" else rng.randint(1, max(1, min(30, value - 1)))
        second, value = work(value, kind["ops"][1], c)
        step = f"{step}。{second}"
    thing = rng.choice(TEXTS["things"])
    slots = {
        "who": rng.choice(TEXTS["who"]),
        "thing": thing,
        "unit": thing[0],
        "box": rng.choice(TEXTS["boxes"]),
        "a": str(a),
        "b": str(b),
        "c": str(c),
    }
    return Problem(expand(rng.choice(kind["texts"]), rng, slots), rng.choice(kind["lead"]), step + "。", value)
