"""The judge of mathematical answers: what it reads, what it takes for equal, and what hostile formulas do to it."""

import asyncio
import json
import sys
import threading
import time
from fractions import Fraction
from pathlib import Path

import pytest
from conftest import SHARED, needs_shared
from fuzzing import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from anjian.errors import UsageError
from anjian.items.problems import read_problems
from anjian.items.records import Item
from anjian.judges.base import Verdict
from anjian.judges.math.final_answer import find_answer
from anjian.judges.math.judge import MathJudge
from anjian.judges.math.numbers import read_number


def judged(answer: str | None, reply: str) -> Verdict:
    item = Item("p", "reasoning", "加法", ("问？",), answer=answer)
    return asyncio.run(MathJudge().judge(item, (), reply))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("18", 18),
        ("１８", 18),
        ("18 元", 18),
        ("1,234", 1234),
        ("1，234", 1234),
        ("11,\\! 111", 11111),
        ("-3", -3),
        ("−3", -3),
        ("负3", -3),
        ("3/4", Fraction(3, 4)),
        ("\\dfrac34", Fraction(3, 4)),
        ("3\\frac{1}{2}", Fraction(7, 2)),
        ("四分之三", Fraction(3, 4)),
        ("三又四分之一", Fraction(13, 4)),
        ("两千零三", 2003),
        ("三点五", Fraction(7, 2)),
        ("75%", Fraction(3, 4)),
        ("75\\%", 75),
        ("百分之七十五", 75),
        ("1.2万", 12000),
        ("3万元", 3),
        ("\\$18.90", Fraction(189, 10)),
        (".5", Fraction(1, 2)),
        ("90^\\circ", 90),
        ("18\\text{ cm}^2", 18),
        ("\\textbf{(073)}", 73),
        ("0.5米/秒", Fraction(1, 2)),
        *[("1e6", 10**6), ("2.5E3 米", 2500), ("1e-3", Fraction(1, 1000)), ("1.5 × 10^3", 1500), ("10^{6}", 10**6)],
        *[("3\\times 10^{5}", 300_000), ("10 000", 10_000), ("10\u00a0000", 10_000), ("10\u2009000", 10_000)],
        *[("1\u202f234\u202f567", 1_234_567), ("12 345.5 元", Fraction(24691, 2)), ("10~000", 10_000)],
        *[("三千五", 3500), ("三千零五", 3005), ("两万三", 23_000), ("壹佰", 100), ("一半", Fraction(1, 2))],
        *[("六十千米", 60), ("2 1/2", Fraction(5, 2))],
    ],
)
def test_forms_of_numbers(text: str, value: Fraction | int) -> None:
    found = read_number(text)
    assert found and Fraction(value) in found.values


@pytest.mark.parametrize("text", ["", "2x", "5\\pi", "3:30", "1/0", "很多", "1" * 100, "x^2", "共有"])
def test_what_is_no_number(text: str) -> None:
    assert read_number(text) is None


@pytest.mark.parametrize(
    ("reply", "answer"),
    [
        ("27+15=42，42-6=36。\n答案：36", "36"),
        ("答案是18元，不是20元。", "18"),
        ("所以一共是 18 个。", "18"),
        ("**答案：** 18", "18"),
        ("最终答案为：\n\n**18**", "18"),
        ("答：5 天一共读了 60 页。", "60"),
        ("答案：27+15=42", "42"),
        ("答案是什么？先算 3+4=7。", "7"),
        ("答案：\\( \\frac{1}{2} \\)", "0.5"),
        ("先得到 \\boxed{3}，再乘 6，最后得 $\\boxed{18\\text{ 元}}$。", "18"),
        ("\\boxed{\\frac{3}{4}}", "3/4"),
        ("\\boxed{共 18 个}", "18"),
        ("\\boxed{答案：18}", "18"),
        ("\\boxed{x=5}", "5"),
        ("\\boxed{75\\%}", "0.75"),
        ("The answer is 1,234.", "1234"),
        ("So the final answer is: $18$ dollars", "18"),
        ("#### 18", "18"),
        ("面积是 18cm²", "18"),
        ("一共花了3万元", "30000"),
        ("\\boxed{0.333333}", "1/3"),
        ("小明一共有十二个苹果。", "12"),
        ("所以他们一共走了三百二十米。", "320"),
        ("因此还剩三分之二。", "2/3"),
        ("答：一共十八个。", "18"),
        ("最后剩下七个。", "7"),
        ("结果是负五。", "-5"),
        ("他买了5个，又买了7个，合计十二个。", "12"),
        ("答案是 36，足够三十人使用。", "36"),
        ("得 42。万一算错请指出，一定要核对第三步。", "42"),
        ("共 15 个，其中一半是红的，十分公平。", "15"),
        ("The total is 1e6.", "1000000"),
        ("所以一共是 10 000 个。", "10000"),
        ("The answer is 12\u202f500 dollars.", "12500"),
        ("大约是 3.5 × 10^4 米", "35000"),
        ("\\boxed{12} 不对，应该是 \\boxed{15}", "15"),
        ("\\boxed{8}\n\\boxed{9}", "9"),
        ("\\boxed{3} \\boxed{4}", "4"),
        ("\\boxed{2} 或 \\boxed{3}", "2, 3"),
        ("\\boxed{\\frac{10}{2}}", "5"),
        ("\\boxed{2+3}", "5"),
        ("\\boxed{14/3}", "\\frac{14}{3}"),
        ("\\boxed{-q+p}", "p - q"),
        ("x=\\boxed{1} and \\boxed{-2}", "1,-2"),
        ("So it is $2(k+1)$.", "2k+2"),
        ("\\boxed{C}", "\\text{(C)}"),
        ("The answer is Evelyn.", "\\text{Evelyn}"),
        ("\\boxed{(3, 4]}", "(3,4]"),
        ("\\boxed{\\begin{pmatrix} -\\frac13 \\\\ 2 \\end{pmatrix}}", "\\begin{pmatrix} -1/3 \\\\ 2 \\end{pmatrix}"),
    ],
)
def test_right_answers(reply: str, answer: str) -> None:
    assert judged(answer, reply).points == 1


