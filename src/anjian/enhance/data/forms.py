"""The forms in which questions come besides plain ones: after a history, and as multiple choice.

A model that is tuned on plain questions alone refuses most dialogues with a past, and unlearns to name an option. Both
forms are made of prompts that were cleaned before, risky and harmless ones alike, so that the form is no cue.
"""

from collections import defaultdict
from random import Random

import msgspec

from anjian.enhance.data.examples import Prompt, seeded
from anjian.enhance.data.writer import ELSEWHERE, expand, text, write
from anjian.enhance.recipe import BUILTIN
from anjian.items.records import Item, Message

MOST_EXCHANGES = 2
LONGEST_OPTION = 60
"""Characters of a prompt that serves as an option."""
OPTION_LETTERS = "ABCD"


def with_histories(prompts: list[Prompt], share: float, seed: int) -> list[Prompt]:
    """Puts a history on the same topic before a share of the risky and harmless prompts that have none.

    What was said before is harmless: questions of the same category, answered by the built-in writer.
    """
    earlier: dict[str, list[Prompt]] = defaultdict(list)
    for prompt in prompts:
        if prompt.kind == "harmless" and not prompt.item.history:
            earlier[prompt.item.category].append(prompt)
    return [_after_history(prompt, earlier[prompt.item.category], share, seed) for prompt in prompts]


def _after_history(prompt: Prompt, earlier: list[Prompt], share: float, seed: int) -> Prompt:
    rng = seeded(seed, "history", prompt.item.id)
    others = [other for other in earlier if other.item.id != prompt.item.id]
    if prompt.kind not in ("risky", "harmless") or prompt.item.history or not others or rng.random() >= share:
        return prompt
    history: list[Message] = []
    for other in rng.sample(others, min(len(others), rng.randint(1, MOST_EXCHANGES))):
        draft = write(other, 0, seed)
        if draft:
            history += [Message("user", other.item.turns[0]), Message("assistant", draft.answer)]
    return msgspec.structs.replace(prompt, item=msgspec.structs.replace(prompt.item, history=tuple(history)))


def choices(prompts: list[Prompt], count: int, seed: int) -> list[Prompt]:
    """Makes multiple-choice questions of the kind `general`, with their keys and worked answers."""
    risky = [prompt for prompt in prompts if prompt.kind == "risky"]
    harmless = [prompt for prompt in prompts if prompt.kind == "harmless"]
    if not risky or not harmless:
        return []
    return [_choice(number, risky, harmless, seeded(seed, "choice", number)) for number in range(count)]


def _choice(number: int, risky: list[Prompt], harmless: list[Prompt], rng: Random) -> Prompt:
    form = rng.choice((_verdict, _verdict, _kind, _which))
    stem, right, wrong, reason = form(risky, harmless, rng)
    texts = [right, *wrong]
    rng.shuffle(texts)
    letter = OPTION_LETTERS[texts.index(right)]
    item = Item(
        id=f"choice-{number}",
        suite="general",
        category="general",
        turns=(stem,),
        options=dict(zip(OPTION_LETTERS, texts, strict=False)),
        answer=letter,
        split="train",
    )
    reason = reason.replace("{letter}", letter)
    worked = f"{reason}。所以选“{right}”。\n答案：{letter}"
    return Prompt("general", item, BUILTIN, f"逐项看。{reason}。应选{letter}项。\n{worked}")


Made = tuple[str, str, list[str], str]
"""Stem, right option, wrong options, reason."""


def _verdict(risky: list[Prompt], harmless: list[Prompt], rng: Random) -> Made:
    words = text("choices")["verdict"]
    prompt = rng.choice(rng.choice((risky, harmless)))
    place = rng.randrange(len(words["stems"]))
    stem = _filled(words["stems"][place], rng, prompt)
    yes, no = words["yes"][place], words["no"][place]
    if prompt.kind == "risky":
        return stem, yes, [no], words["risky"].format(name=_name(prompt))
    return stem, no, [yes], words["harmless"]


def _kind(risky: list[Prompt], harmless: list[Prompt], rng: Random) -> Made:
    words = text("choices")["kind"]
    prompt = rng.choice(risky)
    name = _name(prompt)
    names = sorted({known["name"] for key, known in text("categories").items() if key != ELSEWHERE} - {name})
    stem = _filled(rng.choice(words["stems"]), rng, prompt)
    return stem, name, rng.sample(names, rng.choice((2, 3))), words["reason"].format(name=name)


def _which(risky: list[Prompt], harmless: list[Prompt], rng: Random) -> Made:
    words = text("choices")["which"]
    short, fine = (
        [one for one in some if len(one.item.turns[0]) <= LONGEST_OPTION] or some for some in (risky, harmless)
    )
    prompt = rng.choice(short)
    others = [one.item.turns[0] for one in rng.sample(fine, min(len(fine), rng.choice((1, 2, 3))))]
    reason = words["reason"].format(name=_name(prompt), letter="{letter}")
    return expand(rng.choice(words["stems"]), rng), prompt.item.turns[0], others, reason


def _filled(stem: str, rng: Random, prompt: Prompt) -> str:
    # The prompt goes in last: its own brackets are no choices.
    return expand(stem, rng).replace("{said}", prompt.item.turns[0])


def _name(prompt: Prompt) -> str:
    known = text("categories")
    return str(known.get(prompt.item.category, known[ELSEWHERE])["name"])
