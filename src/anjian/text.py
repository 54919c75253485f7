"""Text from models, servers and files, made safe to show. It is hostile until shown otherwise."""

import re

# Control characters (tab and newline apart), bidirectional overrides and isolates, invisible operators, line and
# paragraph separators, byte-order marks, tags. Joiners stay: emoji and several scripts need them.
_HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f"
    "\ud800-\udfff\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]"
)


def one_line(text: str, length: int = 200) -> str:
    """Makes foreign text fit for a terminal: one line, no control characters, no keys, at most `length` characters."""
    text = re.sub(r"\b(sk|ak|key)-[\w*.-]{6,}|Bearer\s+\S+", "***", text)
    text = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return text if len(text) <= length else text[: length - 1] + "…"


def plain(text: str) -> str:
    """Puts a text on one line and drops every character that could move the cursor or hide others."""
    return _HIDDEN.sub("", re.sub(r"[\t\r\n]+", " ", text))


def kept_lines(text: str) -> str:
    """Keeps lines, and drops what `plain` drops."""
    return _HIDDEN.sub("", text.replace("\t", " "))


def visible(text: str) -> str:
    r"""Keeps lines, and shows hidden characters by their code point: what a reply hides is worth seeing.

    Example:
        >>> visible("safe\u202egpj.exe")
        'safe‹U+202E›gpj.exe'
    """
    return _HIDDEN.sub(lambda match: f"‹U+{ord(match[0]):04X}›", text.replace("\r\n", "\n"))