@pytest.mark.parametrize(
    ("reply", "answer"),
    [
        ("答案：19", "18"),
        ("\\boxed{5x}", "5"),
        ("\\boxed{5\\pi}", "5"),
        ("\\boxed{3,4}", "(3,4]"),
        ("\\boxed{0.33}", "1/3"),
        ("18，不对，是 20", "18"),
        ("\\boxed{53_8}", "52_8"),
        (f"\\boxed{{{'1+' * 400}1}}", "401"),
    ],
)
def test_wrong_answers(reply: str, answer: str) -> None:
    assert judged(answer, reply).points == 0


@pytest.mark.parametrize(
    "reply",
    [
        *[
            "12 或 13",
            "大于12",
            "不超过12",
            "12~15",
            "12-15",
            "12到15之间",
            "12:30",
            "12!",
            "12^2",
            "√12",
            "12万",
            "12%",
        ],
        *[
            "12 dozen",
            "half of 12",
            "12的一半",
            "两个12",
            "12，余3",
            "甲12个，乙3个",
            "2024年12月",
            "x=12或x=-12",
            "12k",
        ],
        *["12‰", "除以36得12的倍数"],
    ],
)
def test_a_number_that_is_turned_into_another_is_unscored(reply: str) -> None:
    assert judged("12", f"答案：{reply}").unscored == "judge_unsure"


@pytest.mark.parametrize(
    ("answer", "reply", "question"),
    [
        *[
            ("12", "至少需要12天", "至少需要几天？"),
            ("12", "12%", "涨了百分之几？"),
            ("3", "3万", "一共多少万？"),
            ("12", "12！", ""),
        ],
        *[("12", "twelve", ""), ("120", "one hundred and twenty hens", ""), ("1000", "1k", ""), ("1000", "1千", "")],
        *[("12", "20-8", ""), ("12", "1.2×10", ""), ("24", "two dozen", ""), ("14", "12。不对，应为14。", "")],
    ],
)
def test_words_of_the_question_scales_and_sums(answer: str, reply: str, question: str) -> None:
    item = Item("p", "reasoning", "加法", (question or "问？",), answer=answer)
    assert asyncio.run(MathJudge().judge(item, (), f"答案：{reply}")).points == 1


def test_a_reply_without_an_answer_is_wrong_with_an_empty_label() -> None:
    assert judged("18", "我不知道。") == Verdict(label="", points=0, analysis="读出的答案：无；参考答案：18")
    assert judged(None, "18").unscored == "no_reference"


NUMBERS = st.one_of(
    st.integers(-(10**9), 10**9).map(Fraction),
    st.decimals(-99999, 99999, places=3, allow_nan=False).map(Fraction),
    st.fractions(0, 99, max_denominator=97).filter(lambda value: value.denominator > 1),
)
FRAMES = [
    "答案：{}",
    "答案是{}元",
    "所以一共是 {} 个。",
    "因此 \\boxed{{{}}}。",
    "The answer is {}.",
    "**答案：** {}",
    "得 2+3，共 {}",
    "#### {}",
]


def written(value: Fraction, form: int) -> str:
    """A number in one of the forms that people write."""
    if 1000 % value.denominator:
        return f"\\frac{{{value.numerator}}}{{{value.denominator}}}" if form % 2 else str(value)
    plain = f"{float(value):,.3f}" if value.denominator > 1 else f"{int(value):,}"
    if form == 2:
        return plain.translate({ord(digit): ord(digit) + 0xFEE0 for digit in "0123456789"})
    return [plain, plain.replace(",", "，"), "", plain.replace(",", "")][form]


