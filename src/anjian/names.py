"""What things are called in front of people: in Chinese and in English."""

from typing import NamedTuple


class Name(NamedTuple):
    """A name in Chinese and English; either may be empty."""

    zh: str
    en: str

    def __str__(self) -> str:
        """Both, Chinese first."""
        return " ".join(part for part in self if part)


NAMELESS = Name("", "")
