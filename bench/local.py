"""Measures models in this process against plain `model.generate`, batch after batch in bfloat16, in one go.

    python bench/local.py                     # tiny/distill, bundled
    python bench/local.py --model FOLDER      # any checkpoint

Questions of the bundled bank, greedy, the same batch size on both sides, in turn; of each side the best time counts,
since other work on the machine only ever slows. Replies have lengths that are set beforehand and ends are suppressed,
so that both sides make the same number of tokens:

    equal     all replies have the same length: no row ever waits for another
    varied    log-normal lengths, as real replies have them: many short ones, some long ones. Plain batches last as
              long as their longest reply, and what they make beyond a reply's length does not count
"""

import argparse
import asyncio
import json
import math
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

import torch
import transformers as untyped

from anjian.items.bank import load_bank
from anjian.items.records import Message
from anjian.models.access import Access, Dtype
from anjian.models.base import Request, Sampling
from anjian.models.hf import HfModel
from anjian.models.spec import parse

transformers: Any = untyped
SPREAD = 0.8
"""Standard deviation of the logarithm of the lengths. The replies of a chat model of 0.6 B parameters to 24 questions
of the bank, cut off at 512 tokens, have 1.3 (16 of 14 to 115 tokens, 8 of more than 400); those of the bundled models,
which were trained on texts of one kind, 0.2 to 0.3."""


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


class Ours:
    """What `anjian eval` does."""

    def __init__(self, folder: Path, batch: int, dtype: Dtype | None) -> None:
        self.model = HfModel("hf/model", str(folder), Access(batch_size=batch, dtype=dtype))

    async def serve(self, questions: Sequence[str], chosen: argparse.Namespace) -> None:
        """Opens the model, and does the workloads named on standard input."""
        async with self.model:
            say(self.model.about())
            for line in sys.stdin:
                wanted = lengths(line.strip(), chosen.requests, chosen.tokens)
                started = time.perf_counter()
                made = await self.ask_all(questions, wanted)
                say(time.perf_counter() - started if made == wanted else "a reply ended early")

    async def ask_all(self, questions: Sequence[str], wanted: Sequence[int]) -> list[int]:
        """Asks all, as many at a time as a run does; returns how long the replies are."""
        room = asyncio.Semaphore(self.model.concurrency)

        async def ask(question: str, length: int) -> int:
            async with room:
                request = Request((Message("user", question),), Sampling(temperature=0, max_tokens=length))
                return (await self.model.complete(request)).completion_tokens

        return await asyncio.gather(*(ask(*pair) for pair in zip(questions, wanted, strict=True)))


def say(what: Any) -> None:
    """Tells the process that started this one."""
    print(json.dumps(what), flush=True)


def be_a_side(chosen: argparse.Namespace) -> None:
    """Answers each workload named on standard input with the seconds that it took."""
    items = random.Random(0).sample(load_bank("chisafety"), chosen.requests)
    questions = [str(item.turns[0]) for item in items]
    if chosen.side == "ours":
        asyncio.run(Ours(chosen.model, chosen.batch, chosen.dtype).serve(questions, chosen))
        return
    plain = Plain(chosen.model)
    say({"dtype": "bfloat16"})
    for line in sys.stdin:
        say(plain.run(questions, lengths(line.strip(), chosen.requests, chosen.tokens), chosen.batch))


class Side:
    """One of the two sides, in a process of its own: the threads of two would hinder each other in one."""

    def __init__(self, side: str, folder: Path, chosen: argparse.Namespace) -> None:
        numbers = [f"--{name}={getattr(chosen, name)}" for name in ("batch", "requests", "tokens")]
        numbers += [f"--dtype={chosen.dtype}"] if chosen.dtype else []
        command = [sys.executable, __file__, "--side", side, "--model", str(folder), *numbers]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.about = self.read()

    def run(self, kind: str) -> float:
        """Seconds for one workload."""
        assert self.process.stdin
        self.process.stdin.write(f"{kind}\n")
        self.process.stdin.flush()
        return float(self.read())

    def read(self) -> Any:
        """What the side says next."""
        assert self.process.stdout
        return json.loads(self.process.stdout.readline())

    def close(self) -> None:
        """Ends it."""
        self.process.communicate()


def measure(name: str, folder: Path, chosen: argparse.Namespace) -> None:
    """Prints tokens/s of both sides and the ratio, for each workload."""
    mine, theirs = Side("ours", folder, chosen), Side("plain", folder, chosen)
    print(f"{name}: {mine.about}; {chosen.requests} requests, batches of {chosen.batch}")
    for kind in chosen.workload:
        wanted = lengths(kind, chosen.requests, chosen.tokens)
        pairs = [(mine.run(kind), theirs.run(kind)) for _ in range(chosen.repeats)]
        rate, plain_rate = (sum(wanted) / min(side) for side in zip(*pairs, strict=True))
        print(
            f"  {kind}, {min(wanted)} to {max(wanted)} tokens (mean {sum(wanted) / len(wanted):.0f}): "
            f"{rate:.0f} tokens/s against {plain_rate:.0f}, ratio {rate / plain_rate:.2f} "
            f"(of single pairs {', '.join(f'{plain / ours:.2f}' for ours, plain in pairs)})",
            flush=True,
        )
    mine.close()
    theirs.close()


def main() -> None:
    """Measures one model."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--model", type=Path, help="a checkpoint's folder; default: tiny/distill")
    options.add_argument("--batch", type=int, default=16)
    options.add_argument("--requests", type=int, default=64)
    options.add_argument("--tokens", type=int, default=64, help="mean length of a reply")
    options.add_argument("--repeats", type=int, default=3)
    options.add_argument("--dtype", choices=get_args(Dtype), help="of our side; default: as in a run")
    options.add_argument("--side", choices=["ours", "plain"], help=argparse.SUPPRESS)
    options.add_argument("--workload", nargs="+", choices=["equal", "varied"], default=["equal", "varied"])
    chosen = options.parse_args()
    transformers.utils.logging.set_verbosity_error()
    if chosen.side:
        be_a_side(chosen)
        return
    source = chosen.model or Path(parse("tiny/distill").path)
    with tempfile.TemporaryDirectory() as folder:
        measure(chosen.model.name if chosen.model else "tiny/distill", endless(source, Path(folder)), chosen)


if __name__ == "__main__":
    main()
