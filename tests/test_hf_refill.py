"""Continuous refill: what it does to rows and their neighbours, against what transformers does with each alone."""

import asyncio
import os
import signal
import sqlite3
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from command import command, environment, risky, write_items
from hypothesis import given, settings
from hypothesis import strategies as st
from test_hf import ask, questions, request
from tiny_checkpoint import save_checkpoint

from anjian.models.access import Access
from anjian.models.base import CallError, Reply, Sampling
from anjian.models.hf import HfModel
from anjian.models.hf.prompts import Prompt, Warp

pytest.importorskip("transformers")

GREEDY = Sampling(temperature=0, max_tokens=24)
PLAIN = ["Qwen2", "Qwen3", "Llama", "Mistral", "Gemma", "Olmo2", "GPT2"]


def is_refilled(folder: Path) -> bool:
    from transformers import AutoModelForCausalLM

    from anjian.models.hf.refill import can_refill

    return can_refill(AutoModelForCausalLM.from_pretrained(folder))


def alone(folder: Path, text: str) -> str:
    """What `generate` says to one question."""
    import transformers as untyped

    transformers: Any = untyped
    model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype="float32")
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    prompt = tokenizer.apply_chat_template(
        [{"role": "user", "content": text}], add_generation_prompt=True, return_tensors="pt", return_dict=True
    )
    tokens = model.generate(**prompt, max_new_tokens=24, do_sample=False)[0, prompt["input_ids"].shape[1] :]
    return str(tokenizer.decode(tokens, skip_special_tokens=True))


@pytest.mark.parametrize("architecture", PLAIN)
def test_ordinary_architectures_say_what_they_say_alone(tmp_path: Path, architecture: str) -> None:
    more: dict[str, Any] = {"sliding_window": None} if architecture == "Mistral" else {}
    folder = save_checkpoint(tmp_path, architecture=architecture, **more)
    assert is_refilled(folder)
    texts = questions(7)
    replies = ask(folder, [request(text) for text in texts], batch_size=3)
    assert [reply.text for reply in replies] == [alone(folder, text) for text in texts]
    assert len({reply.text for reply in replies}) > 3


@pytest.mark.parametrize("sampling", [GREEDY, Sampling(temperature=1.0, top_p=0.9, max_tokens=24)])
def test_other_caches_go_batch_after_batch_and_say_the_same(
    checkpoint: Path, tmp_path: Path, sampling: Sampling
) -> None:
    window: dict[str, Any] = {"use_sliding_window": True, "sliding_window": 4096, "max_window_layers": 0}
    folder = save_checkpoint(tmp_path, **window)
    assert not is_refilled(folder)
    requests = [request(text, sampling) for text in questions(9)]
    assert ask(folder, requests, batch_size=4) == ask(checkpoint, requests)


def test_a_short_reply_does_not_wait_for_a_long_one(tmp_path: Path) -> None:
    folder = save_checkpoint(tmp_path, context=100_000, generation={"suppress_tokens": [2]})

    async def run() -> tuple[list[Reply], bool]:
        async with HfModel("hf/tiny", str(folder), Access(device="cpu", batch_size=2)) as model:
            endless = asyncio.create_task(model.complete(request("一", Sampling(temperature=0, max_tokens=90_000))))
            # Twelve one after the other through the place beside the endless one.
            short = [model.complete(request(text)) for text in questions(12)]
            replies = await asyncio.gather(*short)
            waits = not endless.done()
            endless.cancel()
            await asyncio.gather(endless, return_exceptions=True)
            return replies, waits

    replies, waits = asyncio.run(run())
    assert waits
    assert replies == ask(folder, [request(text) for text in questions(12)], batch_size=1)


def test_requests_drawn_differently_share_a_batch(checkpoint: Path) -> None:
    ways = [
        Sampling(temperature=0, max_tokens=20),
        Sampling(temperature=0.7, max_tokens=12),
        Sampling(temperature=1.3, top_p=0.8, max_tokens=30),
        Sampling(temperature=1.0, top_p=0.3, max_tokens=20, seed=3),
    ]
    requests = [request(text, ways[place % 4]) for place, text in enumerate(questions(16))]
    assert ask(checkpoint, requests, batch_size=8) == ask(checkpoint, requests, batch_size=1)


