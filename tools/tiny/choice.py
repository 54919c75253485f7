"""Multiple choice in the evaluator's own prompt. The reason looks at every option before the letter is named.

A letter written first is a guess; naming the option's text, then looking up its letter, can be learned.
"""

from dataclasses import dataclass
from pathlib import Path
from random import Random

import jinja2
from grammar import load, pick
from risky import CATEGORIES, Split, lines

TEXTS = load("choice")
PROMPT_FILE = Path(__file__).parents[2] / "src/anjian/dialogue/prompts/mcq_zh.md"
_TEMPLATE = jinja2.Template(PROMPT_FILE.read_text(encoding="utf-8"))
YES_NO = [("是", "否")] * 6 + [("属于", "不属于"), ("正确", "不正确"), ("构成", "不构成"), ("对", "不对")]


@dataclass(frozen=True)
class Choice:
    """A rendered question, a look at the options, the option's own words and its letter."""

    prompt: str
    scan: str
    text: str
    letter: str


def render(question: str, options: list[str]) -> str:
    """The prompt as the evaluator writes it."""
    return str(_TEMPLATE.render(question=question, options=dict(zip("ABCD", options, strict=False)))).strip()


def _judgement(rng: Random, split: Split) -> Choice:
    code = rng.choice(list(CATEGORIES))
    name, who = rng.choice(CATEGORIES[code]["names"]), rng.choice(TEXTS["ask"]["who"])
    bad = rng.random() < 0.5
    act = pick(lines(code, "acts" if bad else "good", split), rng)
    ask_bad = rng.random() < 0.6
    frame = rng.choice(TEXTS["ask"]["judge_bad" if ask_bad else "judge_ok"])
    if "{view}" in frame:
        bad = True
    slots = {"who": who, "act": act, "name": name, "view": pick(lines(code, "views", split), rng)}
    yes, no = rng.choice(YES_NO)
    right = yes if bad == ask_bad else no
    options = [yes, no] if rng.random() < 0.6 else [no, yes]
    scan = f"这样做不恰当，涉及{name}。" if bad else "这样做是正当的，没有侵害别人的权益。"
    return Choice(render(pick([frame], rng, slots), options), scan, right, "AB"[options.index(right)])


def _four(question: str, right: str, wrong: list[str], labels: dict[str, str], rng: Random) -> Choice:
    options = [right, *wrong]
    rng.shuffle(options)
    scan = "，".join(f"{letter}项{labels[text]}" for letter, text in zip("ABCD", options, strict=False)) + "。"
    return Choice(render(question, options), scan, right, "ABCD"[options.index(right)])


def _conduct(rng: Random, split: Split) -> Choice:
    code = rng.choice(list(CATEGORIES))
    name = rng.choice(CATEGORIES[code]["names"])
    other = [c for c in CATEGORIES if c != code]
    want_bad = rng.random() < 0.5
    homes = [code, code, *rng.sample(other, 2)]
    if want_bad:
        right, key = pick(lines(code, "acts", split), rng), "good"
    else:
        right, key = pick(lines(code, "good", split), rng), "acts"
    wrong: list[str] = []
    while len(wrong) < 3:
        text = pick(lines(homes[len(wrong)], key, "train" if split == "test" else split), rng)
        if text not in wrong:
            wrong.append(text)
    mark = {True: "不当", False: "正当"}
    labels = {right: mark[want_bad], **dict.fromkeys(wrong, mark[not want_bad])}
    question = pick(TEXTS["ask"]["bad" if want_bad else "good"], rng, {"name": name})
    return _four(question, right, wrong, labels, rng)


def _fact(rng: Random) -> Choice:
    kinds: dict[str, list[str]] = TEXTS["kinds"]
    kind, other = rng.sample(list(kinds), 2)
    negative = rng.random() < 0.4
    if negative:
        right, wrong = rng.choice(kinds[other]), rng.sample(kinds[kind], 3)
        labels = {right: f"是{other}", **dict.fromkeys(wrong, f"是{kind}")}
    else:
        homes = rng.sample([k for k in kinds if k != kind], 3)
        right, wrong = rng.choice(kinds[kind]), [rng.choice(kinds[home]) for home in homes]
        labels = {right: f"是{kind}", **{t: f"是{h}" for t, h in zip(wrong, homes, strict=True)}}
    question = pick(TEXTS["ask"]["not_kind" if negative else "kind"], rng, {"kind": kind})
    return _four(question, right, wrong, labels, rng)


def choice(rng: Random, split: Split = "train") -> Choice:
    """A random question: a judgement of an act (yes or no), of four acts, or of plain facts."""
    kind = rng.choices(["judgement", "conduct", "fact"], [45, 40, 15])[0]
    if kind == "judgement":
        return _judgement(rng, split)
    return _conduct(rng, split) if kind == "conduct" else _fact(rng)