@given(NUMBERS, st.integers(0, 3), st.sampled_from(FRAMES), st.text(alphabet="先算再得：12 3，。个+=\n", max_size=30))
def test_any_number_in_any_form_is_read(value: Fraction, form: int, frame: str, before: str) -> None:
    reply = f"{before}。\n{frame.format(written(value, form))}"
    found = find_answer(reply)
    assert found.number and value in found.number.values, (reply, found)


@given(st.text(max_size=300), st.booleans())
def test_no_text_raises(text: str, numeric: bool) -> None:
    find_answer(text, numeric)
    find_answer(f"答案：{text}", numeric)
    find_answer(f"\\boxed{{{text}}} {text}", numeric)
    read_number(text)


@settings(max_examples=examples(40), deadline=None)
@given(st.text(alphabet="\\{}frac_()[]+-*/xyz,=. 答案", max_size=40))
def test_no_formula_raises(text: str) -> None:
    assert judged("x^2", f"\\boxed{{{text}}}").points in (0, 1)


def test_a_formula_that_hangs_is_given_up_and_the_next_is_compared() -> None:
    start, reply = time.monotonic(), "\\boxed{9^{9^{9^{9}}}}"
    hung = judged("5", reply)
    assert hung.unscored == "judge_timeout" and hung.points is None
    assert judged("5", reply).unscored == "judge_timeout"
    assert time.monotonic() - start < 20, "the second time it is remembered"
    assert judged("5", "\\boxed{\\sqrt{25}}").points == 1


@pytest.mark.parametrize("code", ["__import__('os').system('touch {}')", "exec(\"open('{}','w')\")", "().__class__"])
def test_code_is_text(code: str, tmp_path: Path) -> None:
    for reply in (f"\\boxed{{{code}}}", f"答案：{code}", f"The answer is ${code}$."):
        verdict = judged("x", reply.replace("{}", str(tmp_path / "made")))
        assert verdict.points == 0 or verdict.unscored
    assert not list(tmp_path.iterdir())


def test_it_works_outside_the_main_thread() -> None:
    said: list[Verdict] = []
    thread = threading.Thread(target=lambda: said.append(judged("x+1", "\\boxed{1+x}")))
    thread.start()
    thread.join(60)
    assert [verdict.points for verdict in said] == [1]


def test_labels_are_short_and_on_one_line() -> None:
    label = judged("x", "\\boxed{" + "x\n\x1b[31m" * 30 + "}").label
    assert label is not None and len(label) <= 80
    assert label.isprintable()


def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "math_verify", None)
    with pytest.raises(UsageError, match=r"math-verify: pip install -e \"\.\[math\]\""):
        MathJudge()


async def _agreement(pairs: list[tuple[Item, str]]) -> int:
    judge = MathJudge()
    return sum([(await judge.judge(item, (), solution)).points or 0 for item, solution in pairs])


@needs_shared
@pytest.mark.parametrize(
    ("file", "key", "least"),
    [
        ("gsm8k/test.jsonl", "answer", 1319),
        ("reasoning_math500_aime/MATH500_test.jsonl", "solution", 500),
        ("reasoning_math500_aime/AIME_test.jsonl", "solution", 30),
    ],
)
def test_reference_solutions_come_to_the_reference_answers(file: str, key: str, least: int) -> None:
    path = SHARED / "data" / file
    solutions = [str(json.loads(line)[key]) for line in path.read_text("utf-8").splitlines()]
    items = read_problems(path, "reasoning")
    assert asyncio.run(_agreement(list(zip(items, solutions, strict=True)))) == least
    if "gsm8k" in file:
        # Solutions of other problems are not taken for right ones, but where two answers are the same number.
        shifted = list(zip(items, solutions[1:] + solutions[:1], strict=True))
        same = sum(
            read_number(a.answer or "") == read_number(b.answer or "")
            for a, b in zip(items, items[1:] + items[:1], strict=True)
        )
        assert asyncio.run(_agreement(shifted)) == same


DIGITS = "零一二三四五六七八九"


def in_characters(value: int) -> str:
    """A whole number below 10,000 as it is said."""
    said = ""
    for place, name in zip((1000, 100, 10, 1), ("千", "百", "十", ""), strict=True):
        digit = value // place % 10
        said += DIGITS[digit] + name if digit else "零" if said and not said.endswith("零") else ""
    return said.rstrip("零") or "零"


@settings(max_examples=examples(60), deadline=None)
@given(st.integers(11, 9999), st.sampled_from(["所以一共有{}个。", "剩下{}元", "他们共走了{}千米。", "答：一共{}人。"]))
def test_numbers_that_are_said_in_characters_are_read(value: int, frame: str) -> None:
    found = find_answer("先算第一步，一定要仔细。" + frame.format(in_characters(value))).number
    assert found and value in found.values
