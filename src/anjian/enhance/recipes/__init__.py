"""The recipes that come with Anjian, and beside them, in `accelerate/`, the ways to train in several processes.

Each is named by its file's name without the ending: `--recipe dpo`, `--accelerate-config fsdp`.
"""

from pathlib import Path

from anjian.errors import UsageError

RECIPES = Path(__file__).parent


def recipe_file(named: str) -> Path:
    """Finds a recipe: one of ours by its name, or a file; raises UsageError if it is neither."""
    return _found("--recipe", named, RECIPES, ".toml")


def accelerate_file(named: str) -> Path:
    """Finds a configuration of accelerate: one of ours by its name, or a file; raises UsageError if it is neither."""
    return _found("--accelerate-config", named, RECIPES / "accelerate", ".yaml")


def _found(option: str, named: str, folder: Path, ending: str) -> Path:
    ours = {path.stem: path for path in sorted(folder.glob(f"*{ending}"))}
    path = ours.get(named, Path(named))
    if not path.is_file():
        raise UsageError(f"{option} {named}: there is no such file; bundled in {folder} are {', '.join(ours)}")
    return path
