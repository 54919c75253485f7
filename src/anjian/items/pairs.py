"""Items that ask the same thing in two forms, openly and with options; those of a pair share `"meta": {"pair": …}`."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import msgspec

from anjian.items.lines import refuse
from anjian.items.records import Item
from anjian.items.tables import lettered


def pair_of(item: Item) -> str:
    """Names the pair of an item; empty if it belongs to none."""
    pair = item.meta.get("pair")
    return "" if pair is None else str(pair)


def in_both_orders(items: Iterable[Item]) -> list[Item]:
    """The items, each that has two options followed by the same with its options in the other order."""
    return [one for item in items for one in _orders(item)]


def _orders(item: Item) -> Iterator[Item]:
    yield item
    if name := _swapped(item):
        other, answer = lettered(reversed(item.options.values())), "B" if item.answer == "A" else "A"
        yield msgspec.structs.replace(item, id=name, options=other, answer=answer)


def _swapped(item: Item) -> str | None:
    """What an item is called with its two options in the other order."""
    return f"{item.id}-swapped" if len(item.options) == 2 and item.answer else None


def refuse_alone(path: Path, items: Sequence[Item]) -> None:
    """Raises UsageError where items name no pair, have no counterpart of the other form, no key, or another's id."""
    forms = {(pair_of(item), bool(item.options)) for item in items}
    taken = {_swapped(item) for item in items}
    refuse(path, [f"item {item.id}: {fault}" for item in items if (fault := _fault(item, forms, taken))])


def _fault(item: Item, forms: set[tuple[str, bool]], taken: set[str | None]) -> str | None:
    pair = pair_of(item)
    if item.id in taken:
        return f"`{item.id.removesuffix('-swapped')}` is called so with its options in the other order; rename one"
    if not pair:
        return '`meta` names no `pair`; write "meta": {"pair": …}, the same in both forms'
    if item.options and not item.answer:
        return "`options` need the right `answer`"
    if (pair, not item.options) not in forms:
        return f"pair {pair!r} has no {'open question' if item.options else 'question with options'}"
    return None
