"""The bundled bank: questions written for this project, one folder a suite."""

from importlib.resources import files
from pathlib import Path

from anjian.errors import UsageError
from anjian.items.records import Item, load_items
from anjian.items.taxonomy import load_taxonomy


def banks() -> list[str]:
    """Names the suites with a bundled bank, in the order of their names."""
    return sorted(folder.name for folder in _bank().iterdir() if folder.is_dir())


def load_bank(suite: str, split: str | None = "eval") -> list[Item]:
    """Returns the bundled items of a suite, in the order of file names and lines.

    Args:
        suite: A folder of the bank.
        split: `eval` for measuring, `train` for the enhancement data, None for both.

    Raises:
        UsageError: There are no such items, or a file is wrong: an id stands twice, another suite, no such category.
    """
    folder = _bank() / suite
    items: dict[str, Item] = {}
    for path in sorted(folder.glob("*.jsonl")):
        for item in load_items(path):
            if fault := _problem(item, suite, items):
                raise UsageError(f"{path}, item {item.id}: {fault}")
            items[item.id] = item
    chosen = [item for item in items.values() if split in (None, item.split)]
    if not chosen:
        raise UsageError(f"the bank has no items of suite {suite!r} and split {split!r}")
    return chosen


def _bank() -> Path:
    return Path(str(files("anjian.items").joinpath("bank")))


def _problem(item: Item, suite: str, earlier: dict[str, Item]) -> str | None:
    found = load_taxonomy(suite).find(item.category)
    if item.id in earlier:
        return "`id` was already used in another file of the bank"
    if item.suite != suite:
        return f"`suite` is {item.suite!r}, not {suite!r}"
    if not found or found[1].zh != item.category:
        return f"`category` {item.category!r} is not in the taxonomy of {suite}"
    return None
