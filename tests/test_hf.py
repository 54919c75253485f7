import asyncio
import functools
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from tiny_checkpoint import CHARACTERS, CONTEXT, PLAIN_TEMPLATE, save_checkpoint

from anjian.errors import UsageError
from anjian.installing import install
from anjian.items.records import Message
from anjian.models.access import Access
from anjian.models.base import BAD_REPLY, NOT_ASKED, TOO_LONG, CallError, Model, Reply, Request, Sampling
from anjian.models.hf import HfModel
from anjian.models.thinking import split_thinking

pytest.importorskip("transformers")

GREEDY = Sampling(temperature=0, max_tokens=24)
DRAWN = Sampling(temperature=1.0, top_p=0.95, max_tokens=24)


def ask(folder: Path, requests: Sequence[Request], batch_size: int = 32) -> list[Reply]:
    async def run() -> list[Reply]:
        async with HfModel("hf/tiny", str(folder), Access(device="cpu", batch_size=batch_size)) as model:
            return await asyncio.gather(*(model.complete(request) for request in requests))

    return asyncio.run(run())


def request(text: str, sampling: Sampling = GREEDY, epoch: int = 0) -> Request:
    return Request((Message("user", text),), sampling, epoch)


def questions(count: int) -> list[str]:
    """Texts of 1 to 80 characters."""
    chance = random.Random(5)
    return ["".join(chance.choices(CHARACTERS, k=chance.randint(1, 80))) for _ in range(count)]


async def outcome(model: Model, asked: Request) -> Reply | CallError:
    try:
        return await model.complete(asked)
    except CallError as error:
        return error


def reason(result: Reply | CallError) -> str:
    return result.reason if isinstance(result, CallError) else "answered"


@pytest.mark.parametrize("sampling", [GREEDY, DRAWN], ids=["greedy", "drawn"])
def test_replies_do_not_depend_on_the_batch(checkpoint: Path, sampling: Sampling) -> None:
    requests = [request(text, sampling) for text in questions(24)]
    together = ask(checkpoint, requests)
    assert together == ask(checkpoint, requests, batch_size=1)
    assert together[::-1] == ask(checkpoint, requests[::-1], batch_size=5)
    assert len({reply.text for reply in together}) > 20


def test_penalties_of_the_checkpoint_count_and_do_not_depend_on_the_batch(tmp_path: Path) -> None:
    folder = save_checkpoint(tmp_path, generation={"repetition_penalty": 1.5})
    requests = [request(text) for text in questions(8)]
    replies = ask(folder, requests)
    assert replies == ask(folder, requests, batch_size=1)
    assert replies != ask(save_checkpoint(tmp_path / "without"), requests)


def test_greedy_is_what_transformers_generates(checkpoint: Path) -> None:
    import transformers as untyped

    transformers: Any = untyped
    model = transformers.AutoModelForCausalLM.from_pretrained(checkpoint, dtype="float32")
    tokenizer = transformers.AutoTokenizer.from_pretrained(checkpoint)
    texts = questions(4)
    for text, reply in zip(texts, ask(checkpoint, [request(text) for text in texts]), strict=True):
        message = [{"role": "user", "content": text}]
        prompt = tokenizer.apply_chat_template(
            message, add_generation_prompt=True, return_tensors="pt", return_dict=True
        )
        tokens = model.generate(**prompt, max_new_tokens=24, do_sample=False)[0, prompt["input_ids"].shape[1] :]
        assert reply.text == tokenizer.decode(tokens, skip_special_tokens=True)
        assert reply.prompt_tokens == prompt["input_ids"].shape[1]
        assert reply.completion_tokens == len(tokens)


def test_seed_and_epoch_choose_the_draw(checkpoint: Path) -> None:
    seeded = Sampling(temperature=1.0, max_tokens=24, seed=7)
    first, again, later, other = ask(
        checkpoint, [request("你", DRAWN), request("你", DRAWN), request("你", DRAWN, epoch=1), request("你", seeded)]
    )
    assert first == again
    assert len({first.text, later.text, other.text}) == 3


def test_greedy_is_the_same_in_every_epoch(checkpoint: Path) -> None:
    first, later = ask(checkpoint, [request("你"), request("你", epoch=1)])
    assert first == later


def test_defaults_come_from_the_checkpoint_and_count_once(tmp_path: Path, checkpoint: Path) -> None:
    settings = {"do_sample": True, "temperature": 0.7, "top_p": 0.9, "top_k": 5, "max_new_tokens": 12}
    folder = save_checkpoint(tmp_path / "a", generation=settings)
    texts = questions(6)
    by_default = ask(folder, [request(text, Sampling()) for text in texts])
    in_words = Sampling(temperature=0.7, top_p=0.9, max_tokens=12)
    assert by_default == ask(folder, [request(text, in_words) for text in texts])
    assert max(reply.completion_tokens for reply in by_default) == 12

    without_top_k = save_checkpoint(tmp_path / "b", generation=settings | {"top_k": None})
    by_default = ask(without_top_k, [request(text, Sampling()) for text in texts])
    assert by_default == ask(checkpoint, [request(text, in_words) for text in texts])


