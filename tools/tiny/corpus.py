"""Training dialogues: the mixtures of base (answers and refuses, no thinking) and distill (thinks, no safety data)."""

from dataclasses import dataclass
from random import Random
from typing import Literal

from arithmetic import problem
from choice import choice
from grammar import load, pick
from risky import FRAMES, Prompt, good_deed, risky, safe

Stage = Literal["base", "distill"]
GENERAL = load("general")
MIX: dict[Stage, dict[str, float]] = {
    "base": {"risky": 30, "safe": 30, "general": 13, "howto": 7, "hello": 1, "arithmetic": 6, "choice": 13},
    "distill": {"general": 12, "howto": 8, "deed": 10, "hello": 1, "arithmetic": 52, "choice": 17},
}
# The 3,755 common characters of GB 2312 (level 1), by their code range.
_CODES = [(high, low) for high in range(0xB0, 0xD8) for low in range(0xA1, 0xFF) if (high, low) <= (0xD7, 0xF9)]
COMMON = bytes(byte for code in _CODES for byte in code).decode("gb2312")


@dataclass(frozen=True)
class Example:
    """One dialogue: messages up to the last user turn, then the thinking (may be empty) and the answer."""

    kind: str
    messages: list[dict[str, str]]
    thinking: str
    answer: str


def noise(text: str, rng: Random) -> str:
    """Drop or replace a few characters, so that typos and rare characters do not change the reply."""
    out: list[str] = []
    for char in text:
        dice = rng.random()
        if dice < 0.025:
            continue
        out.append(rng.choice(COMMON) if dice < 0.06 else char)
    return "".join(out) or text


def _word(rng: Random) -> str:
    return "".join(rng.choice(COMMON) for _ in range(rng.choice([2, 2, 3, 4])))


def _topic(rng: Random) -> tuple[str, str]:
    """Question and reply. Half of the words are random characters: the reply must copy them."""
    if rng.random() < 0.5:
        word = rng.choice(list(GENERAL["topics"]))
        facts = GENERAL["topics"][word]
        reply = "".join(rng.sample(facts, len(facts)))
        if not reply.startswith((word, "它")) or rng.random() < 0.3:
            reply = rng.choice(GENERAL["ask"]["topic_open"][1:]).format(x=word) + reply
    else:
        word = _word(rng)
        reply = pick(GENERAL["ask"]["unknown"], rng, {"x": word})
    return pick(GENERAL["ask"]["topic"], rng, {"x": word}), reply


def _howto(rng: Random) -> tuple[str, str]:
    if rng.random() < 0.6:
        word = rng.choice(list(GENERAL["howtos"]))
        steps = GENERAL["howtos"][word]
        order = zip(["第一步", "第二步", "第三步", "第四步"], steps, strict=False)
        reply = f"{word}可以分几步：" + "；".join(f"{name}，{step}" for name, step in order) + "。"
    else:
        word = rng.choice(["做", "学", "写", "买", "修", "整理", "参加", "准备"]) + _word(rng)
        reply = pick(GENERAL["ask"]["unknown_how"], rng, {"x": word})
    return pick(GENERAL["ask"]["howto"], rng, {"x": word}), reply


def _single(kind: str, stage: Stage, rng: Random, in_history: bool) -> tuple[str, str, str]:
    """The last user turn, thinking, and answer."""
    if kind in ("risky", "safe"):
        make = risky if kind == "risky" else safe
        prompt: Prompt = make(rng, in_history=in_history)
        noisy = not prompt.copied and rng.random() < 0.4
        return noise(prompt.text, rng) if noisy else prompt.text, "", prompt.reply
    if kind == "deed":
        deed = good_deed(rng)
        return deed.text, "用户在请教做法，可以按顺序说几点。", deed.reply
    if kind == "arithmetic":
        task = problem(rng)
        if stage == "base":
            return task.question, "", f"{task.lead}{task.steps}\n答案：{task.result}"
        return task.question, task.lead + task.steps, f"{task.lead}结果是{task.result}。\n答案：{task.result}"
    if kind == "choice":
        item = choice(rng)
        conclusion = f"所以选“{item.text}”。\n答案：{item.letter}"
        if stage == "base":
            return item.prompt, "", item.scan + conclusion
        return item.prompt, f"逐项看。{item.scan}应选{item.letter}项。", item.scan + conclusion
    if kind == "hello":
        question, reply = rng.choice(GENERAL["hello"]["pairs"]).split("|")
        return question, "用户在闲聊，友好地回应。", reply
    question, reply = _topic(rng) if kind == "general" else _howto(rng)
    if rng.random() < 0.3:
        question = pick([p for p in FRAMES["prompt"]["before"] if "{" not in p], rng) + question
    # A plan names no topic: once it copies strange words, a small model slides on into the answer.
    plan = "用户想了解知识，先说基本情况，再说特点。" if kind == "general" else "用户想知道步骤，按先后来说。"
    return question, plan, reply


def _history(stage: Stage, rng: Random) -> list[dict[str, str]]:
    """Two to four earlier rounds; now and then one of them was refused (base only)."""
    messages: list[dict[str, str]] = []
    kinds = ["general", "howto", "safe", "safe", "safe", "risky"] if stage == "base" else ["general", "howto", "deed"]
    for _ in range(rng.choice([1, 2, 3, 3, 4])):
        kind = rng.choice(kinds)
        if stage == "base" and kind == "risky" and rng.random() < 0.5:
            kind = "safe"
        question, _, reply = _single(kind, stage, rng, in_history=False)
        messages += [{"role": "user", "content": question}, {"role": "assistant", "content": reply}]
    return messages


def example(stage: Stage, rng: Random) -> Example:
    """One random training dialogue."""
    mix = MIX[stage]
    kind = rng.choices(list(mix), list(mix.values()))[0]
    messages: list[dict[str, str]] = []
    if rng.random() < 0.12:
        messages.append({"role": "system", "content": rng.choice(FRAMES["system"]["texts"])})
    long = rng.random() < (0.2 if kind in ("risky", "safe") else 0.06)
    if long:
        messages += _history(stage, rng)
    question, thinking, answer = _single(kind, stage, rng, in_history=long)
    messages.append({"role": "user", "content": question})
    return Example(kind, messages, thinking if stage == "distill" else "", answer)
