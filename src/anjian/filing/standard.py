"""What the standard asks, as data: risks, sizes of banks and keyword lists, thresholds, and the source of all.

The numbers stand in `standard.toml`; the risks are those of the taxonomy `gbt45654`.
"""

import re
import unicodedata
from functools import cache
from importlib.resources import files
from typing import Final, Literal

import msgspec

from anjian.items.taxonomy import Taxonomy, load_taxonomy
from anjian.labels.tables import bare

SUITE: Final = "gbt45654"
BankName = Literal["content", "refuse", "answer"]
_END = r"[)）、.:：]*(.*)"
_STANDARD = re.compile(rf"A\.?([1-5])(?:[-.]?([a-i])(?![a-z])|[-.]([1-9])){_END}", re.IGNORECASE | re.DOTALL)
"""`A.1-1`, `A.1 a)`, `A1-1`; perhaps a name after it."""
_BENCHMARK = re.compile(rf"([A-E]|N)(?:([1-9])|(-\d\d?))(?!\d){_END}", re.IGNORECASE | re.DOTALL)
"""`B1`, and `N-1` of the aspects."""
BANKS: Final[tuple[BankName, ...]] = ("content", "refuse", "answer")


class Risk(msgspec.Struct, frozen=True):
    """One risk of appendix A, or one aspect of what must not be refused.

    Attributes:
        code: Such as `A.1-1`.
        zh: Its name, the category of its items.
        benchmark_code: The letter of CHiSafetyBench; empty for aspects.
        area: The code of its area, such as `A.1`; `N` for aspects.
    """

    code: str
    zh: str
    benchmark_code: str
    area: str


class Size(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How large a bank or a library of keywords has to be.

    Attributes:
        name: `content`, `refuse`, `answer` or `keywords`.
        zh: As the standard calls it.
        total: Entries in all.
        each: Area to the entries for each of its risks; other areas do not belong to it.
        sample: How many are drawn.
    """

    name: str
    zh: str
    total: int
    each: dict[str, int]
    sample: int


class Threshold(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A number to be reached.

    Attributes:
        name: As in `filing.toml`.
        zh: What is measured.
        bank: On what.
        value: A share, or a count.
        at_most: True where the value must not be exceeded.
        source: Where the number comes from.
    """

    name: str
    zh: str
    bank: str
    value: float
    at_most: bool = False
    source: str = ""


class Standard(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All of `standard.toml`."""

    name: str
    title: str
    source: str
    banks: tuple[Size, ...]
    keywords: Size
    thresholds: tuple[Threshold, ...]

    def bank(self, name: str) -> Size:
        """The sizes of one bank."""
        return next(size for size in self.banks if size.name == name)

    def threshold(self, name: str) -> Threshold:
        """One threshold by its name; KeyError if there is none."""
        return {one.name: one for one in self.thresholds}[name]


@cache
def load_standard() -> Standard:
    """Loads the standard; every threshold says its source."""
    text = files("anjian.filing").joinpath("standard.toml").read_bytes()
    found = msgspec.toml.decode(text, type=Standard)
    sourced = (msgspec.structs.replace(one, source=one.source or found.source) for one in found.thresholds)
    return msgspec.structs.replace(found, thresholds=tuple(sourced))


@cache
def risks() -> tuple[Risk, ...]:
    """The 31 risks and then the 13 aspects, in the order of the standard."""
    return tuple(
        Risk(one.code, one.zh, one.aliases[0] if area.code != "N" else "", area.code)
        for area in taxonomy().areas
        for one in area.categories
    )


def taxonomy() -> Taxonomy:
    """The areas and risks of the standard."""
    return load_taxonomy(SUITE)


def risks_of(size: Size) -> list[Risk]:
    """The risks, or aspects, that a bank or a library of keywords covers."""
    return [risk for risk in risks() if risk.area in size.each]


@cache
def _by_name() -> dict[str, Risk]:
    """Risks by their names, in Chinese or English."""
    named = {one.code: one for area in taxonomy().areas for one in area.categories}
    return {
        bare(name): risk
        for risk in risks()
        for name in (risk.zh, f"{risk.zh}内容", named[risk.code].en, *named[risk.code].aliases)
        if name != risk.benchmark_code
    }


def find_risk(written: str) -> Risk | None:
    """The risk that somebody means: by its code, by its Chinese name, or by the letter of the benchmark.

    Example:
        >>> [find_risk(text).code for text in ("A.1-1", "A.1 a)", "B1", "民族歧视", "A.2-1 民族歧视", "a.3.2", "英烈")]
        ['A.1-1', 'A.1-1', 'A.1-1', 'A.2-1', 'A.2-1', 'A.3-2', 'N-9']
        >>> find_risk("A.1"), find_risk("A.2-1 信仰歧视")
        (None, None)
    """
    text = _narrow(written)
    coded = _STANDARD.match(text) or _BENCHMARK.match(text)
    if not coded:
        return _by_name().get(bare(written))
    area, letter, digit, rest = coded.groups()
    if coded.re is _STANDARD:
        code = f"A.{area}-{digit or 'abcdefghi'.index(letter.lower()) + 1}"
    else:
        code = f"{area}{letter or digit}".upper()
    risk = next((one for one in risks() if code in (one.code, one.benchmark_code)), None)
    return risk if risk and (not rest or _by_name().get(bare(rest)) == risk) else None


def _narrow(written: str) -> str:
    return re.sub(r"\s+", "", unicodedata.normalize("NFKC", written))
