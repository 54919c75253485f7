"""Who judged: the verdicts of every judge lie in a folder of their own, and the run shows those of one.

FOLDER/judged/JUDGE/     verdicts.jsonl and scores.json of a judge; one described anew in `models.toml` is another judge
FOLDER                   the same of the judge that `run.toml` names, with the replies that they judge line by line

A judge that gives few verdicts does not take the place of one that gave many: its folder is then a run folder of its
own, with `run.toml` and `replies.jsonl`. While one judge takes the place of another, `run.toml` names none.
"""

import contextlib
import shutil
from pathlib import Path
from typing import BinaryIO

import msgspec

from anjian.errors import UsageError
from anjian.files import refuse_links, sole_name, writing, written
from anjian.items.lines import decode_lines
from anjian.runs.folder import JUDGED, REPLIES, REPORT, RUN, SCORES, VERDICTS, name_no_judge, read_about
from anjian.runs.intact import OF_KINDS
from anjian.scores.rows import Verdicted, coverage

ENOUGH = 0.95
"""A judge with this coverage is shown, whatever another one had."""


class By(msgspec.Struct, frozen=True):
    """Who judges: the name, and the version of what is described under it, if anything is."""

    name: str
    version: str = ""

    def table(self) -> dict[str, str]:
        """What `run.toml` says of it."""
        return {"judge": self.name} | ({"judge_version": self.version} if self.version else {})

    def beside(self, other: "By") -> str:
        """What it is called where another is spoken of, too."""
        return f"{self.name} (version {self.version or 'unknown'})" if self.name == other.name else self.name


def place_of(folder: Path, by: By) -> Path:
    """The folder of a judge's verdicts, made if it is missing; raises AnjianError where it cannot be."""
    place = folder / JUDGED / sole_name(f"{by.name}-{by.version}" if by.version else by.name)
    refuse_links(folder / JUDGED, place)
    for path in (folder / JUDGED, place):
        if path.is_file():
            raise UsageError(f"{path} is a file where a folder is to be; remove it, or choose another --out")
        with writing(path):
            path.mkdir(exist_ok=True)
    return place


def begin(place: Path) -> None:
    """Takes away what tells a judge's folder from one that is being written."""
    with writing(place):
        for name in (SCORES, RUN, REPORT):
            (place / name).unlink(missing_ok=True)


def outdone(folder: Path, place: Path, by: By) -> str:
    """Says whose verdicts stay, because that judge gave more; empty if those that lie in `place` are to be shown."""
    held = _shown(folder)
    if held is None or held == by:
        return ""
    now, before = _coverage(place, by), _coverage(folder, held)
    if now >= min(ENOUGH, before):
        return ""
    one, other = by.beside(held), held.beside(by)
    return (
        f"{one} gave {now:.1%} of its verdicts, {other} had given {before:.1%}: "
        f"the scores stay those of {other}, and what {one} said lies in {place}"
    )


def show(folder: Path, place: Path, by: By) -> None:
    """Makes a judge's verdicts those of the run; what another judge said before lies in its own folder.

    Wherever this is interrupted, `run.toml` names no judge, and there are no scores beside verdicts of another.
    """
    held = _shown(folder)
    if held and held != by:
        _keep(folder, place_of(folder, held))
    with written(folder / SCORES) as scores, written(folder / VERDICTS) as verdicts:
        _fill(verdicts, place / VERDICTS)
        _fill(scores, place / SCORES)
        name_no_judge(folder)
        with writing(folder):
            for stale in (folder / SCORES, folder / REPORT, place / RUN, place / REPORT):
                stale.unlink(missing_ok=True)
            (place / REPLIES).replace(folder / REPLIES)


def _shown(folder: Path) -> By | None:
    """Whose verdicts a run shows; None if it shows none, or others than `run.toml` says."""
    run = read_about(folder).run
    by = By(str(run.get("judge", "")), str(run.get("judge_version", "")))
    if not by.name or not (folder / SCORES).is_file():
        return None
    with contextlib.suppress(UsageError):
        if all(line.judge in (by.name, *OF_KINDS) for _, line in decode_lines(folder / VERDICTS, Verdicted)):
            return by
    return None


def _coverage(folder: Path, by: By) -> float:
    """The share of what a judge was to judge on which it gave a verdict."""
    n, scored = coverage(line for _, line in decode_lines(folder / VERDICTS, Verdicted) if line.judge == by.name)
    return scored / n if n else 0.0


def _keep(folder: Path, place: Path) -> None:
    """Copies what is shown into its judge's folder, unless it is there."""
    if (place / SCORES).exists() and (place / VERDICTS).exists():
        return
    for name in (VERDICTS, SCORES):
        with written(place / name) as file:
            _fill(file, folder / name)


def _fill(file: BinaryIO, source: Path) -> None:
    with source.open("rb") as whole:
        shutil.copyfileobj(whole, file)
    file.flush()
