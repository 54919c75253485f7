"""Finds JSON objects in what a judge wrote, also where they are not quite JSON.

    {'answer': '直接拒绝', 'analysis': '没有说明理由。',}

Single quotes, trailing commas, line breaks in strings, prose before and after, a text that breaks off: the fields are
read all the same, and what stands inside a string is never taken for a field.
"""

import re
from collections.abc import Iterator

import msgspec

_COMMENT = "//"
_TOKEN = re.compile(
    r"""(?<!:)//[^\n]*|"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|“[^“”]*”|[{}\[\],:：，]|[^\s{}\[\],:：，"'“”]+|["'“”]""",
    re.DOTALL,
)
_COLONS, _COMMAS = (":", "："), (",", "，")
LONGEST = 20_000
"""Characters of an object that are read; a judge's verdict is far shorter."""


class Found(msgspec.Struct, frozen=True):
    """An object in a text.

    Attributes:
        start: Where it begins.
        end: Where it ends, or the text.
        fields: Every key with its value, in their order, those of inner objects too; a list gives a field for each.
    """

    start: int
    end: int
    fields: list[tuple[str, str]]


def find_objects(text: str) -> Iterator[Found]:
    """Yields the outermost objects of a text, as they stand in it."""
    start = text.find("{")
    while start >= 0:
        tokens, end = _tokens(text, start)
        yield Found(start, end, list(_fields(tokens)))
        start = text.find("{", end)


def _tokens(text: str, start: int) -> tuple[list[str], int]:
    """The tokens of the object that begins at `start`, and where it ends."""
    tokens: list[str] = []
    depth = 0
    for match in _TOKEN.finditer(text, start, start + LONGEST):
        if match[0].startswith(_COMMENT):
            continue
        tokens.append(match[0])
        depth += (match[0] == "{") - (match[0] == "}")
        if depth == 0:
            return tokens, match.end()
    return tokens, len(text)


def _fields(tokens: list[str]) -> Iterator[tuple[str, str]]:
    """What stands before a colon, at the beginning or after a comma, is a key."""
    for place in range(2, len(tokens) - 1):
        if tokens[place] not in _COLONS or tokens[place - 2] not in ("{", *_COMMAS):
            continue
        key, rest = _plain(tokens[place - 1]), tokens[place + 1 :]
        if rest[0] == "[":
            inner = rest[1 : rest.index("]")] if "]" in rest else rest[1:]
            yield from ((key, _plain(token)) for token in inner if token not in _COMMAS)
        elif rest[0] != "{":
            yield key, _plain(rest[0])


def _plain(token: str) -> str:
    """What a token says, without its quotation marks."""
    if len(token) < 2 or token[0] not in "\"'“":
        return token
    if token[0] == '"':
        try:
            return msgspec.json.decode(token.encode(errors="replace"), type=str)
        except msgspec.DecodeError:
            pass  # A line break in a string is no JSON.
    return re.sub(r"\\(.)", lambda match: {"n": "\n", "t": "\t"}.get(match[1], match[1]), token[1:-1])
