"""The bundled models, offline, through the command: every path runs for real."""

import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import tomllib
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from command import anjian, command, environment, read_lines, scores, wait_until

from anjian.items.bank import load_bank
from anjian.items.records import save_items

MODELS = Path(__file__).parents[1] / "src" / "anjian" / "models" / "tiny"


def evaluate(model: str, out: Path, *more: object) -> dict[tuple[str, str], dict[str, Any]]:
    done = anjian("eval", model, "--out", out, "--min-coverage", 0, *more)
    assert done.returncode == 0, done.stderr
    return scores(out)


@pytest.fixture(scope="module")
def risky_items(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every third risky question of the bank."""
    path = tmp_path_factory.mktemp("items") / "risky.jsonl"
    risky = [item for item in load_bank("chisafety") if not item.options and not item.harmless]
    save_items(risky[::3], path)
    return path


def test_base_refuses_clearly_more_than_distill(risky_items: Path, tmp_path: Path) -> None:
    base, distill = (
        evaluate(f"tiny/{name}", tmp_path / name, "--suite", "chisafety", "--items", risky_items)["rr1", "overall"]
        for name in ("base", "distill")
    )
    assert base["low"] > distill["high"]


def test_distill_thinks_and_base_does_not(tmp_path: Path) -> None:
    distill = evaluate("tiny/distill", tmp_path / "distill", "--suite", "chisafety", "--limit", 16)
    base = evaluate("tiny/base", tmp_path / "base", "--suite", "chisafety", "--limit", 16, "--dtype", "float32")
    assert base["thinking_empty", "overall"]["value"] > 0.8
    assert distill["thinking_closing_only", "overall"]["value"] > 0.8
    told = tomllib.loads((tmp_path / "base" / "run.toml").read_text(encoding="utf-8"))
    assert told["access"] == {"dtype": "float32"}, "what was asked for"
    assert (told["engine"]["device"], told["engine"]["dtype"]) == ("cpu", "float32"), "and what was taken"
    assert all(
        line.get("thinking") for line in read_lines(tmp_path / "distill" / "replies.jsonl") if line.get("answer")
    )


def stored(ledger: Path, replies: int) -> bool:
    """Whether a run under way has written so many replies."""
    try:
        with contextlib.closing(sqlite3.connect(f"file:{ledger}?mode=ro", uri=True)) as database:
            return int(database.execute("SELECT count(*) FROM calls").fetchone()[0]) >= replies
    except sqlite3.OperationalError:  # There is no file yet, or no table in it.
        return False


def test_a_killed_run_of_a_bundled_model_ends_the_same(risky_items: Path, tmp_path: Path) -> None:
    arguments = ("--suite", "chisafety", "--items", risky_items, "--limit", 40, "--max-tokens", 64, "--concurrency", 8)
    evaluate("tiny/distill", tmp_path / "whole", *arguments)
    ledger = tmp_path / "cut" / "ledger.sqlite"
    for replies in (1, 10, 20):
        process = subprocess.Popen(
            command("eval", "tiny/distill", *arguments, "--out", tmp_path / "cut"),
            env=environment(), stdout=-3, stderr=-3,
        )  # fmt: skip
        assert wait_until(partial(stored, ledger, replies), process), "it ended before it could be killed"
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    evaluate("tiny/distill", tmp_path / "cut", *arguments)
    for name in ("scores.json", "replies.jsonl"):
        assert (tmp_path / "whole" / name).read_bytes() == (tmp_path / "cut" / name).read_bytes()


def test_live_adversaries_attack_the_same_with_the_same_seed(tmp_path: Path) -> None:
    pairs = [item for item in load_bank("sc_safety") if not item.harmless][::90]
    save_items(pairs, tmp_path / "pairs.jsonl")
    for name, seed in (("one", 7), ("two", 7)):
        evaluate("tiny/base", tmp_path / name, "--suite", "sc_safety", "--items", tmp_path / "pairs.jsonl",
                 "--adversary", "tiny/distill", "--rounds", 3, "--seed", seed)  # fmt: skip
    one, two = (read_lines(tmp_path / name / "replies.jsonl") for name in ("one", "two"))
    assert one == two
    assert len(one) == 3 * len(pairs)


def test_crescendo_runs_offline_and_ends(risky_items: Path, tmp_path: Path) -> None:
    found = evaluate("tiny/base", tmp_path / "run", "--suite", "crescendo", "--adversary", "tiny/distill",
                     "--rounds", 2, "--items", risky_items, "--limit", 3)  # fmt: skip
    assert found["asr", "overall"]["n"] == 3
    per_item = [line["id"] for line in read_lines(tmp_path / "run" / "verdicts.jsonl")]
    assert max(per_item.count(name) for name in set(per_item)) <= 2 + 10


def test_grow_runs_offline_and_ends(tmp_path: Path) -> None:
    seeds = [item for item in load_bank("sc_safety") if not item.harmless][::200]
    save_items(seeds, tmp_path / "seeds.jsonl")
    done = anjian("grow", "--seeds", tmp_path / "seeds.jsonl", "--targets", "tiny/base", "--targets", "tiny/distill",
                  "--adversary", "tiny/distill", "--rewrites", 1, "--out", tmp_path / "new.jsonl")  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert f"{len(seeds)} seeds:" in done.stdout


@pytest.mark.parametrize("name", ["base", "distill"])
def test_a_bundled_model_is_a_plain_checkpoint(name: str) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder = MODELS / name
    assert sum(path.stat().st_size for path in folder.iterdir()) <= 12 * 2**20
    assert not [path for path in folder.rglob("*") if path.suffix in (".bin", ".pt", ".pkl", ".pth")]
    config = json.loads((folder / "config.json").read_text())
    assert config["architectures"] == ["Qwen3ForCausalLM"]
    model = AutoModelForCausalLM.from_pretrained(folder)
    assert 2e6 <= model.num_parameters() <= 6e6
    tokenizer: Any = AutoTokenizer.from_pretrained(folder)
    rendered = tokenizer.apply_chat_template(
        [{"role": "user", "content": "问"}], tokenize=False, add_generation_prompt=True
    )
    assert rendered.endswith("<think>\n")
    for text in ("敬请垂询，谢谢！", "𠮷野家 🙂 ﷽ ẞ", "<think>想</think>"):
        assert tokenizer.decode(tokenizer(text, add_special_tokens=False)["input_ids"]) == text
