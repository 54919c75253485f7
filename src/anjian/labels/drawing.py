"""Draws a stratified sample of judged replies, and keeps the key to it: what lies behind the numbers on the sheets."""

import random
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from anjian.errors import UsageError
from anjian.files import locked, replace
from anjian.items.lines import decode_lines
from anjian.labels.pool import LABELS, Judged, Pool

KEY = "key.jsonl"
STRATA: dict[str, Callable[[Judged], str]] = {
    "category": lambda one: one.line.category,
    "verdict": lambda one: one.label,
    "round": lambda one: str(one.line.round),
    "history": lambda one: str(one.line.history),
}
"""By what a sample can be stratified."""


class Entry(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line of the key: a judged reply of the run, drawn or not.

    Attributes:
        id: As on the sheets.
        item: The item's id in the run.
        epoch: Which repetition, from 0.
        round: Which turn of the dialogue, from 1.
        kind: The name of what is asked about it.
        verdict: What the judge said when the sample was drawn.
        stratum: It was drawn at random within this.
        number: On the sheets; None where it was not drawn.
        weight: For how many replies of its stratum it stands.
    """

    id: str
    item: str
    kind: str
    verdict: str
    stratum: str
    epoch: int = 0
    round: int = 1
    number: int | None = None
    weight: float | None = None


def draw(pool: Pool, n: int, by: Sequence[str], seed: int) -> tuple[list[Entry], list[str]]:
    """Draws about proportionally, at least one of each stratum; also returns what the user should know.

    Where there are more strata than replies to draw, the first of `by` is given up, then the next.
    """
    if unknown := [one for one in by if one not in STRATA]:
        raise UsageError(f"--stratify {unknown[0]}: choose from {', '.join(STRATA)}")
    groups = _groups(pool, by)
    given_up = 0
    while len(groups) > n and given_up < len(by):
        given_up += 1
        groups = _groups(pool, by[given_up:])
    if len(groups) > n:
        raise UsageError(f"--n {n}: the run asks {len(groups)} kinds of question; draw at least one reply of each")
    notes = [f"{n} replies are too few to stratify by {', '.join(by[:given_up])}"] if given_up else []
    chance = random.Random(seed)  # noqa: S311  (no secret)
    quotas = _quotas([len(group) for group in groups.values()], min(n, len(pool.judged)))
    drawn: dict[str, float] = {}
    for group, quota in zip(groups.values(), quotas, strict=True):
        drawn |= dict.fromkeys(chance.sample(group, quota), len(group) / quota)
    order = list(drawn)
    chance.shuffle(order)
    numbers = {one: number for number, one in enumerate(order, 1)}
    stratum = {one: name for name, group in groups.items() for one in group}
    return [
        Entry(
            id=one.id,
            item=one.line.id,
            kind=one.kind.name,
            verdict=one.label,
            stratum=stratum[one.id],
            epoch=one.line.epoch,
            round=one.line.round,
            number=numbers.get(one.id),
            weight=drawn.get(one.id),
        )
        for one in pool.judged.values()
    ], notes


def _groups(pool: Pool, by: Sequence[str]) -> dict[str, list[str]]:
    """The ids in each stratum; replies to different tasks are in different ones."""
    groups: dict[str, list[str]] = {}
    for one in pool.judged.values():
        name = " · ".join([one.line.task, *(STRATA[key](one) for key in by)])
        groups.setdefault(name, []).append(one.id)
    return dict(sorted(groups.items()))


def _quotas(sizes: Sequence[int], n: int) -> list[int]:
    """One of each stratum, and the rest by largest remainders."""
    left, rest = n - len(sizes), sum(sizes) - len(sizes)
    shares = [left * (size - 1) / rest if rest else 0.0 for size in sizes]
    quotas = [1 + int(share) for share in shares]
    first = sorted(range(len(sizes)), key=lambda place: int(shares[place]) - shares[place])
    for place in first[: n - sum(quotas)]:
        quotas[place] += 1
    return quotas


def save_key(pool: Pool, entries: Sequence[Entry]) -> Path:
    """Writes the key into the run, so that sheets can be handed on without it.

    Raises:
        UsageError: The run holds the key to other sheets.
    """
    path = pool.folder / LABELS / KEY
    content = b"".join(msgspec.json.encode(entry) + b"\n" for entry in entries)
    with locked(pool.folder):
        if path.exists() and path.read_bytes() != content:
            raise UsageError(
                f"{path} is the key to sheets drawn otherwise, which could not be imported any more; move"
                f" {path.parent} away to draw anew"
            )
        path.parent.mkdir(exist_ok=True)
        replace(path, content)
    return path


def read_key(pool: Pool) -> list[Entry]:
    """Reads the key; raises UsageError where there is none, it was edited, or the run's replies are all others."""
    path = pool.folder / LABELS / KEY
    if not path.exists():
        raise UsageError(f"{pool.folder} has no sheets out; `anjian label export {pool.folder} --out DIR` writes them")
    entries: list[Entry] = []
    seen: set[str | int] = set()
    for line, entry in decode_lines(path, Entry):
        names = {entry.id, entry.number} - {None}
        if names & seen or entry.kind not in pool.kinds or (entry.number is not None and not (entry.weight or 0) > 0):
            raise UsageError(f"{path}, line {line} is not as it was written; move {path.parent} away, export anew")
        seen |= {name for name in names if name is not None}
        entries.append(entry)
    if not any(entry.number is not None and entry.id in pool.judged for entry in entries):
        raise UsageError(f"{path}: the run holds none of these replies any more; move {path.parent} away, export anew")
    return entries
