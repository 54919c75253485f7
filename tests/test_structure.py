"""The rooms of the project: imports go one way, and what is heavy is loaded late."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import anjian

PACKAGE = Path(anjian.__file__).parent
ROOMS = [
    "items", "models", "dialogue", "judges", "scores", "imports", "suites", "runs", "reports", "enhance", "cli",
]  # fmt: skip
HEAVY = ["scipy", "plotly", "jinja2", "torch", "transformers", "numpy"]


def imported(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            names.add(node.module or "")
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
    return names


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_go_one_way(path: Path) -> None:
    room = path.relative_to(PACKAGE).parts[0]
    if room not in ROOMS:
        return
    later = ROOMS[ROOMS.index(room) + 1 :]
    for name in imported(path):
        parts = name.split(".")
        assert parts[0] != "anjian" or len(parts) == 1 or parts[1] not in later, f"{path} imports {name}"
        assert parts[0] not in ("aiohttp", "torch", "transformers") or room in ("models", "enhance", "cli"), name
        assert parts[0] != "trl" or room == "enhance", name
        assert parts[0] != "plotly" or room == "reports", name


def modules_after(code: str) -> set[str]:
    script = f"{code}\nimport sys\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return {name.split(".")[0] for name in done.stdout.split()}


def test_importing_anjian_loads_nothing_heavy() -> None:
    assert not modules_after("import anjian") & {*HEAVY, "aiohttp", "rich", "typer"}


def test_the_help_loads_nothing_heavy() -> None:
    code = "import contextlib, sys\nfrom anjian.cli.main import run\nsys.argv = ['anjian', '--help']\n"
    code += "with contextlib.suppress(SystemExit): run()"
    assert not modules_after(code) & {*HEAVY, "aiohttp"}


def test_files_stay_small() -> None:
    long = {path.name: count for path in PACKAGE.rglob("*.py") if (count := len(path.read_text().splitlines())) > 350}
    assert not long
