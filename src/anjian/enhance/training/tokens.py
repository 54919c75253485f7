"""Turns the examples into tokens, checks every one of them, and lays them out in the order of training."""

from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from anjian.enhance.data.examples import Example, seeded
from anjian.enhance.recipe import TrainPlan
from anjian.enhance.training.template import Tokens, tokenized, training_template
from anjian.errors import UsageError
from anjian.files import writing
from anjian.items.lines import decode_lines

MEGABATCH = 8
"""Batches among which examples of similar length are put together."""


def tokenize(tokenizer: Any, plan: TrainPlan, file: Path, folder: Path) -> dict[str, int]:
    """Writes the token ids of `file` as a data set to `folder`; returns how many examples there are and were too long.

    Raises:
        UsageError: An example would not be trained as it should (see `template.tokenized`), or none is short enough.
    """
    import datasets

    datasets.disable_progress_bars()
    template = training_template(tokenizer, plan.template)
    rows = [_row(tokenizer, template, plan, example) for _, example in decode_lines(file, Example)]
    kept = [row for row in rows if _longest(row) <= plan.max_length]
    if not kept:
        raise UsageError(f"{file}: no example has at most max_length = {plan.max_length} tokens; raise it in [train]")
    with writing(folder):
        datasets.Dataset.from_list(kept).save_to_disk(folder)
    return {"examples": len(kept), "too_long": len(rows) - len(kept)}


def _row(tokenizer: Any, template: str, plan: TrainPlan, example: Example) -> dict[str, Any]:
    # Arrays: as Python's integers, long examples would take ten times the memory.
    return {name: np.array(ids, np.int32) for name, ids in _columns(tokenizer, template, plan, example).items()}


def _columns(tokenizer: Any, template: str, plan: TrainPlan, example: Example) -> dict[str, list[int]]:
    if plan.method == "sft":
        found = tokenized(tokenizer, template, example.messages, example.id)
        return {"input_ids": found.ids, "labels": found.labels}
    sides: dict[str, Tokens] = {
        side: tokenized(tokenizer, template, (*example.prompt, *getattr(example, side)), example.id)
        for side in ("chosen", "rejected")
    }
    prompt = sides["chosen"].prompt
    return {"prompt_ids": sides["chosen"].ids[:prompt]} | {
        f"{side}_ids": found.ids[prompt:] for side, found in sides.items()
    }


def _longest(row: dict[str, Any]) -> int:
    if "input_ids" in row:
        return len(row["input_ids"])
    return len(row["prompt_ids"]) + max(len(row["chosen_ids"]), len(row["rejected_ids"]))


def lengths(data: Any) -> list[int]:
    """Tokens of each example of a data set written by `tokenize`; of a pair, those of both sides."""
    import pyarrow.compute as arrow

    def of(column: str) -> list[int]:
        found: list[int] = arrow.list_value_length(data.data.column(column)).to_pylist()
        return found

    if "input_ids" in data.column_names:
        return of("input_ids")
    parts = zip(of("prompt_ids"), of("chosen_ids"), of("rejected_ids"), strict=True)
    return [2 * prompt + chosen + rejected for prompt, chosen, rejected in parts]


def layout(lengths: list[int], batch: int, epochs: float, seed: int) -> list[int]:
    """The order in which examples are trained: shuffled, those of similar length in one batch, whole batches only.

    It is laid out here, not by a sampler, so that it depends neither on the number of processes nor on libraries.
    """
    order: list[int] = []
    for epoch in range(int(epochs) + 1):
        rng = seeded(seed, epoch)
        mine = list(range(len(lengths)))
        rng.shuffle(mine)
        mine = mine[: round(len(mine) * min(1.0, epochs - epoch))]
        size = MEGABATCH * batch
        for start in range(0, len(mine), size):
            near = sorted(mine[start : start + size], key=lambda n: lengths[n])
            batches = [near[n : n + batch] for n in range(0, len(near), batch)]
            rng.shuffle(batches)
            # The short one last, so that all others stay whole.
            batches.sort(key=lambda one: len(one) < batch)
            order += [n for one in batches for n in one]
    whole = len(order) - len(order) % batch
    return order[:whole] or order


def decoded(path: Path) -> dict[str, Any]:
    """Reads a JSON file of a stage."""
    found: dict[str, Any] = msgspec.json.decode(path.read_bytes())
    return found