def test_all_penalties_are_those_of_generate(tmp_path: Path) -> None:
    penalties: dict[str, Any] = {
        "repetition_penalty": 1.3,
        "no_repeat_ngram_size": 3,
        "bad_words_ids": [[10], [11, 12]],
        "suppress_tokens": [20],
    }
    folder = save_checkpoint(tmp_path, generation=penalties)
    texts = questions(4)
    assert [reply.text for reply in ask(folder, [request(text) for text in texts])] == [
        alone(folder, text) for text in texts
    ]


@settings(deadline=None, max_examples=60)
@given(
    scale=st.floats(0.01, 20),
    seed=st.integers(0, 2**32),
    warp=st.builds(
        Warp, st.floats(0.2, 2), st.sampled_from([0.05, 0.3, 0.8, 0.95, 1.0]), st.sampled_from([0, 1, 5, 50])
    ),
)
def test_draws_are_the_best_of_the_noisy_scores_that_the_warpers_keep(scale: float, seed: int, warp: Warp) -> None:
    import torch
    from transformers import TemperatureLogitsWarper, TopKLogitsWarper, TopPLogitsWarper

    from anjian.models.hf.draw import Source, draw

    cpu = torch.device("cpu")
    scores = torch.randn(3, 40, generator=torch.Generator().manual_seed(seed)) * scale
    prompts = [Prompt((1,), 1, warp, seed + row, False) for row in range(3)]
    kept: Any = TemperatureLogitsWarper(warp.temperature)(None, scores)
    kept = TopKLogitsWarper(warp.top_k)(None, kept) if warp.top_k else kept
    kept = TopPLogitsWarper(warp.top_p)(None, kept) if warp.top_p < 1 else kept
    noise = torch.stack([torch.rand(40, generator=Source(prompt, cpu).generator) for prompt in prompts])
    expected = (kept - noise.clamp(min=2.0**-25).log().neg().log()).argmax(-1)
    assert draw(scores, [Source(prompt, cpu) for prompt in prompts]).tolist() == expected.tolist()


def test_cancelled_rows_leave_and_the_others_say_the_same(checkpoint: Path) -> None:
    requests = [request(text, Sampling(temperature=0, max_tokens=100)) for text in questions(8)]

    async def run() -> list[Reply | BaseException]:
        async with HfModel("hf/tiny", str(checkpoint), Access(device="cpu", batch_size=4)) as model:
            tasks = [asyncio.create_task(model.complete(one)) for one in requests]
            await tasks[0]
            for task in tasks[1::3]:
                task.cancel()
            return await asyncio.gather(*tasks, return_exceptions=True)

    whole = ask(checkpoint, requests)
    for place, result in enumerate(asyncio.run(run())):
        assert result == whole[place] or (isinstance(result, asyncio.CancelledError) and place % 3 == 1)


def test_a_decoder_that_breaks_down_fails_everybody(checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from anjian.models.hf import refill

    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(refill, "serve", broken)

    async def run() -> Any:
        async with HfModel("hf/tiny", str(checkpoint), Access(device="cpu")) as model:
            return await asyncio.gather(*(model.complete(request(text)) for text in "一二"), return_exceptions=True)

    assert [isinstance(result, CallError) and result.fatal for result in asyncio.run(run())] == [True, True]


def stored(folder: Path) -> int:
    """Calls in the ledger of a run that may be under way."""
    if not (folder / "ledger.sqlite").exists():
        return 0
    with sqlite3.connect(f"file:{folder / 'ledger.sqlite'}?mode=ro", uri=True) as ledger:
        try:
            return int(ledger.execute("SELECT count(*) FROM calls").fetchone()[0])
        except sqlite3.OperationalError:
            return 0


def test_what_was_answered_before_a_kill_is_kept(tmp_path: Path) -> None:
    folder = save_checkpoint(tmp_path / "model", context=20_000)
    items = write_items(tmp_path / "items.jsonl", risky(12))
    arguments = ["eval", f"hf/{folder}", "--suite", "chisafety", "--items", items, "--out", tmp_path / "run",
                 "--device", "cpu", "--batch-size", 4, "--max-tokens", 3000, "--min-coverage", 0]  # fmt: skip
    with subprocess.Popen(command(*arguments), env=environment(), stdout=-3, stderr=-3) as process:
        end = time.monotonic() + 120
        while not stored(tmp_path / "run") and process.poll() is None and time.monotonic() < end:
            time.sleep(0.05)
        os.kill(process.pid, signal.SIGKILL)
    assert 0 < stored(tmp_path / "run") < 12
