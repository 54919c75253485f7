"""Training through the command: a kill, two processes, LoRA, DPO, and the exported folder."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from command import anjian, command, environment, read_lines
from tiny_checkpoint import TEMPLATE, save_checkpoint

RECIPES = Path(__file__).parents[1] / "recipes"
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
    file.write_text(f'{data}{train}\ntemplate = "training.jinja"\nmax_length = 256\n', encoding="utf-8")
    return file


def enhanced(*arguments: object) -> str:
    done = anjian("enhance", *arguments, env={"OMP_NUM_THREADS": "1"})
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
    file = recipe(folder, "epochs = 30\nbatch = 8\nlearning_rate = 3e-3\nsave_steps = 10")
    enhanced(model, "--recipe", file, "--out", folder / "out")
    return file, folder / "out"


def test_training_learns_and_is_recorded(whole: tuple[Path, Path]) -> None:
    _, out = whole
    found = losses(out)
    assert len(found) > 80
    assert sum(found[-8:]) < 0.8 * sum(found[:8])
    last = read_lines(out / "train" / "log.jsonl")[-1]
    assert last["tokens_per_second"] > 0
    assert last["num_input_tokens_seen"] > 0
    assert json.loads((out / "train" / "result.json").read_text())["loss"] == found[-1]
    assert not (out / "train" / "checkpoints").exists(), "what served to resume is gone"


def test_a_killed_run_ends_with_the_same_loss(model: Path, whole: tuple[Path, Path], tmp_path: Path) -> None:
    file, undisturbed = whole
    call = command("enhance", model, "--recipe", file, "--out", tmp_path / "out")
    process = subprocess.Popen(call, env=environment({"OMP_NUM_THREADS": "1"}), stderr=subprocess.DEVNULL)
    state = tmp_path / "out" / "train" / "checkpoints" / "checkpoint-20" / "trainer_state.json"
    deadline = time.monotonic() + 120
    while not state.exists():
        assert time.monotonic() < deadline
        assert process.poll() is None, "it ended before it could be killed"
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (tmp_path / "out" / "train" / "result.json").exists()
    (tmp_path / "out" / "train" / "checkpoints" / "checkpoint-9999").mkdir()  # one that was not written whole
    said = enhanced(model, "--recipe", file, "--out", tmp_path / "out")
    assert "data is complete already" in said
    assert "goes on after step" in said
    assert losses(tmp_path / "out") == pytest.approx(losses(undisturbed), rel=1e-4)


def test_two_processes_give_the_same_curve(model: Path, tmp_path: Path) -> None:
    file = recipe(tmp_path, "epochs = 5\nbatch = 8\nlearning_rate = 3e-3")
    enhanced(model, "--recipe", file, "--out", tmp_path / "one")
    config = RECIPES / "accelerate" / "cpu2.yaml"
    enhanced(model, "--recipe", file, "--out", tmp_path / "two", "--accelerate-config", config)
    assert json.loads((tmp_path / "two" / "train" / "result.json").read_text())["processes"] == 2
    assert losses(tmp_path / "two") == pytest.approx(losses(tmp_path / "one"), rel=2e-2)


def test_the_exported_folder_is_a_plain_checkpoint(model: Path, whole: tuple[Path, Path]) -> None:
    _, out = whole
    script = (
        "import sys, torch\n"
        "from transformers import AutoModelForCausalLM, AutoTokenizer\n"
        "new, old = (AutoModelForCausalLM.from_pretrained(p, dtype='auto') for p in sys.argv[1:])\n"
        "assert new.dtype == old.dtype, (new.dtype, old.dtype)\n"
        "assert not torch.equal(new.lm_head.weight, old.lm_head.weight)\n"
        "one, other = (AutoTokenizer.from_pretrained(p) for p in sys.argv[1:])\n"
        "assert one.chat_template == other.chat_template and 'generation' not in one.chat_template.split('add_')[0]\n"
        "said = [{'role': 'user', 'content': '你好'}]\n"
        "ids = one.apply_chat_template(said, add_generation_prompt=True, return_tensors='pt', return_dict=True)\n"
        "print(new.generate(**ids, max_new_tokens=5).shape)"
    )
    done = subprocess.run([sys.executable, "-c", script, out, model], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for name in ("chat_template.jinja", "generation_config.json", "tokenizer.json", "config.json"):
        assert (out / name).read_bytes() == (model / name).read_bytes(), name
    assert {path.suffix for path in out.iterdir() if path.is_file()} <= {
        ".jinja",
        ".json",
        ".md",
        ".safetensors",
        ".toml",
    }
    card = (out / "README.md").read_text(encoding="utf-8")
    assert "原来的模板" in card
    assert "original one" in card
    assert "Not measured" in card


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


def test_lora_ends_in_a_whole_model(model: Path, tmp_path: Path) -> None:
    lora = recipe(tmp_path, "epochs = 1\nbatch = 8\nlora_rank = 4\nlearning_rate = 1e-2")
    enhanced(model, "--recipe", lora, "--out", tmp_path / "lora")
    assert weights(tmp_path / "lora") != weights(model)
    assert losses(tmp_path / "lora")


def test_dpo_prefers_the_refusal_of_what_the_model_complies_with(tmp_path: Path) -> None:
    file = tmp_path / "dpo.toml"
    train = 'method = "dpo"\nepochs = 2\nbatch = 4\nlearning_rate = 1e-4\n'
    file.write_text(DATA.replace("examples = 32", "examples = 16") + train, encoding="utf-8")
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
