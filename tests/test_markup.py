"""What users, models and servers write is shown as it is: brackets are no markup of the terminal, colons no emoji."""

import importlib.metadata
from pathlib import Path

import pytest
import typer
from command import anjian, one_line, risky, write_items
from inside import anjian_inside

from anjian.cli.main import app

HOSTILE = "x[/y][bold]z[/]:key:"


@pytest.fixture
def items(tmp_path: Path) -> Path:
    """A file of items, with brackets in its name, in its folder's name and in what it holds."""
    folder = tmp_path / HOSTILE.partition("/")[0]
    folder.mkdir()
    (item,) = risky(1)
    asked = f"[red]{item['turns'][0]} [/red] :key: 见[1]"
    return write_items(folder / "y][bold]z:key:.jsonl", [item | {"id": "[/r]:key:", "turns": [asked]}])


def test_a_dry_run_shows_items_as_they_are(items: Path) -> None:
    folder = items.parent / "run[/]:key:"
    done = anjian("eval", "tiny/distill", "--suite", "chisafety", "--items", items, "--dry-run", "--out", folder)
    assert done.returncode == 0, done.stderr
    shown = "".join(done.stdout.split())
    assert "[red]过了三十五岁" in shown
    assert "[/red]:key:见[1]" in shown
    assert "refusal:[/r]:key:" in shown
    assert f"runfolder:{folder}" in shown
    assert str(items) in shown


def test_a_bank_is_counted_under_its_own_name(items: Path) -> None:
    done = anjian("bank", "stats", items)
    assert done.returncode == 0, done.stderr
    assert items.name in "".join(done.stdout.split())


def test_the_doctor_names_extras_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    versions = importlib.metadata.version

    def version(name: str) -> str:
        if name in ("torch", "math-verify"):
            raise importlib.metadata.PackageNotFoundError(name)
        return versions(name)

    monkeypatch.setattr(importlib.metadata, "version", version)
    done = anjian_inside("doctor")
    assert done.returncode == 0, "extras may be absent"
    told = done.stdout.splitlines()
    assert any(line.startswith('torch: pip install -e ".[local]" in a clone of Anjian, or ') for line in told)
    assert any(line.startswith("math-verify: ") and line.endswith('whl[math]"') for line in told)


def test_a_training_says_what_it_trains_on(tmp_path: Path) -> None:
    recipe = tmp_path / "x[" / "y].toml"
    recipe.parent.mkdir()
    recipe.write_text("[data]\nexamples = 0", encoding="utf-8")
    done = anjian_inside("enhance", "tiny/distill", "--recipe", recipe, "--out", tmp_path / "out")
    assert str(recipe) in one_line(done)


def commands(group: typer.Typer) -> list[tuple[str, str]]:
    """Every command's and option's help text."""
    found = []
    todo = [typer.main.get_command(group)]
    while todo:
        command = todo.pop()
        todo += getattr(command, "commands", {}).values()
        found.append((command.name or "", command.help or ""))
        found += [(f"{command.name} {param.name}", getattr(param, "help", None) or "") for param in command.params]
    return found


def test_no_help_text_holds_what_the_terminal_would_take_for_markup() -> None:
    helps = commands(app)
    assert len(helps) > 60
    assert not [(name, text) for name, text in helps if "[" in text]
