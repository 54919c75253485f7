"""Who judged: the verdicts of every judge lie in a folder of their own, and the run shows those of one.

FOLDER/judged/JUDGE/     verdicts.jsonl and scores.json of a judge
FOLDER                   the same of the judge that `run.toml` names, with the replies that they judge line by line

A judge that gives few verdicts does not take the place of one that gave many: its folder is then a run folder of its
own, with `run.toml` and `replies.jsonl`.
"""

import contextlib
import shutil
from pathlib import Path

from anjian.errors import UsageError
from anjian.files import file_name, refuse_links, writing, written
from anjian.items.lines import decode_lines
from anjian.runs.folder import REPLIES, RUN, SCORES, VERDICTS, read_about
from anjian.scores.rows import Verdicted, coverage

JUDGED = "judged"
ENOUGH = 0.95
"""A judge with this coverage is shown, whatever another one had."""


def place_of(folder: Path, judge: str) -> Path:
    """The folder of a judge's verdicts, made if it is missing; raises AnjianError where it cannot be."""
    place = folder / JUDGED / file_name(judge)
    refuse_links(folder / JUDGED, place)
    with writing(place):
        place.mkdir(parents=True, exist_ok=True)
    return place


def outdone(folder: Path, place: Path, judge: str) -> str:
    """Says whose verdicts stay, because that judge gave more; empty if those that lie in `place` are to be shown."""
    shown = str(read_about(folder).run.get("judge", ""))
    if shown in ("", judge) or not (folder / SCORES).exists():
        return ""
    now, before = _coverage(place, judge), _coverage(folder, shown)
    if now >= min(ENOUGH, before):
        return ""
    return (
        f"{judge} gave {now:.1%} of its verdicts, {shown} had given {before:.1%}: "
        f"the scores stay those of {shown}, and what {judge} said lies in {place}"
    )


def _coverage(folder: Path, judge: str) -> float:
    """The share of what a judge was to judge on which it gave a verdict; nothing where that cannot be read."""
    with contextlib.suppress(UsageError):
        lines = (verdict for _, verdict in decode_lines(folder / VERDICTS, Verdicted) if verdict.judge == judge)
        n, scored = coverage(lines)
        return scored / n if n else 1.0
    return 0.0


def show(folder: Path, place: Path) -> None:
    """Makes a judge's verdicts those of the run; what another judge said before lies in its own folder."""
    shown = str(read_about(folder).run.get("judge", ""))
    if shown and (folder / SCORES).exists():
        _copy(folder, place_of(folder, shown), only_missing=True)
    with writing(folder):
        (place / REPLIES).replace(folder / REPLIES)
    _copy(place, folder)
    with writing(place):
        (place / RUN).unlink(missing_ok=True)


def _copy(one: Path, other: Path, only_missing: bool = False) -> None:
    for name in (VERDICTS, SCORES):
        if (only_missing and (other / name).exists()) or not (one / name).exists():
            continue
        with (one / name).open("rb") as source, written(other / name) as target:
            shutil.copyfileobj(source, target)
