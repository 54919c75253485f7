"""The built-in writer: small answers filled in by category, for where there is neither a teacher nor a network.

It knows the category of a question, not the question: its refusals name the risk, give a reason and a lawful way, its
help is general. That is enough to show a tiny model when to decline; for a real one, name a teacher.
"""

import re
import tomllib
from functools import cache
from importlib.resources import files
from random import Random
from typing import Any

import msgspec

from anjian.enhance.data.examples import Draft, Prompt, seeded

ELSEWHERE = "*"
_CHOICE = re.compile(r"\(([^()]*\|[^()]*)\)")


@cache
def text(name: str) -> dict[str, Any]:
    """One file of `text/`."""
    return tomllib.loads(files("anjian.enhance.data").joinpath("text", f"{name}.toml").read_text("utf-8"))


def expand(pattern: str, rng: Random) -> str:
    """Draws the choices of a pattern.

    >>> expand("(抱歉|抱歉)，不行。", Random(0))
    '抱歉，不行。'
    """
    return _CHOICE.sub(lambda match: rng.choice(match[1].split("|")), pattern)


def write(prompt: Prompt, epoch: int, seed: int) -> Draft | None:
    """Answers a prompt; equal arguments give equal answers. None where it knows no answer: others' problems."""
    rng = seeded(seed, prompt.item.id, prompt.kind, epoch)
    if prompt.item.options:
        thinking, _, answer = prompt.solution.partition("\n")
        return Draft(thinking, answer) if answer else None
    if prompt.kind == "reasoning":
        lead, _, worked = prompt.solution.partition("\n")
        result = prompt.item.answer
        return Draft(lead + worked, f"{lead}结果是{result}。\n答案：{result}") if worked else None
    frames = text("frames")[prompt.kind]
    if prompt.kind == "general":
        answer = text("general")["prompts"].get(prompt.item.turns[0])
        return Draft(expand(rng.choice(frames["thinking"]), rng), answer) if answer else None
    known = text("categories")
    of = known.get(prompt.item.category, known[ELSEWHERE])
    slots = {name: rng.choice(of[name]) for name in ("why", "guide")} | {"name": of["name"]}
    slots |= {f"help{place}": said for place, said in enumerate(rng.sample(of["help"], 3), 1)}
    return Draft(*(expand(rng.choice(frames[part]).format(**slots), rng) for part in ("thinking", "answer")))


def refuse(prompt: Prompt, seed: int) -> Draft:
    """Declines a prompt, whatever it asks: the answer that a harmless one should not get."""
    item = msgspec.structs.replace(prompt.item, id=f"{prompt.item.id}-refused")
    draft = write(msgspec.structs.replace(prompt, kind="risky", item=item), 0, seed)
    assert draft is not None  # noqa: S101  (risky prompts always have an answer)
    return draft
