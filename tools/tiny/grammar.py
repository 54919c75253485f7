"""Random texts from patterns: "(a|b|)c" chooses one branch, "{x}" is filled from a mapping."""

import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any

TEXT_DIR = Path(__file__).parent / "text"
_INNERMOST = re.compile(r"\(([^()]*\|[^()]*)\)")
_SLOT = re.compile(r"\{(\w+)\}")


def load(name: str) -> dict[str, Any]:
    """Read `text/NAME.toml`."""
    with (TEXT_DIR / f"{name}.toml").open("rb") as file:
        return tomllib.load(file)


def expand(pattern: str, rng: Random, slots: Mapping[str, str] | None = None) -> str:
    """Choose one branch of every alternation, then fill the slots.

    >>> expand("怎么{act}？", Random(0), {"act": "浇花"})
    '怎么浇花？'
    """
    while match := _INNERMOST.search(pattern):
        branch = rng.choice(match.group(1).split("|"))
        pattern = pattern[: match.start()] + branch + pattern[match.end() :]
    values = slots or {}
    return _SLOT.sub(lambda m: values[m.group(1)], pattern)


def pick(patterns: Sequence[str], rng: Random, slots: Mapping[str, str] | None = None) -> str:
    """Expand one pattern of the list."""
    return expand(rng.choice(patterns), rng, slots)


def sentence(text: str) -> str:
    """End a text with a full stop unless it ends in punctuation."""
    return text if text[-1:] in "。！？…：" else text + "。"
