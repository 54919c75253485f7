"""The rooms of the project: imports go one way, and what is heavy is loaded late."""

import ast
import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

import anjian
from anjian.cli.doctor import EXTRAS

PACKAGE = Path(anjian.__file__).parent
ROOMS = [
    "items", "models", "dialogue", "judges", "scores", "imports",
    "suites", "runs", "reports", "labels", "filing", "enhance", "cli",
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


def declared() -> dict[str, set[str]]:
    """The libraries that pyproject.toml names, by extra; those that are always installed under the empty name."""
    project = tomllib.loads((PACKAGE.parents[1] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    groups = {"": project["dependencies"]} | project["optional-dependencies"]
    return {extra: {re.split(r"[\[<>=;]", line)[0] for line in lines} - {"anjian"} for extra, lines in groups.items()}


def test_what_is_imported_is_declared() -> None:
    names = {name.split(".")[0] for path in PACKAGE.rglob("*.py") for name in imported(path)}
    installed = packages_distributions()
    libraries = {
        installed[name][0].lower().replace("_", "-")
        for name in names - set(sys.stdlib_module_names) - {"anjian", "__future__", ""}
    }
    assert libraries <= set.union(*declared().values())


def test_the_doctor_looks_for_all_that_is_declared() -> None:
    # uvloop is declared for some platforms only.
    assert {extra: set(names) | ({"uvloop"} if not extra else set()) for extra, names in EXTRAS.items()} == declared()


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


def test_the_version_is_the_same_everywhere() -> None:
    root = PACKAGE.parents[1]
    texts = {name: (root / name).read_text(encoding="utf-8") for name in ("CHANGELOG.md", "CITATION.cff")}
    assert (
        re.findall(r"^## \[(\d.*)\] - \d{4}-\d\d-\d\d$", texts["CHANGELOG.md"], re.MULTILINE)[0] == anjian.__version__
    )
    assert f"\nversion: {anjian.__version__}\n" in texts["CITATION.cff"]
    for name in ("README.md", "README.zh-CN.md"):
        assert f"anjian-{anjian.__version__}-py3-none-any.whl" in (root / name).read_text(encoding="utf-8")
