"""Reads what a guard answers: its form is settled by its training, so little is forgiven, and junk is no verdict."""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple, TypeVar

from anjian.judges.guards.family import Family
from anjian.judges.objects import find_objects

Safe = Literal["safe", "between", "unsafe"]
T = TypeVar("T")
_DRESS = re.compile(r"[*_`#>\"'“”\[\]【】]+")
_ENDS = re.compile(r"\s*(?:$|[.,;:!。、(<|—–-]|s\d)")
"""What may follow a value: the end, a mark, or the code of a category."""
_ANALYSIS = re.compile(r"\s(?:分析|analysis)\b.*", re.IGNORECASE)


class Said(NamedTuple):
    """What a guard said of a reply: whether it is safe, and whether it refuses, None where the family does not say."""

    safety: Safe
    refuses: bool | None = None


def read_guard(family: Family, text: str, first: Sequence[tuple[str, float]] = ()) -> Said | None:
    """What a guard said; None where it did not keep to its form or contradicts itself.

    Args:
        family: Its family.
        text: Its answer, without thinking.
        first: Its likeliest first tokens with their probabilities, as far as they are known.
    """
    safety = _safety(family, text, first)
    if safety is None or family.refusal is None:
        return safety and Said(safety)
    values = dict.fromkeys(family.refusal.yes, True) | dict.fromkeys(family.refusal.no, False)
    refuses = _agreed(_places(text, family.refusal.names), values)
    return Said(safety, refuses) if refuses is not None or safety == "unsafe" else None


def _safety(family: Family, text: str, first: Sequence[tuple[str, float]]) -> Safe | None:
    field = family.safety
    classes: tuple[tuple[Safe, list[str]], ...] = (
        ("unsafe", field.unsafe),
        ("between", field.between),
        ("safe", field.safe),
    )
    values = {value: safety for safety, named in classes for value in named}
    if field.names:
        return _agreed(_places(text, field.names), values)
    said = _agreed([_plain(text).lstrip().partition("\n")[0]], values)
    if said is None or field.threshold is None or not first:
        return said
    likely = [(token.strip(), probability) for token, probability in first]
    if max(likely, key=lambda one: one[1])[0] not in values:
        return said
    return (
        "unsafe"
        if 1 - sum(probability for token, probability in likely if token in field.safe) >= field.threshold
        else "safe"
    )


def _places(text: str, names: Sequence[str]) -> list[str]:
    """What stands after a field's name: in JSON objects if one has the field, else on lines of their own."""
    wanted = {name.casefold() for name in names}
    held = [value for one in find_objects(text) for key, value in one.fields if _plain(key).strip() in wanted]
    return [_plain(value) for value in held] or list(_lines(_plain(text), wanted))


def _lines(text: str, names: set[str]) -> Iterator[str]:
    mark = re.compile(rf"\s*(?:\d+[.)]\s*)?(?:{'|'.join(map(re.escape, sorted(names)))})\s*(?:[:=]\s*|\s)(?P<said>.*)")
    for line in text.split("\n"):
        if found := mark.fullmatch(line):
            yield _ANALYSIS.sub("", found["said"])


def _agreed(places: Sequence[str], values: dict[str, T]) -> T | None:
    """The one value that all places hold."""
    found = [_value(place.strip(), values) for place in places]
    return found[0] if found and found.count(found[0]) == len(found) else None


def _value(place: str, values: dict[str, T]) -> T | None:
    for word in sorted(values, key=len, reverse=True):
        rest = place.removeprefix(word.casefold())
        if rest != place and _ENDS.match(rest):
            others = "|".join(re.escape(other.casefold()) for other in values if values[other] != values[word])
            return None if re.search(rf"(?<![a-z])(?:{others})(?![a-z])", rest) else values[word]
    return None


def _plain(text: str) -> str:
    """Without width, case, and what dresses words up."""
    return _DRESS.sub("", unicodedata.normalize("NFKC", text)).casefold()
