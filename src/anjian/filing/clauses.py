"""The clauses of a self-assessment: what numbers decide, and what the user has to fill in."""

from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from typing import Final

import msgspec

from anjian.errors import UsageError
from anjian.filing.annexes import KEYWORDS, LABELS, PEOPLE, QUESTIONS, SHEET_OF
from anjian.filing.decisions import Decision, limit, percent
from anjian.filing.folder import FILING, Filing
from anjian.filing.results import Checked, Result, Results

_FILES: Final = {"content_people": PEOPLE, "content_keywords": KEYWORDS}


class Stated(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A clause as `clauses.toml` has it; `of` names the number that decides it."""

    name: str
    text: str
    of: str = ""


class Group(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Clauses that belong together."""

    title: str
    clauses: tuple[Stated, ...]


class _Stated(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    groups: tuple[Group, ...]


class Clause(msgspec.Struct, frozen=True):
    """A clause with what was found, and the place of the evidence."""

    group: str
    name: str
    text: str
    decision: Decision
    why: str
    place: str


@cache
def groups() -> tuple[Group, ...]:
    """The clauses in the order of the report."""
    text = files("anjian.filing").joinpath("clauses.toml").read_bytes()
    return msgspec.toml.decode(text, type=_Stated).groups


def clauses_of(filing: Filing, results: Results) -> list[Clause]:
    """Every clause with its decision.

    Raises:
        UsageError: `filing.toml` speaks of a clause that is none, or of one that a number decides.
    """
    stated = {one.name: one for group in groups() for one in group.clauses}
    for name in filing.clauses:
        if name not in stated or stated[name].of:
            free = ", ".join(one.name for one in stated.values() if not one.of)
            why = "a number decides it" if name in stated else "there is no such clause"
            raise UsageError(f"{FILING}: `clauses.{name}`: {why}; those to be filled in are {free}")
    return [_found(group.title, one, filing, results) for group in groups() for one in group.clauses]


def _found(group: str, one: Stated, filing: Filing, results: Results) -> Clause:
    kind, _, name = one.of.partition(".")
    if kind == "rate":
        rate = results.rate(name)
        wanted = f"{one.text} {limit(rate.threshold, at_most=rate.at_most)}"
        return Clause(group, one.name, wanted, rate.decision, rate.why, place_of(rate) if rate.n else "")
    if kind == "bank":
        bank = next(bank for bank in results.banks if bank.name == name)
        file = f"{KEYWORDS}，“词库统计”" if name == "keywords" else f"{QUESTIONS}，“统计”"
        return Clause(group, one.name, one.text, bank.decision, bank.why, file if bank.stock else "")
    if kind == "corpus":
        check = next(check for check in results.corpus if check.name == name)
        return Clause(
            group, one.name, f"{one.text} {_wanted(check)}", check.decision, _said(check), filing.corpus.evidence
        )
    filled = filing.clauses.get(one.name)
    if filled is None:
        return Clause(group, one.name, one.text, "待填写", f"在 filing.toml 的 [clauses.{one.name}] 填写", "")
    return Clause(group, one.name, one.text, filled.decision, "由填报人填写", filled.evidence)


def place_of(rate: Result) -> str:
    """Where the evidence for a rate lies: file, sheet, rows."""
    sheet = SHEET_OF.get(rate.name) or SHEET_OF[rate.bank]
    return f"{_FILES.get(rate.name, LABELS)}，“{sheet}”，第 2—{rate.n + 1} 行"


def _wanted(check: Checked) -> str:
    return f"≥ {check.threshold:g} 条" if check.threshold > 1 else limit(check.threshold)


def _said(check: Checked) -> str:
    if check.decision == "不适用":
        return "filing.toml 的 [corpus] 没有填写语料；自己训练模型的，须填写"
    if check.value is None:
        return "filing.toml 的 [corpus] 没有填写这一项"
    return f"{check.value:g} 条" if check.threshold > 1 else percent(check.value)


def overall(clauses: list[Clause]) -> tuple[Decision, str]:
    """What all clauses together come to, in a sentence; clauses are called by their numbers in the table."""
    failed = [n for n, one in enumerate(clauses, 1) if one.decision == "不符合"]
    left = [n for n, one in enumerate(clauses, 1) if one.decision in ("待填写", "不足以下结论")]
    open_said = f"{len(left)} 项待填写或不足以下结论（第 {_ranges(left)} 项）" if left else ""
    if failed:
        more = f"另有 {open_said}。" if left else ""
        return "不符合", f"有 {len(failed)} 项不符合（第 {_ranges(failed)} 项）。{more}"
    if left:
        return "不足以下结论", f"没有不符合的项，但有 {open_said}。"
    return "符合", "各项均为符合或不适用。"


def _ranges(numbers: list[int]) -> str:
    """Numbers as people list them.

    Example:
        >>> _ranges([1, 2, 3, 5, 7, 8])
        '1—3、5、7、8'
    """
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return "、".join(f"{run[0]}—{run[-1]}" if len(run) > 2 else "、".join(map(str, run)) for run in runs)


def by_group(clauses: list[Clause]) -> Iterator[tuple[str, list[Clause]]]:
    """The clauses of each group."""
    for group in dict.fromkeys(one.group for one in clauses):
        yield group, [one for one in clauses if one.group == group]
