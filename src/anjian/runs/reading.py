"""Reads finished runs back: scores and verdicts for comparisons, and the words behind single items."""

import contextlib
from collections.abc import Collection, Iterator
from pathlib import Path

import msgspec

from anjian.errors import UsageError
from anjian.runs.carded import Line
from anjian.runs.folder import Replied, RunFile, decoded, read_about
from anjian.runs.intact import read_judged, read_scores, read_verdicts
from anjian.scores.comparison import Measured
from anjian.scores.rows import Row, Verdicted
from anjian.suites import find_suite
from anjian.suites.base import Suite

CONDITIONS = ("epochs", "adversary", "rounds", "ties", "filtered", "include_ambiguous")
"""What else `run.toml` says of how a run was made, in its table `run`."""


def read_measured(folder: Path) -> Measured:
    """Reads a finished run for a comparison.

    Raises:
        UsageError: A file is missing or broken, or contradicts another; names it.
    """
    about = read_about(folder)
    rows, lines = read_scores(folder, about), read_verdicts(folder, about, suite_of_run(about))
    verdicts = [msgspec.structs.replace(line, analysis="") for line in lines]
    model, suite = str(about.run.get("model", "")), str(about.run.get("suite", ""))
    version = str(about.run.get("suite_version", ""))
    items = str(about.items.get("sha256", ""))
    conditions, cards = conditions_of(about), _cards_of(about)
    return Measured(model, suite, rows, verdicts, items, str(folder), version, conditions, cards)


def conditions_of(about: RunFile) -> dict[str, str]:
    """How a run was asked and judged, but for the model, the items and who judged: what runs must share to be compared.

    What `models.toml` says of a model belongs to the model, and a seed decides no more than chance does.
    """
    judged = {name: value for name, value in about.run.items() if name.startswith("judge_") and name != "judge_cards"}
    run = {name: value for name, value in about.run.items() if name in CONDITIONS} | judged
    asked = {name: value for name, value in about.access.items() if name in ("system", "extra_body")}
    drawn = {name: value for name, value in about.sampling.items() if name in ("temperature", "top_p", "max_tokens")}
    return {name: _worded(value) for found in (run, drawn, asked) for name, value in found.items()}


def _cards_of(about: RunFile) -> dict[str, str]:
    """By which labels rates were corrected, by task, in words; nothing where no card is known."""
    with contextlib.suppress(msgspec.ValidationError):
        lines = msgspec.convert(about.run.get("judge_cards", []), list[Line])
        return {line.task: f"{line.n} of {line.sources}" for line in reversed(lines) if line.n}
    return {}


def _worded(value: object) -> str:
    """A condition in words; a table of texts, such as the judge's prompts by kind, without its braces."""
    if isinstance(value, dict) and all(isinstance(one, str) for one in value.values()):
        return ", ".join(f"{key}: {one}" for key, one in value.items())
    return str(value)


def replies_of(folder: Path, ids: Collection[str]) -> Iterator[tuple[Verdicted, Replied]]:
    """Yields the verdicts on some items with the replies they were given for, in the order of the run.

    Args:
        folder: The run folder.
        ids: Ids of items, or names of the units that items are counted with.

    Raises:
        UsageError: A file is missing or broken, or contradicts another; names it.
    """
    about = read_about(folder)
    for verdict, reply in read_judged(folder, about, suite_of_run(about)):
        if verdict.id in ids or verdict.unit in ids:
            yield verdict, reply


def suite_of_run(about: RunFile) -> Suite | None:
    """The declaration of the suite that was run; None if it is no longer where it was.

    A run folder may come from anybody: of files it may name a declaration in TOML, never code to be run.
    """
    name, file = str(about.run.get("suite", "")), str(about.run.get("suite_file", ""))
    own = file if Path(file).is_absolute() and file.endswith(".toml") else ""
    for spec in (own, name if "." not in name else ""):
        with contextlib.suppress(UsageError, ValueError):  # A name that no file can have is none.
            if spec and (suite := find_suite(spec)).name == name:
                return suite
    return None


def read_rows(path: Path) -> list[Row]:
    """Reads a file of scores; raises UsageError, naming the file."""
    return decoded(path, lambda text: msgspec.json.decode(text, type=list[Row]))
