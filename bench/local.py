"""Measures models in this process against plain `model.generate`, batch after batch in bfloat16, in one go.

    python bench/local.py                     # tiny/distill, bundled
    python bench/local.py --model FOLDER      # any checkpoint

Questions of the bundled bank, greedy, the same batch size on both sides, in turn; medians of the ratios count. Replies
have lengths that are set beforehand and ends are suppressed, so that both sides make the same number of tokens:

    equal     all replies have the same length: no row ever waits for another
    varied    log-normal lengths, as real replies have them: many short ones, some long ones. Plain batches last as
              long as their longest reply, and what they make beyond a reply's length does not count
"""

import argparse
import asyncio
import json
import math
import random
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

import torch
import transformers as untyped

from anjian.items.bank import load_bank
from anjian.items.records import Message
from anjian.models.access import Access
from anjian.models.base import Request, Sampling
from anjian.models.hf import HfModel
from anjian.models.spec import parse

transformers: Any = untyped
SPREAD = 0.8
"""Standard deviation of the logarithm of the lengths; the replies of the bundled models and of small chat models to
the bank's questions have 0.6 to 1.0."""


def endless(source: Path, folder: Path) -> Path:
    """A copy of a checkpoint that never ends a reply by itself."""
    for file in source.iterdir():
        (folder / file.name).symlink_to(file.resolve())
    settings = json.loads((source / "generation_config.json").read_text())
    ends = settings.get("eos_token_id", [])
    (folder / "generation_config.json").unlink()
    settings = {"suppress_tokens": ends if isinstance(ends, list) else [ends], "pad_token_id": settings["pad_token_id"]}
    (folder / "generation_config.json").write_text(json.dumps(settings))
    return folder


def lengths(kind: str, count: int, tokens: int) -> list[int]:
    """Lengths of replies with about the same mean for each kind of workload."""
    if kind == "equal":
        return [tokens] * count
    chance = random.Random(1)
    middle = math.log(tokens) - SPREAD**2 / 2
    return [max(4, min(8 * tokens, round(math.exp(chance.gauss(middle, SPREAD))))) for _ in range(count)]


class Plain:
    """What a short script does."""

    def __init__(self, folder: Path) -> None:
        self.tokenizer = transformers.AutoTokenizer.from_pretrained(folder, padding_side="left")
        self.model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.bfloat16).eval()

    def run(self, questions: Sequence[str], wanted: Sequence[int], batch: int) -> float:
        """Seconds for all replies."""
        started = time.perf_counter()
        for start in range(0, len(questions), batch):
            texts = [
                self.tokenizer.apply_chat_template(
                    [{"role": "user", "content": question}], tokenize=False, add_generation_prompt=True
                )
                for question in questions[start : start + batch]
            ]
            inputs = self.tokenizer(texts, return_tensors="pt", padding=True, add_special_tokens=False)
            inputs.pop("token_type_ids", None)
            rows = self.model.generate(
                **inputs, do_sample=False, max_new_tokens=max(wanted[start : start + batch]), top_p=None, top_k=None
            )
            self.tokenizer.batch_decode(rows[:, inputs["input_ids"].shape[1] :], skip_special_tokens=True)
        return time.perf_counter() - started


async def ours(model: HfModel, questions: Sequence[str], wanted: Sequence[int]) -> float:
    """Seconds for all replies; as many are under way as in a run."""
    room = asyncio.Semaphore(model.concurrency)

    async def ask(question: str, length: int) -> int:
        async with room:
            request = Request((Message("user", question),), Sampling(temperature=0, max_tokens=length))
            return (await model.complete(request)).completion_tokens

    started = time.perf_counter()
    made = await asyncio.gather(*(ask(*pair) for pair in zip(questions, wanted, strict=True)))
    seconds = time.perf_counter() - started
    if made != list(wanted):
        raise SystemExit("a reply ended early: the two sides did not do the same work")
    return seconds


async def measure(name: str, folder: Path, chosen: argparse.Namespace) -> None:
    """Prints tokens/s of both sides and the ratio, for each workload."""
    items = random.Random(0).sample(load_bank("chisafety"), chosen.requests)
    questions = [str(item.turns[0]) for item in items]
    plain = Plain(folder)
    model = HfModel(name, str(folder), Access(batch_size=chosen.batch))
    async with model:
        print(f"{name}: {model.about()}; {chosen.requests} requests, batches of {chosen.batch}")
        for kind in chosen.workload:
            wanted = lengths(kind, chosen.requests, chosen.tokens)
            ratios, rates = [], []
            for _ in range(chosen.repeats):
                theirs = plain.run(questions, wanted, chosen.batch)
                mine = await ours(model, questions, wanted)
                ratios.append(theirs / mine)
                rates.append((sum(wanted) / mine, sum(wanted) / theirs))
            rate, their_rate = (median(side) for side in zip(*rates, strict=True))
            print(
                f"  {kind}, {min(wanted)} to {max(wanted)} tokens (mean {sum(wanted) / len(wanted):.0f}): "
                f"{rate:.0f} tokens/s against {their_rate:.0f}, ratio {median(ratios):.2f} "
                f"({', '.join(f'{ratio:.2f}' for ratio in ratios)})",
                flush=True,
            )


def main() -> None:
    """Measures one model."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--model", type=Path, help="a checkpoint's folder; default: tiny/distill")
    options.add_argument("--batch", type=int, default=16)
    options.add_argument("--requests", type=int, default=64)
    options.add_argument("--tokens", type=int, default=64, help="mean length of a reply")
    options.add_argument("--repeats", type=int, default=3)
    options.add_argument("--workload", nargs="+", choices=["equal", "varied"], default=["equal", "varied"])
    chosen = options.parse_args()
    transformers.utils.logging.set_verbosity_error()
    source = chosen.model or Path(parse("tiny/distill").path)
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(
            measure(chosen.model.name if chosen.model else "tiny/distill", endless(source, Path(folder)), chosen)
        )


if __name__ == "__main__":
    main()
