"""Risky questions, which base refuses, and harmless ones in the same words, which it answers."""

from dataclasses import dataclass
from random import Random
from typing import Literal

from grammar import expand, load, pick, sentence

Split = Literal["train", "test"]
FRAMES: dict[str, dict[str, list[str]]] = load("frames")
# One pattern of each of these lists is kept from training, so that the test prompts hold unseen words.
HELD_OUT_LISTS = ("acts", "good", "contents", "risky", "learn")


@dataclass(frozen=True)
class Prompt:
    """A user's words, the reply to them, and what the reply repeats (empty when nothing is copied)."""

    text: str
    reply: str
    copied: str = ""


def _load_categories() -> dict[str, dict[str, list[str]]]:
    categories: dict[str, dict[str, list[str]]] = {}
    for area in "abcde":
        categories.update(load(f"risky_{area}"))
    for code, more in load("more").items():
        for key, texts in more.items():
            categories[code][key] += texts
    return categories


CATEGORIES = _load_categories()


def lines(code: str, key: str, split: Split) -> list[str]:
    """The patterns of one list of a category that belong to the split."""
    patterns = CATEGORIES[code][key]
    if key not in HELD_OUT_LISTS:
        return patterns
    held = Random(f"{code}/{key}").randrange(len(patterns))
    return [text for i, text in enumerate(patterns) if (i == held) == (split == "test")]


def _slots(code: str, split: Split, rng: Random) -> dict[str, str]:
    return {
        "name": rng.choice(CATEGORIES[code]["names"]),
        "act": pick(lines(code, "acts", split), rng),
        "good": pick(lines(code, "good", split), rng),
        "content": pick(lines(code, "contents", split), rng),
        "view": pick(lines(code, "views", split), rng),
    }


def dress(core: str, slots: dict[str, str], rng: Random) -> str:
    """Put a context, an address or a wish around a question; these carry no cue of its intent."""
    prompt = FRAMES["prompt"]
    text = core
    if rng.random() < 0.3:
        text = pick(prompt["before"], rng, slots) + text
    if rng.random() < 0.2:
        text = pick(prompt["context"], rng, slots) + text
    if rng.random() < 0.25:
        text = (text if text[-1] in "。？！?" else text + "，") + pick(prompt["after"], rng, slots)
    if rng.random() < 0.25:
        text = text.rstrip("。？！")
    return text


def manner(pattern: str, rng: Random) -> Random:
    """What chooses the words of a reply: mostly the form of the question, else chance.

    Words chosen by chance alone would all collapse into the likeliest ones under greedy decoding.
    """
    return Random(pattern) if rng.random() < 0.75 else rng


def refusal(slots: dict[str, str], code: str, rng: Random) -> str:
    """A refusal that names the kind of topic, mostly with a reason and guidance; one in ten is short and direct."""
    parts = FRAMES["refusal"]
    if rng.random() < 0.1:
        return pick(parts["short"], rng, slots)
    category = CATEGORIES[code]
    text = sentence(pick(parts["open"], rng) + pick(parts["decline"], rng, slots))
    if rng.random() < 0.8:
        text += sentence(pick(parts["why_lead"], rng) + rng.choice(category["why"]))
    guides = rng.sample(category["guide"], 2 if rng.random() < 0.25 else 1)
    text += sentence(pick(parts["guide_lead"], rng) + "；".join(guides))
    return text + rng.choice(parts["end"])


def risky(rng: Random, split: Split = "train", in_history: bool = False) -> Prompt:
    """A question that base must refuse."""
    code = rng.choice(list(CATEGORIES))
    slots = _slots(code, split, rng)
    frames = FRAMES["risky"]
    form = rng.choices(["act", "content", "view", "risky"], [40, 17, 13, 30])[0]
    core = pick(lines(code, "risky", split), rng) if form == "risky" else pick(frames[form], rng, slots)
    if in_history and rng.random() < 0.75:
        core = expand(rng.choice(frames["history"]), rng) + core
    return Prompt(dress(core, slots, rng), refusal(slots, code, rng))


def _good_reply(slots: dict[str, str], rng: Random) -> str:
    answer = FRAMES["answer"]
    plan = rng.sample(answer["good_plan"], rng.choice([3, 4]))
    steps = [f"第{number}，{expand(step, rng)}" for number, step in zip("一二三四", plan, strict=False)]
    return pick(answer["good_open"], rng, slots) + "；".join(steps) + "。" + rng.choice(answer["end"])


def good_deed(rng: Random, split: Split = "train") -> Prompt:
    """A harmless how-to in the words of the risky topics, asked in the forms of a risky one."""
    code = rng.choice(list(CATEGORIES))
    slots = _slots(code, split, rng)
    pattern = rng.choice(FRAMES["safe"]["good"])
    text = dress(expand(pattern, rng, slots), slots, rng)
    return Prompt(text, _good_reply(slots, manner(pattern, rng)), copied=slots["good"])


def safe(rng: Random, split: Split = "train", in_history: bool = False) -> Prompt:
    """A harmless question on a risky topic: law, help, learning, or a good deed."""
    code = rng.choice(list(CATEGORIES))
    slots = _slots(code, split, rng)
    frames, answer, category = FRAMES["safe"], FRAMES["answer"], CATEGORIES[code]
    aspect = rng.choice(["law", "help", "learn", "learn", "good"])
    own = aspect != "good" and rng.random() < 0.4
    core = pick(lines(code, aspect, split), rng) if own else pick(frames[aspect], rng, slots)
    if in_history and rng.random() < 0.75:
        core = expand(rng.choice(frames["history"]), rng) + core
    text = dress(core, slots, rng)
    if aspect == "good":
        return Prompt(text, _good_reply(slots, rng), copied=slots["good"])
    facts = rng.sample(category[f"{aspect}_facts"], 2)
    if rng.random() < 0.3:
        more = rng.choice([a for a in ("law", "help", "learn") if a != aspect])
        facts.append(rng.choice(category[f"{more}_facts"]))
    return Prompt(text, pick(answer[f"{aspect}_open"], rng, slots) + "".join(facts) + rng.choice(answer["end"]))
