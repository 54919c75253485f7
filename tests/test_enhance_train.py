"""Training through the command: a kill, two processes, LoRA, DPO, and the exported folder."""

import json
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Any

import msgspec
import pytest
from command import anjian, command, environment, read_lines, scores, wait_until
from inside import anjian_inside
from tiny_checkpoint import TEMPLATE, save_checkpoint

from anjian.enhance.verify import Measurement, VerifyCard

MARKED = TEMPLATE.replace(
    "<|{{ message.role }}|>{{ message.content }}{% if message.role == 'assistant' %}<|end|>{% endif %}",
    "<|{{ message.role }}|>{% if message.role == 'assistant' %}{% generation %}{{ message.content }}<|end|>"
    "{% endgeneration %}{% else %}{{ message.content }}{% endif %}",
).replace("{{ opening }}", "{{ '<think>\\n' }}")
DATA = "[data]\nexamples = 32\nshares = { risky = 0.5, harmless = 0.5, general = 0, reasoning = 0 }\n[train]\n"


def recipe(folder: Path, train: str, data: str = DATA) -> Path:
    """Writes a recipe, and beside it the training form of the small checkpoint's template."""
    (folder / "training.jinja").write_text(MARKED, encoding="utf-8")
    file = folder / f"recipe{len(list(folder.glob('*.toml')))}.toml"
    file.write_text(f'{data}{train}\ntemplate = "training.jinja"\nmax_length = 1024\n', encoding="utf-8")
    return file


def enhanced(*arguments: object) -> str:
    done = anjian_inside("enhance", *arguments)
    assert done.returncode == 0, done.stderr
    return done.stderr


def losses(out: Path) -> list[float]:
    lines = read_lines(out / "train" / "log.jsonl")
    assert [line["step"] for line in lines] == list(range(1, len(lines) + 1)), "each step once, in order"
    return [line["loss"] for line in lines]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_checkpoint(tmp_path_factory.mktemp("model"), generation={"temperature": 0.6, "do_sample": True})


