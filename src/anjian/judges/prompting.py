"""Which prompt a judging model reads: the shipped one of its kind, another that is shipped, or the user's own file.

    ---
    kind: refusal
    ---
    请判断回复属于哪一类：……
    提问：{{ question }}
    此前：{{ dialogue }}
    回复：{{ answer }}

A prompt is written like a rubric (`anjian.judges.rubric`), without labels: those are the kind's. The front matter may
be left out; the prompt is then for the kind that a suite asks first. Verdicts under another prompt are another judge's.
"""

import hashlib
from collections.abc import Iterable, Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path

import msgspec

from anjian.errors import UsageError
from anjian.items.lines import opened, readable
from anjian.judges.builtin import builtin_judges
from anjian.judges.kinds import Kind
from anjian.judges.named import Cascaded, Guarded, taken_apart
from anjian.prompts import FENCE
from anjian.text import one_line

PACKAGE = "anjian.judges"
_PARTS = ("form", "reminder")
"""Prompts that are no judge's whole prompt."""


class _Front(msgspec.Struct, forbid_unknown_fields=True):
    kind: str = ""


class Prompt(msgspec.Struct, frozen=True):
    """What a judging model reads.

    Attributes:
        name: Its file's name.
        text: The template.
        kind: What it asks; empty for whatever a suite asks first.
    """

    name: str
    text: str
    kind: str = ""

    @property
    def tag(self) -> str:
        """Its name and a short hash of its text, such as `refusal.md@1a2b3c4d`."""
        return f"{self.name}@{hashlib.sha256(self.text.encode()).hexdigest()[:8]}"

    def of(self, kind: Kind) -> Kind:
        """A kind that is asked by this prompt."""
        return msgspec.structs.replace(kind, name=self.name.removesuffix(".md"), prompt=self.text)


@cache
def shipped_prompts() -> dict[str, Prompt]:
    """The prompts that come with the project, by the names that the option takes."""
    found = {}
    for file in sorted(files(PACKAGE).joinpath("prompts").iterdir(), key=lambda one: one.name):
        stem = file.name.removesuffix(".md")
        if file.name.endswith(".md") and stem not in _PARTS:
            kind, text = _parted(file.name, file.read_text(encoding="utf-8"))
            found[stem] = Prompt(file.name, text, kind or stem)
    return found


def load_prompt(given: str | Path) -> Prompt:
    """Returns a shipped prompt by its name, or reads the user's file.

    Raises:
        UsageError: The file cannot be read, or is no template that shows the reply.
    """
    from anjian.judges.rubric import prompt_fault

    if str(given) in shipped_prompts():
        return shipped_prompts()[str(given)]
    path = Path(given)
    if not path.exists():
        names = ", ".join(shipped_prompts())
        raise UsageError(f"--judge-prompt {one_line(str(given), 80)} is neither a file nor one of {names}")
    with opened(path, "the judge's prompt ") as file:
        data = file.read()
    try:
        text = data.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError:
        raise UsageError(f"the judge's prompt {path} is not UTF-8 text; save it as UTF-8") from None
    kind, prompt = _parted(str(path), text)
    kinds = dict.fromkeys(one.kind for one in shipped_prompts().values())
    if kind and kind not in kinds:
        raise UsageError(
            f"the judge's prompt {path} is for `kind: {one_line(kind, 40)}`, which there is not; write one of "
            f"{', '.join(kinds)}"
        )
    before = text.count("\n", 0, text.rfind(prompt))
    if fault := prompt_fault("\n" * before + prompt):
        raise UsageError(f"the judge's prompt {path}: {fault}")
    return Prompt(path.name, prompt, kind)


def _parted(name: str, text: str) -> tuple[str, str]:
    """The kind that the front matter names, if any, and the prompt."""
    head, _, rest = text.lstrip().partition("\n")
    if head.rstrip() != FENCE:
        return "", text.strip()
    import yaml

    front, fence, prompt = rest.partition(f"\n{FENCE}")
    if not fence:
        raise UsageError(f"the judge's prompt {name}: its front matter has no end; close it with {FENCE}")
    try:
        held = yaml.load(front, Loader=yaml.BaseLoader)  # noqa: S506  (the base loader makes nothing but strings)
        return msgspec.convert(held or {}, _Front).kind, prompt.strip()
    except (yaml.YAMLError, RecursionError, msgspec.ValidationError) as error:
        why = readable(error) if isinstance(error, msgspec.ValidationError) else str(error)
        raise UsageError(
            f"the judge's prompt {name}: its front matter is wrong ({one_line(why, 100)}); write `kind: refusal`, or"
            " leave it out"
        ) from None


def prompt_of(kind: Kind, given: Iterable[Prompt] = ()) -> Prompt:
    """The prompt by which a model judges a kind of question."""
    chosen = next((one for one in given if one.kind == kind.name), None)
    return chosen or (
        Prompt(f"{kind.name}.md", kind.prompt, kind.name) if kind.prompt else shipped_prompts()[kind.name]
    )


def settled(given: Sequence[Prompt], kinds: Sequence[Kind], judges: Sequence[str]) -> tuple[Prompt, ...]:
    """The prompts that are not the usual ones, each with its kind.

    Args:
        given: What the user named.
        kinds: What is judged by labels, in the order of the suite's tasks.
        judges: Who judges.

    Raises:
        UsageError: A prompt is for nothing that is judged here, two are for one kind, or no judge reads a prompt.
    """
    if given and not any(map(reads_prompts, judges)):
        who = "+".join(judges)
        raise UsageError(f"--judge-prompt is for a model as judge, and {who} reads none; name one with --judge")
    asked = {kind.name: kind for kind in kinds}
    found: dict[str, Prompt] = {}
    for one in given:
        name = one.kind or next(iter(asked), "")
        if name not in asked:
            told = f"is judged by {', '.join(asked)}" if asked else "has nothing that a model judges"
            raise UsageError(f"--judge-prompt {one.name} is for {name or 'a judge'}, and this suite {told}")
        if name in found:
            raise UsageError(f"--judge-prompt: {found[name].name} and {one.name} are both for {name}; give one of them")
        found[name] = msgspec.structs.replace(one, kind=name)
    return tuple(one for name, one in found.items() if one.text != prompt_of(asked[name]).text)


def reads_prompts(judge: str) -> bool:
    """True if a model judges under a name, alone or in a cascade; guards and built-in judges read no prompt of ours."""
    held = taken_apart(judge)
    if isinstance(held, Cascaded):
        return reads_prompts(held.cheap) or reads_prompts(held.dear)
    return not isinstance(held, Guarded) and judge not in builtin_judges()
