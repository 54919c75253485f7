"""The cues of the built-in judge: word lists in TOML, compiled into patterns that stay quick on long text.

A cue is a small regular expression over lower-cased text that begins with a plain character or with a <word>, a list
under [words] of the same file. So all cues of a group can be sorted by their first character, and a search only stops
at characters that begin one:

    >>> compile_cues(["不<can>", "恕<can>"], {"can": ["能", "便"]}).pattern
    '不(?:(?:能|便))|恕(?:(?:能|便))'

Gaps are bounded (`[^。]{0,12}?`), which keeps every search linear in the length of the text.
"""

import re
import tomllib
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files

Words = Mapping[str, str | list[str]]

_WORD = re.compile(r"<(\w+)>")


@cache
def load_cues() -> Mapping[str, re.Pattern[str]]:
    """Compiles all groups of all cue files; the keys are the groups' names."""
    cues: dict[str, re.Pattern[str]] = {}
    for file in files("anjian.judges.rules").iterdir():
        if file.name.endswith(".toml"):
            book = tomllib.loads(file.read_text("utf-8"))
            words = book.pop("words", {})
            cues |= {group: compile_cues(entries, words) for group, entries in book.items()}
    return cues


def compile_cues(entries: Iterable[str], words: Words) -> re.Pattern[str]:
    """Compiles one group: its cues, sorted by their first character."""
    tails: dict[str, list[str]] = {}
    for entry in entries:
        for first, tail in _by_first_character(entry, words):
            tails.setdefault(first, []).append(_expand(tail, words))
    return re.compile("|".join(f"{re.escape(c)}{_boundary(c)}(?:{'|'.join(tails[c])})" for c in tails))


def _by_first_character(entry: str, words: Words) -> Iterable[tuple[str, str]]:
    lead = _WORD.match(entry)
    if not lead:
        return [(entry[0], entry[1:])]
    rest: dict[str, list[str]] = {}
    for choice in words[lead[1]]:
        for first, tail in _by_first_character(choice, words):
            rest.setdefault(first, []).append(tail)
    return [(first, f"(?:{'|'.join(tails)}){entry[lead.end() :]}") for first, tails in rest.items()]


def _expand(text: str, words: Words) -> str:
    def replacement(match: re.Match[str]) -> str:
        choices = words[match[1]]
        return choices if isinstance(choices, str) else f"(?:{'|'.join(_expand(choice, words) for choice in choices)})"

    return _WORD.sub(replacement, text)


def _boundary(first: str) -> str:
    """English cues begin at the beginning of a word."""
    return f"(?<![a-z]{first})" if first.isascii() and first.isalpha() else ""
