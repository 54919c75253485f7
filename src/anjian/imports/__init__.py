"""Scores that other evaluation harnesses measured, as rows of `scores.json`.

`read_results` recognises a file by what is in it; one module reads each harness: `evalscope`, `lm_eval`, `inspect_ai`.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from anjian.errors import UsageError
from anjian.imports.contents import contents
from anjian.imports.evalscope import is_evalscope, read_evalscope
from anjian.imports.inspect_ai import is_inspect, read_inspect
from anjian.imports.lm_eval import is_lm_eval, read_lm_eval
from anjian.imports.numbers import FORMS, BrokenFileError, Results, UnknownFormError, writable
from anjian.items.lines import readable
from anjian.scores.rows import Row

READERS = ((is_inspect, read_inspect), (is_lm_eval, read_lm_eval), (is_evalscope, read_evalscope))
SUFFIXES = (".json", ".eval")
Key = tuple[str, str, str, str, str, str]

__all__ = ["FORMS", "Imported", "import_results", "key_of", "merged", "read_results"]


class Imported(NamedTuple):
    """What came in: the rows, each key once, what is worth saying, and how many files it came from."""

    rows: list[Row]
    notes: list[str]
    files: int


def read_results(path: Path) -> Results:
    """Reads one result file of any of the harnesses, recognised by its content.

    Raises:
        UsageError: It is of none of the forms, or not as its harness writes it; names the file.
    """
    content = contents(path)
    reader = next((read for fits, read in READERS if fits(content)), None)
    if reader is None:
        raise UnknownFormError(f"{path} is no result file; read are {FORMS}")
    try:
        return reader(path, content)
    except msgspec.ValidationError as error:
        raise UsageError(f"{path}: {readable(error)}; the file is not as its harness writes it") from None
    except RecursionError:
        raise UsageError(f"{path}: groups within groups without end") from None


def import_results(paths: Sequence[Path], model: str | None = None) -> Imported:
    """Reads files, and the result files in folders; of two measurements of the same thing the later file's counts.

    Args:
        paths: Files and folders; a folder's other files are passed over with a note.
        model: The model's name in place of the files' own.

    Raises:
        UsageError: A file cannot be read, names no model, or there is nothing in any; or `model` would name two models.
    """
    notes: list[str] = []
    found = [results for path in paths for results in _read(path, notes)]
    rows: dict[Key, Row] = {}
    origins: dict[Key, tuple[Results, str]] = {}
    for results in found:
        notes += results.notes or ([] if results.rows else [f"{results.path} holds no results"])
        for row in results.rows:
            renamed = msgspec.structs.replace(row, model=writable(model) if model else row.model)
            if not renamed.model.strip():
                raise UsageError(f"{results.path} names no model; give --model NAME")
            _check_twice(results, row, renamed, rows, origins, notes)
            rows[key_of(renamed)] = renamed
            origins[key_of(renamed)] = (results, row.model)
    if not rows:
        raise UsageError(f"no results to import: {notes[0]}" if notes else f"nothing to read; read are {FORMS}")
    return Imported(list(rows.values()), list(dict.fromkeys(notes)), sum(bool(results.rows) for results in found))


def key_of(row: Row) -> Key:
    """What a row is about; rows of one key replace each other."""
    return row.suite, row.task, row.metric, row.model, row.group_kind, row.group


def merged(held: Iterable[Row], new: Iterable[Row]) -> list[Row]:
    """Puts new rows in the places of the held ones with the same key, and the others at the end."""
    rows = {key_of(row): row for row in held}
    return list((rows | {key_of(row): row for row in new}).values())


def _read(path: Path, notes: list[str]) -> list[Results]:
    if not path.is_dir():
        return [read_results(path)]
    found, others = [], 0
    for inner in sorted(file for file in path.rglob("*") if file.suffix in SUFFIXES and file.is_file()):
        try:
            found.append(read_results(inner))
        except BrokenFileError as error:
            notes.append(f"{error} (left out)")
        except UnknownFormError:
            others += 1
    if not found:
        raise UsageError(notes[-1] if notes else f"{path} holds no result files; read are {FORMS}")
    if others:
        notes.append(f"{path}: {others} other {'files' if others > 1 else 'file'} left out, no results in them")
    return found


def _check_twice(
    results: Results,
    row: Row,
    renamed: Row,
    rows: dict[Key, Row],
    origins: dict[Key, tuple[Results, str]],
    notes: list[str],
) -> None:
    """Says when a measurement comes twice, and refuses to give two models one name."""
    key = key_of(renamed)
    if key not in rows or rows[key] == renamed:
        return
    (before, model), what = origins[key], f"{row.suite}, {row.metric}"
    same_harness = before.harness.split()[0] == results.harness.split()[0]
    if same_harness and model != row.model:
        raise UsageError(
            f"{before.path} and {results.path} have {what} of two models ({model}, {row.model}); "
            "--model would give both one name: import them one after the other"
        )
    if row.group_kind == "overall":
        notes.append(f"{what} of {renamed.model} is in {before.path} and in {results.path}; the latter counts")