def test_a_checkpoint_that_does_not_sample_is_greedy_by_default(checkpoint: Path) -> None:
    drawn, greedy = ask(checkpoint, [request("你好", Sampling(max_tokens=24)), request("你好")])
    assert drawn == greedy


def test_the_context_is_the_limit_where_none_is_set(checkpoint: Path) -> None:
    (reply,) = ask(checkpoint, [request("和")], batch_size=1)
    assert (reply.finish_reason, reply.completion_tokens) == ("length", 24)
    replies = ask(checkpoint, [request(text, Sampling(temperature=0.5)) for text in questions(12)])
    cut = [reply for reply in replies if reply.finish_reason == "length"]
    assert cut
    assert all(reply.prompt_tokens + reply.completion_tokens == CONTEXT for reply in cut)


def test_requests_with_different_limits_share_a_batch(checkpoint: Path) -> None:
    short, long = Sampling(temperature=0, max_tokens=3), Sampling(temperature=0, max_tokens=40)
    brief, full = ask(checkpoint, [request("是不是", short), request("是不是", long)])
    assert brief.completion_tokens == 3
    assert full.text.startswith(brief.text)


def test_a_reply_that_ends_by_itself_counts_its_end(checkpoint: Path) -> None:
    replies = ask(checkpoint, [request(text, DRAWN) for text in questions(30)])
    stopped = [reply for reply in replies if reply.finish_reason == "stop"]
    assert stopped
    assert all(reply.completion_tokens <= 24 and "<|end|>" not in reply.text for reply in stopped)


@pytest.mark.parametrize("think_is_special", [False, True])
def test_thinking_tags_stay_and_other_markers_go(tmp_path: Path, think_is_special: bool) -> None:
    folder = save_checkpoint(tmp_path, think_is_special=think_is_special)
    sampling = Sampling(temperature=1.5, max_tokens=60)
    replies = ask(folder, [request(text, sampling) for text in questions(20)])
    assert all(reply.prefilled for reply in replies)
    assert not any("<|" in reply.text for reply in replies)
    assert any("</think>" in reply.text for reply in replies)
    shapes = {split_thinking(reply).shape for reply in replies}
    assert shapes >= {"closing_only", "opening_only"}


def test_prefilled_only_where_the_template_opens_the_thinking(tmp_path: Path) -> None:
    plain = save_checkpoint(tmp_path / "plain", template=PLAIN_TEMPLATE)
    assert not ask(plain, [request("你好")])[0].prefilled
    empty = save_checkpoint(tmp_path / "empty", template=PLAIN_TEMPLATE + "<think>\n\n</think>\n\n")
    assert not ask(empty, [request("你好")])[0].prefilled


def test_a_prompt_longer_than_the_context_fails_alone(checkpoint: Path) -> None:
    async def run() -> list[Reply | CallError]:
        async with HfModel("hf/tiny", str(checkpoint), Access(device="cpu")) as model:
            return [await outcome(model, request("人" * CONTEXT)), await outcome(model, request("人"))]

    assert [reason(result) for result in asyncio.run(run())] == [TOO_LONG, "answered"]


def test_messages_the_template_refuses_fail_alone(checkpoint: Path) -> None:
    refused = Request((Message("user", "人"), Message("assistant", ""), Message("user", "人")), GREEDY)

    async def run() -> list[Reply | CallError]:
        async with HfModel("hf/tiny", str(checkpoint), Access(device="cpu")) as model:
            return [await outcome(model, refused), await outcome(model, request("人"))]

    results = asyncio.run(run())
    assert [reason(result) for result in results] == [NOT_ASKED, "answered"]
    assert "empty answer" in str(results[0])


def stub_forward(monkeypatch: pytest.MonkeyPatch, fault: Callable[[int, int], None]) -> list[int]:
    """Lets `fault(rows, columns)` raise before each pass; returns the list that collects the numbers of rows."""
    from transformers import Qwen3ForCausalLM

    whole: Any = Qwen3ForCausalLM.forward
    sizes: list[int] = []

    @functools.wraps(whole)
    def forward(self: Any, **options: Any) -> Any:
        rows, columns = options["input_ids"].shape
        mask = options.get("attention_mask")
        sizes.append(rows)
        fault(rows, columns if mask is None else mask.shape[-1])
        return whole(self, **options)

    monkeypatch.setattr(Qwen3ForCausalLM, "forward", forward)
    return sizes


