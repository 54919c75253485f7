"""The data stage: prompts, answers, filters, shares; writes `DIR/data` and the data card last.

train.jsonl             examples in TRL's `messages` form (`pairs.jsonl` for DPO)
contamination.json      what overlapped an evaluation set, with what it repeats
card.json, card.md      counts, sources, writers, filters, shares
"""

import hashlib
import math
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console

from anjian.enhance.data.answers import Answered, Writing, answer_all
from anjian.enhance.data.examples import Draft, Example, Prompt, asked, seeded, spoken
from anjian.enhance.data.forms import choices, with_histories
from anjian.enhance.data.sources import Cleaned, clean, read_prompts
from anjian.enhance.recipe import PROMPT_KINDS, DataPlan, PromptKind
from anjian.errors import AnjianError, UsageError
from anjian.files import replace
from anjian.judges.named import renamed
from anjian.models.spec import public_name
from anjian.prompts import render

TRAIN, PAIRS, CONTAMINATION, CARD = "train.jsonl", "pairs.jsonl", "contamination.json", "card.json"
ASK_MORE = 1.2
"""Answers asked for, for each that is wanted: judges turn some down."""
BUILTIN_WRITER = "built-in writer"


async def make_data(writing: Writing, against: Sequence[Path], folder: Path, console: Console) -> dict[str, Any]:
    """Makes the training data in `folder`; returns the card.

    Raises:
        UsageError: A file, a model or the folder cannot be used, or too little is left to train on.
        AnjianError: The run stopped early; running it again goes on.
    """
    plan = writing.plan
    cleaned = _in_all_forms(clean(read_prompts(plan), against), plan, against)
    work = _work(cleaned.prompts, plan)
    answered, stopped = await answer_all(writing, work, folder, console)
    if stopped:
        raise AnjianError(stopped)
    examples = [_example(writing, one, epoch) for one, (_, epoch) in zip(answered, work, strict=True)]
    unique = _unique([example for example in examples if example])
    chosen = _in_shares(unique, plan, pairs=writing.pairs)
    replace(folder / CONTAMINATION, _json({"compared_with": cleaned.compared, "left_out": cleaned.contaminated}))
    lines = b"".join(msgspec.json.encode(example) + b"\n" for example in chosen)
    name = PAIRS if writing.pairs else TRAIN
    replace(folder / name, lines)
    card = _card(writing, cleaned, answered, unique, chosen) | {
        "file": name,
        "sha256": hashlib.sha256(lines).hexdigest(),
    }
    replace(folder / "card.md", render("anjian.enhance", "data_card", card=card).encode() + b"\n")
    replace(folder / CARD, _json(card))
    return card


def _in_all_forms(cleaned: Cleaned, plan: DataPlan, against: Sequence[Path]) -> Cleaned:
    """Adds histories and multiple choice, made of the cleaned prompts; what is made is held against the bank too."""
    wanted = round(ASK_MORE * plan.examples * plan.shares.general * plan.choices)
    made = clean(choices(cleaned.prompts, wanted, plan.seed), against)
    plain = [prompt for prompt in cleaned.prompts if prompt.kind == "general"]
    general = [*plain, *made.prompts]
    seeded(plan.seed, "forms").shuffle(general)
    others = [prompt for prompt in cleaned.prompts if prompt.kind != "general"]
    return msgspec.structs.replace(
        cleaned,
        prompts=[*with_histories(others, plan.with_history, plan.seed), *general],
        contaminated=[*cleaned.contaminated, *made.contaminated],
        repeated=[*cleaned.repeated, *made.repeated],
    )


def _work(prompts: list[Prompt], plan: DataPlan) -> list[tuple[Prompt, int]]:
    """Which prompts are answered, and how often: every prompt once before any is answered again."""
    work: list[tuple[Prompt, int]] = []
    for kind in PROMPT_KINDS:
        mine = [prompt for prompt in prompts if prompt.kind == kind]
        wanted = math.ceil(ASK_MORE * plan.examples * getattr(plan.shares, kind))
        work += [(mine[n % len(mine)], n // len(mine)) for n in range(min(wanted, plan.most_repeats * len(mine)))]
    return work


def _example(writing: Writing, one: Answered, epoch: int) -> Example | None:
    if one.draft is None:
        return None
    item = one.prompt.item
    name = f"{item.id}#{epoch}" if epoch else item.id
    writer = writing.writer(one.prompt.kind) or BUILTIN_WRITER
    bare = Example(name, one.prompt.kind, item.category, one.prompt.source, writer)
    said = spoken(one.draft)
    if one.rejected is None:
        return msgspec.structs.replace(bare, messages=(*asked(item), said))
    rejected = spoken(_thinking(one.rejected))
    return msgspec.structs.replace(bare, prompt=asked(item), chosen=(said,), rejected=(rejected,))


def _thinking(draft: Draft) -> Draft:
    """Both sides of a pair must think, or DPO would learn the form instead of the decision."""
    return draft if draft.thinking else Draft("直接回答。", draft.answer)


def _unique(examples: list[Example]) -> list[Example]:
    """Leaves out answers that a model gave twice to the same prompt."""
    return list({(one.messages or (*one.prompt, *one.chosen)): one for one in examples}.values())


def _in_shares(examples: list[Example], plan: DataPlan, *, pairs: bool) -> list[Example]:
    """Takes as many of each kind as the shares allow; the rarest kind decides."""
    kinds: list[PromptKind] = [
        kind for kind in PROMPT_KINDS if getattr(plan.shares, kind) and (not pairs or kind in PAIRED)
    ]
    total = sum(getattr(plan.shares, kind) for kind in kinds)
    found = {kind: [one for one in examples if one.kind == kind] for kind in kinds}
    if empty := next((kind for kind in kinds if not found[kind]), None):
        raise UsageError(f"no answer to a {empty} prompt passed; see the reasons with another --teacher or --judge")
    most = min(plan.examples, *(len(found[kind]) * total / getattr(plan.shares, kind) for kind in kinds))
    return [one for kind in kinds for one in found[kind][: round(most * getattr(plan.shares, kind) / total)]]


PAIRED: tuple[PromptKind, ...] = ("risky", "harmless")
"""The kinds of which pairs can be made."""


def _card(
    writing: Writing, cleaned: Cleaned, answered: list[Answered], unique: list[Example], chosen: list[Example]
) -> dict[str, Any]:
    kinds = {}
    for kind in PROMPT_KINDS:
        mine = [one for one in answered if one.prompt.kind == kind]
        count = sum(one.kind == kind for one in chosen)
        if mine:
            kinds[kind] = {
                "prompts": sum(prompt.kind == kind for prompt in cleaned.prompts),
                "writer": public_name(writing.writer(kind) or BUILTIN_WRITER),
                "sources": dict(Counter(one.source for one in chosen if one.kind == kind)),
                "answered": len(mine),
                "turned_down": dict(Counter(one.failure for one in mine if one.failure).most_common()),
                "used": count,
                "share": round(count / len(chosen), 4) if chosen else 0,
            }
    return {
        "examples": len(chosen),
        "kinds": kinds,
        "judges": [renamed(name, public_name) for name in writing.judges],
        "contaminated": len(cleaned.contaminated),
        "compared_with": cleaned.compared,
        "near_duplicates": len(cleaned.repeated),
        "same_answers": sum(one.draft is not None for one in answered) - len(unique),
        "seed": writing.plan.seed,
    }


def _json(value: Any) -> bytes:
    return msgspec.json.format(msgspec.json.encode(value), indent=1) + b"\n"
