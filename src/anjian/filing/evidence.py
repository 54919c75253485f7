"""The evidence of a filing, question by question: what was drawn and replied, what judge, keywords and people said."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final, TypeVar

import msgspec

from anjian.errors import UsageError
from anjian.filing.banks import Gap
from anjian.filing.csvs import read_csv
from anjian.filing.folder import GAPS, HITS, LISTS, REVIEW, classified, judged, sample
from anjian.filing.keywords import Hit
from anjian.filing.sheets import PASSED, WITHHELD, People, read_people
from anjian.filing.standard import SUITE, find_risk
from anjian.runs.folder import Replied
from anjian.scores.rows import Verdicted
from anjian.suites import find_suite

T = TypeVar("T")
UNASKED: Final = "not_asked"
KEYWORDS: Final = "keywords"
OPEN: Final = "people_open"
BLANK: Final = "people_blank"
UNSURE: Final = "judge_unsure"


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """All that is known of one sampled question.

    Attributes:
        id: The item's id.
        bank: content, refuse or answer.
        code: Of its risk or aspect.
        risk: Its name.
        question: As it was asked.
        reply: Without thinking; empty where there is none.
        failure: Why there is no reply.
        label: The judge's; empty where unscored.
        counts: Whether the label counts (passed, or refused); None where that is not known.
        unscored: Why it is not known.
        judge: Who judged.
        analysis: Why.
        hits: The keywords in the reply.
        people: Reviewer (A, B, C) to mark.
        settled: What people said in the end, 合格 or 不合格; empty where that is open.
    """

    id: str
    bank: str
    code: str
    risk: str
    question: str
    reply: str = ""
    failure: str = ""
    label: str = ""
    counts: bool | None = None
    unscored: str = UNASKED
    judge: str = ""
    analysis: str = ""
    hits: tuple[Hit, ...] = ()
    people: dict[str, str] = {}
    settled: str = ""


class Evidence(msgspec.Struct, frozen=True):
    """All of it; `absent` says why nothing is known, by the name of a threshold or bank."""

    seen: tuple[Seen, ...]
    stocks: dict[str, tuple[Gap, ...]]
    absent: dict[str, str]

    def of(self, bank: str) -> list[Seen]:
        """What was drawn of one bank."""
        return [one for one in self.seen if one.bank == bank]


def passes(name: str, one: Seen) -> tuple[bool | None, str]:
    """Whether a reply counts for a rate (by the name of its threshold), or None and why that is not known."""
    if name in ("content_people", "content_keywords") and one.failure:
        return None, one.failure
    if name == "content_keywords":
        return not one.hits, ""
    if name == "content_people":
        return (one.settled == PASSED, "") if one.settled else (None, OPEN if len(one.people) > 1 else BLANK)
    return one.counts, one.unscored


def read_evidence(folder: Path) -> Evidence:
    """Reads all of it.

    Raises:
        UsageError: A file that plan or run writes is missing or broken, or a sheet was filled in wrongly; names it.
    """
    other = classified(folder)
    found = {verdict.id: (other.get(verdict.id, verdict), reply) for verdict, reply in judged(folder)}
    hits, people = _hits(folder), read_people(folder)
    absent = {
        name: why
        for name, why in (("content_keywords", _no_keywords(hits)), ("content_people", _no_people(people)))
        if why
    }
    seen = []
    for item in sample(folder):
        risk = find_risk(item.category)
        assert risk  # noqa: S101  (the suite refuses other categories)
        question = "\n\n".join([*(said.content for said in item.history), *item.turns])
        one = Seen(id=item.id, bank=item.task, code=risk.code, risk=risk.zh, question=question)
        if item.id in found:
            one = _answered(one, *found[item.id])
        if said := people.reviewed.get(item.id):
            one = msgspec.structs.replace(one, people=said.marks, settled=said.settled)
        seen.append(msgspec.structs.replace(one, hits=tuple((hits or {}).get(item.id, ()))))
    return Evidence(tuple(seen), _stocks(folder), absent)


def _no_keywords(hits: object) -> str:
    return "" if hits is not None else "没有关键词审核：filing.toml 的 review.keywords 没有给出词库。"


def _no_people(people: People) -> str:
    """Why nothing is known of people's review; empty where something is."""
    if people.missing:
        return f"审核人 {'、'.join(people.missing)} 的审核表不在 {REVIEW} 里。"
    return "" if any(one.marks for one in people.reviewed.values()) else "人工审核表还没有填写。"


def _answered(one: Seen, verdict: Verdicted, reply: Replied) -> Seen:
    task = next(task for task in find_suite(SUITE).tasks if task.name == verdict.task)
    measure = task.measures[0]
    assert measure.value  # noqa: S101  (it is a rate)
    counts, unscored = None, verdict.unscored or UNSURE
    if verdict.points is not None and measure.tells(verdict):
        counts, unscored = bool(measure.value(verdict.points)), ""
    withheld = reply.failure is not None and verdict.points is not None
    return msgspec.structs.replace(
        one,
        reply=WITHHELD if withheld else reply.answer,
        failure="" if withheld or reply.answer else reply.failure or "no_answer",
        label=verdict.label or "",
        counts=counts,
        unscored=unscored,
        judge=verdict.judge,
        analysis=verdict.analysis,
    )


def _hits(folder: Path) -> dict[str, list[Hit]] | None:
    if not (folder / HITS).exists():
        return None
    found: dict[str, list[Hit]] = defaultdict(list)
    for hit in _converted(folder / HITS, read_csv(folder / HITS, Hit.__struct_fields__), Hit):
        found[hit.id].append(hit)
    return found


def _stocks(folder: Path) -> dict[str, tuple[Gap, ...]]:
    found = _converted(folder / GAPS, read_csv(folder / GAPS, Gap.__struct_fields__), Gap)
    if (folder / LISTS).exists():
        rows = read_csv(folder / LISTS, ("risk", "code", "count", "need"))
        lists = ({**row, "bank": KEYWORDS, "have": row["count"]} for row in rows)
        found += _converted(folder / LISTS, lists, Gap)
    return {name: tuple(gap for gap in found if gap.bank == name) for name in dict.fromkeys(gap.bank for gap in found)}


def _converted(path: Path, rows: Iterable[Mapping[str, str]], kind: type[T]) -> list[T]:
    try:
        return [msgspec.convert(row, kind, strict=False) for row in rows]
    except msgspec.ValidationError as error:
        raise UsageError(f"{path} is not as it was written ({error}); have it written again") from None
