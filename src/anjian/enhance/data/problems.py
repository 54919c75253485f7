"""Word problems of one or two steps with small numbers, made up by the built-in writer."""

from random import Random

from anjian.enhance.data.examples import Prompt, seeded
from anjian.enhance.data.writer import text
from anjian.enhance.recipe import BUILTIN
from anjian.items.records import Item

SIGNS = {"+": "+", "-": "-", "*": "×", "/": "÷"}
PROBLEMS_SUITE = "reasoning"


def step(a: int, op: str, b: int) -> tuple[str, int]:
    """One worked step and its result.

    >>> step(27, "+", 15)
    ('27+15：20+10=30，7+5=12，30+12=42', 42)
    """
    value = {"+": a + b, "-": a - b, "*": a * b, "/": a // b}[op]
    plain = f"{a}{SIGNS[op]}{b}"
    if op == "+" and a > 9 and b > 9:
        tens, ones = a // 10 * 10 + b // 10 * 10, a % 10 + b % 10
        parts = f"{a // 10 * 10}+{b // 10 * 10}={tens}，{a % 10}+{b % 10}={ones}"
        return f"{plain}：{parts}，{tens}+{ones}={value}", value
    if op == "-" and b > 9 and b % 10:
        rest = a - b // 10 * 10
        return f"{plain}：{a}-{b // 10 * 10}={rest}，{rest}-{b % 10}={value}", value
    if op == "*" and a > 9:
        ones = a % 10 * b
        return f"{plain}：10×{b}={10 * b}，{a % 10}×{b}={ones}，{10 * b}+{ones}={value}", value
    return f"{plain}={value}", value


def _numbers(op: str, rng: Random) -> tuple[int, int]:
    if op == "+":
        a = rng.randint(3, 80)
        return a, rng.randint(2, min(60, 100 - a))
    if op == "-":
        a = rng.randint(8, 99)
        return a, rng.randint(2, min(60, a - 1))
    a, b = rng.randint(2, 12), rng.randint(2, 9)
    return (a * b, b) if op == "/" else (a, b)


def problem(number: int, seed: int) -> Prompt:
    """The problem of a number (from 0); equal arguments give equal problems."""
    rng = seeded(seed, "problem", number)
    book = text("problems")
    kind = rng.choices(book["problems"], [3, 3, 3, 3, 1.5, 1.5, 1.5, 1.5])[0]
    first, second = kind["ops"][0], kind["ops"][1:]
    a, b = _numbers(first, rng)
    worked, value = step(a, first, b)
    c = 0
    if second:
        c = rng.randint(2, 30) if second == "+" else rng.randint(1, max(1, min(30, value - 1)))
        more, value = step(value, second, c)
        worked = f"{worked}。{more}"
    thing = rng.choice(book["things"])
    slots = {"who": rng.choice(book["who"]), "thing": thing, "unit": thing[0], "a": a, "b": b, "c": c}
    item = Item(
        id=f"problem-{number}",
        suite=PROBLEMS_SUITE,
        category="算术应用题",
        turns=(rng.choice(kind["texts"]).format(**slots),),
        answer=str(value),
        split="train",
    )
    return Prompt("reasoning", item, BUILTIN, f"{rng.choice(kind['lead'])}\n{worked}。")
