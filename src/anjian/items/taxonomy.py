"""Taxonomies: the areas and categories of a benchmark, with Chinese and English names."""

from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files

import msgspec


class Category(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One category; `aliases` are other spellings found in data files, `note` is its definition in one line."""

    code: str
    zh: str
    en: str
    aliases: tuple[str, ...] = ()
    note: str = ""


class Area(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One area and its categories; `key` is its name in tables with ASCII headings.

    Categories that belong to no area stand in one without any name.
    """

    categories: tuple[Category, ...]
    code: str = ""
    key: str = ""
    zh: str = ""
    en: str = ""
    aliases: tuple[str, ...] = ()


class Taxonomy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The areas of a benchmark, in their published order."""

    areas: tuple[Area, ...]

    def find(self, name: str) -> tuple[Area, Category] | None:
        """Finds a category by its name, an alias, or the name with the suffix 内容 that some files append."""
        return _index(self).get(name) or _index(self).get(name.removesuffix("内容"))

    def area_names(self) -> dict[str, str]:
        """Category to area, by their Chinese names, in the published order; categories without area are left out."""
        return {category.zh: area.zh for area in self.areas if area.zh for category in area.categories}

    def area_of(self, name: str) -> Area:
        """Returns the area of a category named as in the taxonomy; KeyError if there is no such category."""
        return _index(self)[name][0]


def flat(names: Iterable[str] | Mapping[str, str]) -> Taxonomy:
    """Returns a taxonomy of categories without areas, with the codes 1, 2, 3 ….

    Args:
        names: The names, alike in both languages; or Chinese to English names, and both are found.

    Example:
        >>> flat({"隐私": "privacy"}).find("privacy")[1].zh
        '隐私'
    """
    pairs = names.items() if isinstance(names, Mapping) else ((name, name) for name in dict.fromkeys(names))
    return Taxonomy((Area(tuple(Category(str(n), zh, en, (en,)) for n, (zh, en) in enumerate(pairs, 1))),))


@cache
def _index(taxonomy: Taxonomy) -> dict[str, tuple[Area, Category]]:
    return {
        name: (area, category)
        for area in taxonomy.areas
        for category in area.categories
        for name in (category.zh, *category.aliases)
    }


@cache
def load_taxonomy(suite: str) -> Taxonomy:
    """Loads the bundled taxonomy of a suite, or that of another one which it shares; FileNotFoundError without any."""
    folder = files("anjian.items").joinpath("taxonomies")
    shared = folder.joinpath(f"{suite}.same_as")
    name = shared.read_text("utf-8").strip() if shared.is_file() else suite
    text = folder.joinpath(f"{name}.toml").read_bytes()
    return msgspec.toml.decode(text, type=Taxonomy)