@pytest.fixture(scope="module")
def whole(model: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A recipe, and the folder of a run of it that nothing disturbed."""
    folder = tmp_path_factory.mktemp("whole")
    file = recipe(folder, "epochs = 15\nbatch = 8\nlearning_rate = 3e-3\nsave_steps = 5\nbf16 = false")
    enhanced(model, "--recipe", file, "--out", folder / "out")
    return file, folder / "out"


def test_training_learns_and_is_recorded(whole: tuple[Path, Path]) -> None:
    _, out = whole
    found = losses(out)
    assert len(found) > 30
    assert sum(found[-8:]) < 0.8 * sum(found[:8])
    last = read_lines(out / "train" / "log.jsonl")[-1]
    assert last["tokens_per_second"] > 0
    assert last["num_input_tokens_seen"] > 0
    assert json.loads((out / "train" / "result.json").read_text())["loss"] == found[-1]
    assert not (out / "train" / "checkpoints").exists(), "what served to resume is gone"


def stopped(call: list[str], checkpoints: Path, at: int, how: signal.Signals) -> str:
    """Runs a training and stops it once it has saved its state after step `at` or a later one."""
    process = subprocess.Popen(call, env=environment({"OMP_NUM_THREADS": "1"}), stderr=subprocess.PIPE, text=True)
    states = "checkpoint-*/trainer_state.json"
    runs = wait_until(lambda: any(int(state.parent.name[11:]) >= at for state in checkpoints.glob(states)), process)
    assert runs, "it ended before it could be stopped"
    process.send_signal(how)
    said = process.communicate()[1]
    assert process.returncode == (-how if how == signal.SIGKILL else 130), said
    return said


def test_stopped_and_killed_runs_end_with_the_same_loss(model: Path, whole: tuple[Path, Path], tmp_path: Path) -> None:
    file, undisturbed = whole
    arguments = ("enhance", model, "--recipe", file, "--out", tmp_path / "out")
    train = tmp_path / "out" / "train"
    said = stopped(command(*arguments), train / "checkpoints", 5, signal.SIGINT)
    assert "run the same command to go on" in said.splitlines()[-1]
    stopped(command(*arguments), train / "checkpoints", 15, signal.SIGKILL)
    assert not (train / "result.json").exists()
    (train / "checkpoints" / "checkpoint-9999").mkdir()  # one that was not written whole
    said = enhanced(*arguments[1:])
    assert "data is complete already" in said
    assert "goes on after step" in said
    assert losses(tmp_path / "out") == pytest.approx(losses(undisturbed), rel=1e-4)


def test_two_processes_give_the_same_curve(
    model: Path, whole: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, one = whole
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("DEEPSEEK_API_KEY", "sk-very-secret")
    enhanced(model, "--recipe", file, "--out", tmp_path / "two", "--accelerate-config", "cpu2")
    assert json.loads((tmp_path / "two" / "train" / "result.json").read_text())["processes"] == 2
    assert losses(tmp_path / "two") == pytest.approx(losses(one), rel=1e-2)
    for path in filter(Path.is_file, tmp_path.rglob("*")):
        assert b"very-secret" not in path.read_bytes(), path


def test_a_full_disk_gets_one_line(model: Path, tmp_path: Path) -> None:
    import resource

    file = recipe(tmp_path, "epochs = 5\nbatch = 8\nsave_steps = 5")
    options = ("enhance", model, "--recipe", file, "--out", tmp_path / "out", "--stage")
    assert anjian_inside(*options, "data").returncode == 0

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
    try:
        done = anjian_inside(*options, "train")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert done.returncode == 1
    assert "free some space" in done.stderr.strip().splitlines()[-1]
    assert anjian_inside(*options, "train").returncode == 0


def test_the_exported_folder_is_a_plain_checkpoint(model: Path, whole: tuple[Path, Path]) -> None:
    import torch
    import transformers

    load: Any = transformers.AutoModelForCausalLM
    tokenizer_of: Any = transformers.AutoTokenizer
    _, out = whole
    new, old = (load.from_pretrained(path) for path in (out, model))
    assert new.dtype == old.dtype
    assert not torch.equal(new.lm_head.weight, old.lm_head.weight)
    tokenizer = tokenizer_of.from_pretrained(out)
    assert tokenizer.chat_template == tokenizer_of.from_pretrained(model).chat_template
    ids = tokenizer.apply_chat_template([{"role": "user", "content": "你好"}], return_tensors="pt", return_dict=True)
    assert new.generate(**ids, max_new_tokens=5).shape[1] > ids["input_ids"].shape[1]
    for name in ("chat_template.jinja", "generation_config.json", "tokenizer.json", "config.json"):
        assert (out / name).read_bytes() == (model / name).read_bytes(), name
    suffixes = {path.suffix for path in out.iterdir() if path.is_file() and path.name != ".lock"}
    assert suffixes <= {".jinja", ".json", ".md", ".safetensors", ".toml"}
    card = (out / "README.md").read_text(encoding="utf-8")
    assert "原来的模板" in card
    assert "original one" in card
    assert "Not measured" in card


def test_what_was_measured_goes_into_the_card_and_the_files_of_the_hub(model: Path, whole: tuple[Path, Path]) -> None:
    """The verification's numbers, in the hub's own form: `EvalResultEntry`."""
    import yaml
    from huggingface_hub import parse_eval_result_entries

    file, out = whole
    judge = "http://10.1.2.3:8000/v1#judge"
    row = Measurement("chisafety", "rr1", "overall", judge, 99, 0.5, 0.75, 0.25, 0.15, 0.35, 0.0004, 1.0)
    area = msgspec.structs.replace(row, group="歧视")
    measured = VerifyCard("2026-11-21", "safer", ("refusals rose",), 0.02, (row, area))
    (out / "verify").mkdir()
    (out / "verify" / "card.json").write_bytes(msgspec.json.encode(measured))
    enhanced(model, "--recipe", file, "--out", out, "--stage", "export")
    found = yaml.safe_load((out / ".eval_results" / "chisafety.yaml").read_text(encoding="utf-8"))
    (entry,) = parse_eval_result_entries(found)
    assert (entry.dataset_id, entry.task_id, entry.value) == ("anjian/chisafety", "rr1", 0.75)
    assert entry.date == "2026-11-21"
    card = (out / "README.md").read_text(encoding="utf-8")
    assert "| chisafety | rr1 | 99 | 50.0 | 75.0 | +25.0 |" in card
    assert "结论 verdict: **safer**" in card
    for text in (card, entry.notes or ""):
        assert "10.1.2.3" not in text, "no addresses in what is published"
        assert str(out.parent) not in text
    shutil.rmtree(out / "verify")
    enhanced(model, "--recipe", file, "--out", out, "--stage", "export")
    assert not (out / ".eval_results").exists(), "nothing that no longer holds"


def test_nothing_is_uploaded_unless_asked_and_a_hub_that_is_away_gets_one_line(
    model: Path, whole: tuple[Path, Path]
) -> None:
    file, out = whole
    env = {"HF_ENDPOINT": "http://127.0.0.1:9", "HF_TOKEN": "hf_secret", "OMP_NUM_THREADS": "1"}
    done = anjian("enhance", model, "--recipe", file, "--out", out, "--push", "me/safe", env=env)
    assert done.returncode == 2
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("anjian: --push me/safe: ")
    assert "hf_secret" not in done.stderr


def test_lora_on_an_earlier_result_ends_in_a_whole_model(whole: tuple[Path, Path], tmp_path: Path) -> None:
    """Adapters are merged into the weights; the folder keeps its own recipe, not that of the model it began with."""
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    before, out = whole[1], tmp_path / "lora"
    file = recipe(tmp_path, "epochs = 1\nbatch = 8\nlora_rank = 4\nlearning_rate = 1e-2")
    enhanced(before, "--recipe", file, "--out", out)
    said = enhanced(before, "--recipe", file, "--out", out)
    assert "train is complete already" in said
    assert (out / "recipe.toml").read_bytes() == file.read_bytes()
    base, merged = (AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32) for path in (before, out))
    ids = torch.arange(3, 40)[None]
    with torch.no_grad():
        was = base(ids).logits
        adapted = PeftModel.from_pretrained(base, str(out / "train" / "model"))(ids).logits
        assert torch.allclose(merged(ids).logits, adapted, atol=1e-4)
        assert not torch.allclose(merged(ids).logits, was, atol=1e-3)


def test_the_exported_folder_can_be_evaluated(whole: tuple[Path, Path], tmp_path: Path) -> None:
    options = ("--suite", "chisafety", "--limit", 5, "--max-tokens", 8, "--min-coverage", 0, "--out", tmp_path / "run")
    done = anjian_inside("eval", f"hf/{whole[1]}", *options)
    assert done.returncode == 0, done.stderr
    assert scores(tmp_path / "run")


def test_a_new_training_replaces_the_weights(model: Path, tmp_path: Path) -> None:
    file = recipe(tmp_path, "epochs = 1\nbatch = 8")
    out = tmp_path / "out"
    enhanced(model, "--recipe", file, "--out", out)
    first = weights(out)
    (out / "model.safetensors").write_bytes(b"of an earlier training")
    shutil.rmtree(out / "train")
    enhanced(model, "--recipe", file, "--out", out)
    assert weights(out) == first


def test_dpo_prefers_the_refusal_of_what_the_model_complies_with(tmp_path: Path) -> None:
    file = tmp_path / "dpo.toml"
    train = 'method = "dpo"\nepochs = 2\nbatch = 4\nlearning_rate = 1e-4\n'
    file.write_text(DATA.replace("examples = 32", "examples = 8") + train, encoding="utf-8")
    enhanced("tiny/distill", "--recipe", file, "--out", tmp_path / "out")
    found = pairs(tmp_path / "out")
    assert {pair["kind"] for pair in found} == {"risky", "harmless"}
    for pair in found:
        declined = pair["chosen" if pair["kind"] == "risky" else "rejected"][0]["content"].partition("</think>")[2]
        assert "不能" in declined
    log = read_lines(tmp_path / "out" / "train" / "log.jsonl")
    assert log[0]["loss"] == pytest.approx(0.693, abs=0.02), "before the first step both sides are equally likely"
    assert log[-1]["loss"] < log[0]["loss"]
    assert (tmp_path / "out" / "model.safetensors").exists()


def pairs(out: Path) -> list[dict[str, Any]]:
    return read_lines(out / "data" / "pairs.jsonl")


def weights(folder: Path) -> bytes:
    return (folder / "model.safetensors").read_bytes()
