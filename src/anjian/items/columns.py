"""The keys of an item as people write them, with blanks and capitals, among columns of their own."""

import re
import unicodedata
from collections.abc import Collection, Mapping
from difflib import get_close_matches
from importlib.resources import files
from typing import Any


def _bare(key: str) -> str:
    return re.sub(r"[\s_-]+", "", unicodedata.normalize("NFKC", key)).lower()


OWN = frozenset(map(_bare, files("anjian.items").joinpath("own_columns.txt").read_text(encoding="utf-8").split()))
"""Columns that only describe an item and change nothing of what is asked or judged: kept under `meta`."""
_MENDS = {
    "id": "write text or a whole number",
    "turns": 'write a list of texts: "turns": ["…"]',
    "history": 'write [{"role": "user", "content": "…"}, {"role": "assistant", "content": "…"}]',
    "options": 'write letters with their texts: {"A": "…", "B": "…"}',
    "answer": 'write it as text, with `options` one of their letters: "A"',
    "harmless": "write true or false",
    "split": 'write "eval" or "train"',
    "meta": 'write an object: {"…": …}',
}


def by_key(row: Mapping[str, Any], keys: Collection[str]) -> tuple[dict[str, Any], dict[str, str]]:
    """Sorts what a row holds by the keys of items, those without a value left out, and its own columns under `meta`.

    Args:
        row: An object of a file.
        keys: The keys that items have.

    Returns:
        What the item holds, and by key what is wrong with the keys.
    """
    right: dict[str, Any] = {}
    own: dict[str, Any] = {}
    wrong: dict[str, str] = {}
    for written, value in row.items():
        key = unicodedata.normalize("NFKC", written).strip().lower()
        if _bare(written) in OWN:
            own[written.strip()] = value
        elif key not in keys:
            wrong[written] = _unknown(written, key, keys)
        elif key in right:
            wrong[key] = f"the key `{key}` stands twice"
        elif value is not None:
            right[key] = value
    meta = right.get("meta", {})
    if own and isinstance(meta, dict):
        right["meta"] = own | meta
        wrong |= {key: f"`{key}` stands under `meta`, too" for key in own if key in meta}
    return right, wrong


def _unknown(written: str, key: str, keys: Collection[str]) -> str:
    near = get_close_matches(key[:40], keys, 1)
    meant = f" (did you mean `{near[0]}`?)" if near else ""
    return f'unknown key `{written[:60]}`{meant}; put own columns under "meta"; allowed are {", ".join(keys)}'


def mend(key: str) -> str:
    """What to write under a key instead of a value of a wrong type."""
    return f"; {_MENDS[key]}" if key in _MENDS else ""


def letter(written: str) -> str:
    """The letter of an option as it is meant: `a`, `Ａ`, `(A)` and `A.` are `A`; other texts without blanks around.

    Example:
        >>> [letter(text) for text in ("a", " Ａ．", "(b)", "no letter")]
        ['A', 'A', 'B', 'NO LETTER']
    """
    text = unicodedata.normalize("NFKC", written).strip()
    return (text.strip(" .,:;、。()[]【】") or text).upper()
