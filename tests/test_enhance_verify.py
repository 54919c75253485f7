"""The last stage through the command: before and after on the same questions, a verdict, the model card."""

import json
from pathlib import Path
from typing import Any

import pytest
from command import scores
from inside import anjian_inside

RECIPE = """
[data]
examples = 24
shares = { risky = 0.4, harmless = 0.4, general = 0.2, reasoning = 0 }
[train]
epochs = 1
learning_rate = 1e-3
max_length = 512
[verify]
limit = 6
suites = ["chisafety", "over_refusal"]
"""


@pytest.fixture(scope="module")
def enhanced(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("verify")
    recipe = folder / "recipe.toml"
    recipe.write_text(RECIPE, encoding="utf-8")
    done = anjian_inside("enhance", "tiny/distill", "--recipe", recipe, "--out", folder / "safe")
    assert done.returncode == 0, done.stderr
    return recipe, folder / "safe"


@pytest.fixture(scope="module")
def verified(enhanced: tuple[Path, Path]) -> tuple[Any, Path]:
    recipe, out = enhanced
    assert "没有测评过" in (out / "README.md").read_text(encoding="utf-8")
    done = anjian_inside("enhance", "tiny/distill", "--recipe", recipe, "--out", out, "--stage", "verify")
    return done, out


def test_the_verdict_decides_the_exit_code(verified: tuple[Any, Path]) -> None:
    done, out = verified
    card = json.loads((out / "verify" / "card.json").read_text(encoding="utf-8"))
    assert card["verdict"] in ("not proven", "harmed"), "reasoning was not measured"
    assert done.returncode == {"not proven": 4, "harmed": 5}[card["verdict"]], done.stderr
    assert any("reasoning was not measured" in reason for reason in card["reasons"]) or card["verdict"] == "harmed"


def test_the_card_holds_what_was_measured(verified: tuple[Any, Path]) -> None:
    _, out = verified
    text = (out / "README.md").read_text(encoding="utf-8")
    found = json.loads((out / "verify" / "compare.json").read_text(encoding="utf-8"))
    rows = {row["metric"]["metric"]: row for row in found["contrasts"][0]["changes"]}
    line = next(line for line in text.splitlines() if line.startswith("| chisafety | rr1 |"))
    assert f"| {rows['rr1']['n']} | {100 * rows['rr1']['before']:.1f} | {100 * rows['rr1']['after']:.1f} |" in line
    assert "没有测评过" not in text
    assert {file.name for file in (out / ".eval_results").iterdir()} == {"chisafety.yaml", "over_refusal.yaml"}
    assert (out / "verify" / "compare.html").exists()


def test_an_evaluation_of_the_folder_reproduces_the_scores(verified: tuple[Any, Path], tmp_path: Path) -> None:
    _, out = verified
    run = next((out / "verify" / "runs").glob("hf-*-chisafety"))
    done = anjian_inside("eval", f"hf/{out}", "--suite", "chisafety", "--limit", 6, "--out", tmp_path / "run",
                         "--min-coverage", 0)  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert scores(tmp_path / "run") == scores(run)


def test_only_the_proof_may_change_after_training(enhanced: tuple[Path, Path], tmp_path: Path) -> None:
    _, out = enhanced
    changed = tmp_path / "recipe.toml"
    changed.write_text(RECIPE.replace("limit = 6", "limit = 7"), encoding="utf-8")
    done = anjian_inside("enhance", "tiny/distill", "--recipe", changed, "--out", out, "--stage", "data")
    assert done.returncode == 0, done.stderr
    changed.write_text(RECIPE.replace("epochs = 1", "epochs = 2"), encoding="utf-8")
    done = anjian_inside("enhance", "tiny/distill", "--recipe", changed, "--out", out, "--stage", "data")
    assert done.returncode == 2
    assert "for another recipe" in done.stderr
