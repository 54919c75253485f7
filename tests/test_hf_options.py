"""Options of a model on this machine: device, dtype, adapter, template; what they do, and what is refused."""

import asyncio
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from command import anjian, one_line, risky, write_items
from test_hf import GREEDY, questions, request
from tiny_checkpoint import PLAIN_TEMPLATE, save_adapter, save_checkpoint

from anjian.errors import UsageError
from anjian.models.access import Access
from anjian.models.base import Reply
from anjian.models.hf import HfModel, load
from anjian.models.resolve import open_model
from anjian.models.spec import parse_or_folder
from anjian.models.weights import fingerprint

pytest.importorskip("peft")
TEXTS = questions(5)


@pytest.fixture(scope="module")
def adapter(checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_adapter(checkpoint, tmp_path_factory.mktemp("adapter"))


def asked(folder: Path, access: Access) -> tuple[list[Reply], dict[str, Any]]:
    async def run() -> tuple[list[Reply], dict[str, Any]]:
        model = HfModel("hf/tiny", str(folder), access)
        async with model:
            replies = await asyncio.gather(*(model.complete(request(text, GREEDY)) for text in TEXTS))
            return replies, model.about()

    return asyncio.run(run())


def test_small_models_are_float32_on_a_processor_and_others_what_it_is_fast_with(
    checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    half = save_checkpoint(tmp_path, dtype="bfloat16")
    replies, about = asked(half, Access(device="cpu"))
    assert (about["device"], about["dtype"]) == ("cpu", "float32")
    assert asked(half, Access(device="cpu", dtype="float32"))[0] == replies
    assert asked(half, Access(device="cpu", dtype="auto"))[1]["dtype"] == "bfloat16"
    monkeypatch.setattr(load, "SMALL", 0)
    monkeypatch.setattr(load, "FAST_16_BIT", {torch.bfloat16: {"processor"}})
    assert asked(half, Access(device="cpu"))[1]["dtype"] == "bfloat16"
    assert asked(checkpoint, Access(device="cpu"))[1]["dtype"] == "float32"
    monkeypatch.setattr(load, "FAST_16_BIT", {torch.bfloat16: {"no such instruction"}})
    assert asked(half, Access(device="cpu"))[1]["dtype"] == "float32"


def test_an_adapter_is_put_on_the_model(checkpoint: Path, adapter: Path, tmp_path: Path) -> None:
    import transformers as untyped
    from peft import PeftModel

    transformers: Any = untyped
    base = transformers.AutoModelForCausalLM.from_pretrained(checkpoint)
    PeftModel.from_pretrained(base, str(adapter)).merge_and_unload().save_pretrained(tmp_path)
    for file in checkpoint.glob("*token*"):
        shutil.copy(file, tmp_path)
    shutil.copy(checkpoint / "chat_template.jinja", tmp_path)
    adapted = asked(checkpoint, Access(device="cpu", lora=adapter))[0]
    assert adapted == asked(tmp_path, Access(device="cpu"))[0]
    assert adapted != asked(checkpoint, Access(device="cpu"))[0]


def test_an_adapters_folder_is_a_model_too(checkpoint: Path, adapter: Path, tmp_path: Path) -> None:
    async def run(name: str) -> list[Reply]:
        async with open_model(name) as model:
            return await asyncio.gather(*(model.complete(request(text, GREEDY)) for text in TEXTS))

    assert asyncio.run(run(f"hf/{adapter}")) == asked(checkpoint, Access(device="cpu", lora=adapter))[0]
    assert fingerprint(f"hf/{adapter}") == fingerprint(f"hf/{checkpoint}", Access(lora=adapter))
    assert parse_or_folder(str(adapter)).name == f"hf/{adapter}"
    with pytest.raises(UsageError, match="leave --lora out"):
        open_model(f"hf/{adapter}", Access(lora=adapter))
    with pytest.raises(UsageError, match="name its base"):
        open_model(f"sglang/{adapter}")


def test_a_tokenizer_of_the_adapters_own_is_taken(checkpoint: Path, adapter: Path, tmp_path: Path) -> None:
    own = shutil.copytree(adapter, tmp_path / "own")
    for file in checkpoint.glob("tokenizer*"):
        shutil.copy(file, own)
    (own / "chat_template.jinja").write_text(PLAIN_TEMPLATE)
    assert not any(reply.prefilled for reply in asked(checkpoint, Access(device="cpu", lora=own))[0])


def test_a_template_of_the_users_own_is_taken(checkpoint: Path, tmp_path: Path) -> None:
    base = save_checkpoint(tmp_path / "base", template=None)
    file = tmp_path / "template.jinja"
    shutil.copy(checkpoint / "chat_template.jinja", file)
    assert asked(base, Access(device="cpu", chat_template=file))[0] == asked(checkpoint, Access(device="cpu"))[0]


def test_adapter_and_template_are_part_of_the_weights(checkpoint: Path, adapter: Path, tmp_path: Path) -> None:
    file = tmp_path / "template.jinja"
    file.write_text(PLAIN_TEMPLATE)
    other = shutil.copytree(adapter, tmp_path / "other")
    name = f"hf/{checkpoint}"
    before = fingerprint(name, Access(lora=other))
    weights = bytearray((other / "adapter_model.safetensors").read_bytes())
    weights[-1] ^= 1
    (other / "adapter_model.safetensors").write_bytes(weights)
    found = [
        fingerprint(name),
        before,
        fingerprint(name, Access(lora=other)),
        fingerprint(name, Access(chat_template=file)),
        fingerprint("hf/Qwen/Qwen3-8B", Access(lora=adapter)),
    ]
    assert len(set(found)) == len(found)
    assert before == fingerprint(name, Access(lora=adapter))
    assert fingerprint(name) == fingerprint(name, Access(device="cpu", dtype="bfloat16", batch_size=2))
    assert fingerprint("deepseek/x") == fingerprint("hf/Qwen/Qwen3-8B") == ""


def test_the_options_reach_the_model_from_the_command(checkpoint: Path, adapter: Path, tmp_path: Path) -> None:
    items = write_items(tmp_path / "items.jsonl", risky(3))
    file = tmp_path / "template.jinja"
    file.write_text(PLAIN_TEMPLATE)
    arguments = ("eval", f"hf/{checkpoint}", "--suite", "chisafety", "--items", items, "--max-tokens", 8,
                 "--min-coverage", 0, "--out", tmp_path / "run")  # fmt: skip
    done = anjian(*arguments, "--device", "cpu", "--dtype", "bfloat16", "--batch-size", 2, "--lora", adapter,
                  "--chat-template", file)  # fmt: skip
    assert done.returncode == 0, done.stderr
    shapes = [json.loads(line)["shape"] for line in (tmp_path / "run" / "replies.jsonl").read_text().splitlines()]
    assert "opening_only" not in shapes
    assert "weights" in one_line(anjian(*arguments))


def refused(*arguments: object) -> str:
    shutil.rmtree("run", ignore_errors=True)
    done = anjian("eval", *arguments, "--suite", "chisafety", "--limit", 1, "--out", "run")
    assert done.returncode == 2
    opened = f"opening {arguments[0]}\n"
    return one_line(subprocess.CompletedProcess(done.args, 2, stderr=done.stderr.removeprefix(opened)))


@pytest.mark.parametrize(
    ("model", "options", "said"),
    [
        ("http://127.0.0.1:9/v1#m", ["--lora", "x"], "--lora is for hf/ and vllm/ models, not for m"),
        ("http://127.0.0.1:9/v1#m", ["--device", "cpu"], "--device is for hf/ and tiny/"),
        ("http://127.0.0.1:9/v1#m", ["--trust-remote-code"], "--trust-remote-code is for hf/, vllm/ and sglang/"),
        ("sglang/org/m", ["--lora", "x"], "--lora is for hf/ and vllm/"),
        ("vllm/org/m", ["--batch-size", "4"], "--batch-size is for hf/ and tiny/"),
        ("tiny/base", ["--server-args", "--x"], "--server-args is for vllm/ and sglang/"),
        ("tiny/base", ["--dtype", "int8"], "'int8' is not one of"),
        ("tiny/base", ["--device", "abacus"], "--device abacus cannot be used here"),
        ("tiny/base", ["--device", "cuda:77"], "--device cuda:77 cannot be used here"),
        ("tiny/base", ["--batch-size", "0"], "--batch-size"),
        ("vllm/org/m", ["--server-args", "'open"], "--server-args is not a command line"),
        ("vllm/org/m", ["--server-args", "--port 1"], "--port is settled by anjian"),
    ],
)
def test_what_cannot_apply_is_refused_in_one_line(
    model: str, options: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert said in refused(model, *options)


def test_what_is_no_adapter_or_no_template_is_refused_in_one_line(
    checkpoint: Path, adapter: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    model = f"hf/{checkpoint}"
    assert "--lora nowhere: no adapter" in refused(model, "--lora", "nowhere")
    assert "no adapter" in refused(model, "--lora", checkpoint)
    misfit = save_adapter(save_checkpoint(tmp_path / "wide", hidden_size=64), tmp_path / "misfit")
    assert f"cannot put the adapter {misfit} on" in refused(model, "--lora", misfit)
    broken = shutil.copytree(adapter, tmp_path / "broken")
    (broken / "adapter_config.json").write_text("{")
    assert "cannot read" in refused(model, "--lora", broken)
    (broken / "adapter_config.json").write_text('{"peft_type": "PREFIX_TUNING"}')
    assert "only LORA" in refused(model, "--lora", broken)

    assert "cannot read no.jinja" in refused(model, "--chat-template", "no.jinja")
    for text, said in (("a\n{% if %}", "line 2"), (" ", "is empty"), ("{{ strange() }}", "'strange' is undefined")):
        Path("t.jinja").write_text(text)
        assert said in refused(model, "--chat-template", "t.jinja")
    Path("t.jinja").write_bytes(b"\xff\xfe")
    assert "cannot read t.jinja" in refused(model, "--chat-template", "t.jinja")
