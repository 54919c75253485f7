"""What a judge's name means; nothing else takes such names apart.

rules-v1                      built in; see `anjian.judges.builtin`
guard/FAMILY=MODEL            a guard model, asked and read as its family wants it; see `anjian.judges.guards`
cascade:JUDGE,JUDGE           a cheap judge, and a dear one for what the cheap one is not sure of
cascade@LOSS:JUDGE,JUDGE      the same, with the points that its verdicts may lose
MODEL                         any other name is a model's, which judges by a prompt
"""

import re
from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

from anjian.errors import UsageError
from anjian.judges.builtin import builtin_judges
from anjian.judges.guards.family import families
from anjian.judges.kinds import Kind
from anjian.text import one_line

GUARD: Final = "guard/"
CASCADE: Final = "cascade"
LOSS: Final = 0.6
"""Points that the verdicts of a cheap judge may lose against those of the dear one."""
_CASCADE = re.compile(r"cascade(?:@(?P<loss>[^:,]*))?:(?P<cheap>[^,]*),(?P<dear>.+)", re.DOTALL)
_NUMBER = re.compile(r"\d{1,2}(?:\.\d{1,4})?")


class Guarded(NamedTuple):
    """A guard model: its family, and the model."""

    family: str
    model: str


class Cascaded(NamedTuple):
    """Two judges, and the points that the cheap one's verdicts may lose."""

    cheap: str
    dear: str
    loss: float = LOSS


def taken_apart(judge: str) -> Guarded | Cascaded | None:
    """What a name holds besides a model's or a built-in judge's; None where it is nothing else.

    Raises:
        UsageError: There is no such family, or the name is not of the form.
    """
    if judge.startswith(GUARD):
        family, equals, model = judge.removeprefix(GUARD).partition("=")
        if family not in families():
            known = ", ".join(families())
            raise UsageError(f"--judge {one_line(judge, 80)}: there is no family {one_line(family, 40)!r}; {known}")
        if not equals or not model:
            raise UsageError(f"--judge {one_line(judge, 80)} names no model: write {GUARD}{family}=MODEL")
        return Guarded(family, model)
    if not re.match(rf"{CASCADE}[@:]", judge):
        return None
    found = _CASCADE.fullmatch(judge)
    if not found or not found["cheap"]:
        raise UsageError(f"--judge {one_line(judge, 80)} names no two judges: write {CASCADE}:CHEAP,DEAR")
    if found["cheap"] == found["dear"]:
        raise UsageError(f"--judge {one_line(judge, 80)} names {one_line(found['cheap'], 40)} twice: name two judges")
    said = found["loss"]
    if said is not None and not _NUMBER.fullmatch(said):
        raise UsageError(f"--judge {one_line(judge, 80)}: the loss is points of 100, such as {CASCADE}@1.0:CHEAP,DEAR")
    return Cascaded(found["cheap"], found["dear"], LOSS if said is None else float(said))


def leaves(judge: str) -> list[str]:
    """The models and built-in judges that judge under a name.

    >>> leaves("cascade:rules-v1,guard/libra=http://h/v1#m")
    ['rules-v1', 'http://h/v1#m']
    """
    held = taken_apart(judge)
    if held is None:
        return [judge]
    return leaves(held.model) if isinstance(held, Guarded) else [*leaves(held.cheap), *leaves(held.dear)]


def members(judges: Iterable[str]) -> list[str]:
    """The models and built-in judges that judge under some names, each once."""
    return list(dict.fromkeys(leaf for judge in judges for leaf in leaves(judge)))


def renamed(judge: str, name: Callable[[str], str]) -> str:
    """A judge's name with every model and built-in judge in it called otherwise."""
    held = taken_apart(judge)
    if held is None:
        return name(judge)
    if isinstance(held, Guarded):
        return f"{GUARD}{held.family}={renamed(held.model, name)}"
    head = CASCADE if held.loss == LOSS else f"{CASCADE}@{held.loss:g}"
    return f"{head}:{renamed(held.cheap, name)},{renamed(held.dear, name)}"


def cascades(judges: Iterable[str]) -> dict[str, Cascaded]:
    """The cascades among some judges, by name."""
    return {judge: held for judge in judges if isinstance(held := taken_apart(judge), Cascaded)}


def can_judge(judge: str, kind: Kind) -> bool:
    """True if somebody under a name can judge a kind of question; models judge any."""
    held = taken_apart(judge)
    if isinstance(held, Guarded):
        return families()[held.family].judges(kind)
    if isinstance(held, Cascaded):
        return can_judge(held.cheap, kind) or can_judge(held.dear, kind)
    built_in = builtin_judges().get(judge)
    return built_in is None or built_in.judge_of(kind) is not None
