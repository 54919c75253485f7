"""Items that ask the same thing in two forms, openly and with options; those of a pair share `"meta": {"pair": …}`."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import msgspec

from anjian.items.records import Item, refuse
from anjian.items.tables import lettered


def pair_of(item: Item) -> str:
    """Names the pair of an item; empty if it belongs to none."""
    return str(item.meta.get("pair", ""))


def in_both_orders(items: Iterable[Item]) -> list[Item]:
    """The items, each that has two options followed by the same with its options in the other order."""
    return [one for item in items for one in _orders(item)]


def _orders(item: Item) -> Iterator[Item]:
    yield item
    if len(item.options) == 2 and item.answer:
        other, answer = lettered(reversed(item.options.values())), {"A": "B", "B": "A"}[item.answer]
        yield msgspec.structs.replace(item, id=f"{item.id}-swapped", options=other, answer=answer)


def refuse_alone(path: Path, items: Sequence[Item]) -> None:
    """Raises UsageError where items name no pair or have no counterpart of the other form, or options have no key."""
    forms = {(pair_of(item), bool(item.options)) for item in items}
    refuse(path, [f"item {item.id}: {fault}" for item in items if (fault := _fault(item, forms))])


def _fault(item: Item, forms: set[tuple[str, bool]]) -> str | None:
    pair = pair_of(item)
    if not pair:
        return '`meta` names no `pair`; write "meta": {"pair": …}, the same in both forms'
    if item.options and not item.answer:
        return "`options` need the right `answer`"
    if (pair, not item.options) not in forms:
        return f"pair {pair!r} has no {'open question' if item.options else 'question with options'}"
    return None