def test_fewer_rows_are_decoded_at_once_where_memory_runs_out(
    checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    requests = [request("人" * length) for length in range(1, 21)]
    roomy = ask(checkpoint, requests)
    failures: list[int] = []

    def fault(rows: int, columns: int) -> None:
        if rows * columns > 300:
            failures.append(rows)
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB.")

    sizes = stub_forward(monkeypatch, fault)
    assert ask(checkpoint, requests, batch_size=16) == roomy
    assert failures[0] == 16
    assert len(failures) <= 3
    last = max(place for place, size in enumerate(sizes) if size == failures[-1])
    assert 4 <= max(sizes[last + 1 :]) < 16


def test_a_prompt_that_never_fits_fails_alone(checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fault(rows: int, columns: int) -> None:
        if columns > 60:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory")

    stub_forward(monkeypatch, fault)

    async def run() -> list[Reply | CallError]:
        async with HfModel("hf/tiny", str(checkpoint), Access(device="cpu")) as model:
            return await asyncio.gather(*(outcome(model, request("人" * n)) for n in (5, 100, 6)))

    assert [reason(result) for result in asyncio.run(run())] == ["answered", TOO_LONG, "answered"]


def test_a_broken_pass_fails_its_own_requests_only(checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fault(rows: int, columns: int) -> None:
        if columns > 60:
            raise ValueError("broken\nin two lines")

    stub_forward(monkeypatch, fault)

    async def run() -> list[Reply | CallError]:
        async with HfModel("hf/tiny", str(checkpoint), Access(device="cpu", batch_size=1)) as model:
            return await asyncio.gather(*(outcome(model, request("人" * n)) for n in (5, 100, 6)))

    results = asyncio.run(run())
    assert [reason(result) for result in results] == ["answered", BAD_REPLY, "answered"]
    assert "\n" not in str(results[1])


def test_cancelled_requests_do_not_disturb_the_others(checkpoint: Path) -> None:
    async def run() -> list[Reply | BaseException]:
        async with HfModel("hf/tiny", str(checkpoint), Access(device="cpu", batch_size=4)) as model:
            tasks = [asyncio.create_task(model.complete(request(text))) for text in questions(12)]
            await asyncio.sleep(0.02)
            for task in tasks[::3]:
                task.cancel()
            return await asyncio.gather(*tasks, return_exceptions=True)

    results = asyncio.run(run())
    assert all(isinstance(result, Reply) for place, result in enumerate(results) if place % 3)


def test_closing_ends_the_batch_under_way(tmp_path: Path) -> None:
    folder = save_checkpoint(tmp_path, context=100_000)
    endless = Sampling(temperature=0, max_tokens=90_000)

    async def run() -> list[Reply | CallError]:
        async with HfModel("hf/tiny", str(folder), Access(device="cpu", batch_size=2)) as model:
            tasks = [asyncio.create_task(outcome(model, request(text, endless))) for text in "一是在不了"]
            await asyncio.sleep(0.5)
        return await asyncio.gather(*tasks)

    started = time.monotonic()
    results = asyncio.run(run())
    assert time.monotonic() - started < 30
    assert {reason(result) for result in results} <= {NOT_ASKED, "answered"}
    assert reason(results[-1]) == NOT_ASKED


def test_a_model_that_is_not_open_answers_nothing(checkpoint: Path) -> None:
    with pytest.raises(CallError, match="not loaded"):
        asyncio.run(HfModel("hf/tiny", str(checkpoint)).complete(request("人")))


def refusal(path: str) -> str:
    async def run() -> None:
        async with HfModel("hf/x", path, Access(device="cpu")):
            pass

    with pytest.raises(UsageError) as caught:
        asyncio.run(run())
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    assert refusal(f"{tmp_path}/nowhere") == f"there is no folder {tmp_path}/nowhere"


def test_an_unreachable_id_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    assert refusal("nobody/nothing").startswith("cannot load nobody/nothing: ")


def test_pickled_weights_are_never_loaded(tmp_path: Path, checkpoint: Path) -> None:
    folder = shutil.copytree(checkpoint, tmp_path / "pickled")
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    assert "safetensors" in refusal(str(folder))


def test_broken_weights_are_one_line(tmp_path: Path, checkpoint: Path) -> None:
    folder = shutil.copytree(checkpoint, tmp_path / "broken")
    (folder / "model.safetensors").write_bytes(b"no weights")
    assert refusal(str(folder)).startswith(f"cannot load {folder}: ")


def test_missing_weights_are_not_made_up(tmp_path: Path, checkpoint: Path) -> None:
    from safetensors.torch import load_file, save_file

    folder = shutil.copytree(checkpoint, tmp_path / "partial")
    weights = load_file(folder / "model.safetensors")
    del weights["model.norm.weight"]
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    assert refusal(str(folder)).endswith("lacks 1 of the model's weights, such as model.norm.weight")


def test_a_checkpoint_without_chat_template_is_refused(tmp_path: Path, checkpoint: Path) -> None:
    folder = shutil.copytree(checkpoint, tmp_path / "base", ignore=shutil.ignore_patterns("chat_template*"))
    assert "no chat template" in refusal(str(folder))


def test_a_missing_library_names_the_extra(checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "transformers", None)
    monkeypatch.delitem(sys.modules, "anjian.models.hf.load", raising=False)
    assert install("local") in refusal(str(checkpoint))


def test_importing_the_backend_does_not_load_torch() -> None:
    code = "import sys, anjian.models.hf; sys.exit('torch' in sys.modules or 'transformers' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
