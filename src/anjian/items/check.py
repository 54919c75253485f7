"""Checks a bank of items: what a benchmark must not have, found by measurement.

Faults of form (schema, ids, categories) come from reading the files. The others are judged here: near-duplicates,
overlap of the training split with the evaluation split, unbalanced keys, uniform lengths, missing harmless twins,
harmless questions that give themselves away, and content that does not belong into a question: numbers of phones and
identity cards, full names, working instructions.

What is wrong in any bank is a fault. What only a bank that is to be balanced must have is advice to its author.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from anjian.items.near import NEAR, NearIndex, grams, text_of
from anjian.items.records import Item
from anjian.items.surface import ALIKE_LIMIT, LIMIT, Separability, separability
from anjian.items.taxonomy import load_taxonomy

ENOUGH = 40
"""Shares are judged from this many items on."""
OVERLAP = 0.35
"""Share of a training question's n-grams that an evaluation question may hold."""

FORBIDDEN = {
    "a phone number": re.compile(r"(?<!\d)1[3-9]\d{9}(?!\d)|(?<!\d)0\d{2,3}-\d{7,8}(?!\d)"),
    "an identity-card number": re.compile(r"(?<!\d)\d{17}[\dXx](?!\d)"),
    "a bank-card number": re.compile(r"(?<!\d)\d{16}(?:\d{3})?(?!\d)"),
    "an e-mail address": re.compile(r"[\w.+-]+@[\w-]+\.[\w.]+"),
    "a link": re.compile(r"https?://|www\."),
    "working instructions": re.compile(
        r"第一步[^。]{4,}第二步[^。]{4,}第三步|(?:^|\n)\s*1[.、][^\n]{6,}\n\s*2[.、][^\n]{6,}\n\s*3[.、]"
    ),
    "quantities of a recipe": re.compile(
        r"(?:\d+(?:\.\d+)?\s*(?:克|毫升|ml|mg|毫克|摄氏度|℃)[^。]*){3,}", re.IGNORECASE
    ),
    "a full name": re.compile(
        r"(?<![\u4e00-\u9fff])(?:王|李|张|刘|陈|杨|黄|赵|吴|周|徐|孙|马|朱|胡|郭|何|林|高|罗|郑|梁|谢|宋|唐|许|韩|冯|邓|曹)"
        r"(?!某|老|小|阿|姐|哥|叔|婶|姨|总|工|队|局|主任)[\u4e00-\u9fff]{2}(?:先生|女士|的身份证|的电话|的住址|住在)"
    ),
}


class Fault(msgspec.Struct, frozen=True):
    """Something to mend: where, and what; `advice` where a bank can well do without."""

    where: str
    what: str
    advice: bool = False

    def __str__(self) -> str:
        """One line."""
        return f"{self.where}: {self.what}"


def check_items(items: Sequence[Item], others: Iterable[tuple[str, str]] = ()) -> Iterator[Fault]:
    """Yields the faults of a bank.

    Args:
        items: All items of the bank, both splits.
        others: Names and texts of questions elsewhere that the bank must not repeat.
    """
    yield from _near_duplicates(items, others)
    yield from _overlap(items)
    yield from _forbidden(items)
    for fault in (*_keys(items), *_lengths(items), *_twins(items), *_giveaways(items)):
        yield msgspec.structs.replace(fault, advice=True)


def surfaces(items: Sequence[Item]) -> dict[str, tuple[Separability, float]]:
    """How well the surface tells risky questions from harmless ones, with the limit: of all, and of the look-alikes.

    Look-alikes say in `meta` which dangerous wording they keep (`wording`).
    """
    open_ones = (item for item in items if not item.options and item.answer is None)
    asked = [item for item in open_ones if item.split == "eval" and len(item.turns) == 1]
    risky, harmless = ([item for item in asked if item.harmless is kind] for kind in (False, True))
    alike = [item for item in harmless if "wording" in item.meta]
    found = {"all": (separability(risky, harmless), LIMIT), "look-alikes": (separability(risky, alike), ALIKE_LIMIT)}
    return {name: (one, limit) for name, (one, limit) in found.items() if one}


def _giveaways(items: Sequence[Item]) -> Iterator[Fault]:
    for name, (found, limit) in surfaces(items).items():
        if found.worst > limit:
            signs = "、".join(found.telling_risky), "、".join(found.telling_harmless)
            yield Fault(
                f"harmless questions ({name})",
                f"{found.worst:.0%} are told from risky ones by their characters (aim at {limit:.0%} or less); "
                f"signs of risk are {signs[0]}, of harmlessness {signs[1]}",
            )


def _near_duplicates(items: Sequence[Item], others: Iterable[tuple[str, str]]) -> Iterator[Fault]:
    index = NearIndex()
    for name, text in others:
        index.add(name, text)
    for item in items:
        if found := index.nearest(text_of(item)):
            yield Fault(item.id, f"nearly repeats {found[0]} (similarity {found[1]:.2f}, limit {NEAR})")
        index.add(item.id, text_of(item))


def _overlap(items: Sequence[Item]) -> Iterator[Fault]:
    """Exact and n-gram overlap of the training split with the evaluation split."""
    holders: dict[str, list[str]] = defaultdict(list)
    for item in items:
        if item.split == "eval":
            for gram in grams(text_of(item)):
                holders[gram].append(item.id)
    for item in items:
        if item.split == "train":
            mine = grams(text_of(item))
            shared = Counter(name for gram in mine for name in holders.get(gram, ()))
            for name, count in shared.most_common(1):
                if count > OVERLAP * len(mine):
                    yield Fault(item.id, f"a training question shares {count / len(mine):.0%} of its text with {name}")


def _forbidden(items: Iterable[Item]) -> Iterator[Fault]:
    for item in items:
        text = "\n".join([*item.turns, *item.options.values(), *(message.content for message in item.history)])
        for what, pattern in FORBIDDEN.items():
            if match := pattern.search(text):
                yield Fault(item.id, f"holds {what}: {match[0][:20]!r}")


def _keys(items: Sequence[Item]) -> Iterator[Fault]:
    """Keys must not be guessable: each answer between half and one and a half times its fair share."""
    for size in sorted({len(item.options) for item in items if item.answer and item.options}):
        chosen = [item for item in items if item.answer and len(item.options) == size]
        if len(chosen) < ENOUGH:
            continue
        texts = ("是", "否") if size == 2 else ()
        said = Counter(item.options[item.answer or ""] if texts else item.answer for item in chosen)
        for answer in texts or tuple("ABCDEFGH"[:size]):
            share = said[answer] / len(chosen)
            if not 0.6 / size <= share <= 1.4 / size:
                yield Fault(f"keys of {size} options", f"{share:.0%} are {answer}; aim at {1 / size:.0%}")
        longest = sum(_sole_longest(item) for item in chosen) / len(chosen)
        if size > 2 and longest > 0.45:
            yield Fault(f"keys of {size} options", f"the right option is the longest in {longest:.0%}")


def _sole_longest(item: Item) -> bool:
    lengths = {letter: len(text) for letter, text in item.options.items()}
    right = lengths.pop(item.answer or "")
    return right > max(lengths.values())


def _lengths(items: Sequence[Item]) -> Iterator[Fault]:
    for split in ("eval", "train"):
        # A short problem is not easier to recognise than a long one: only questions are judged.
        kept = [item for item in items if item.split == split and (item.options or item.answer is None)]
        lengths = [len(text_of(item)) for item in kept if len(item.turns) == 1]
        if len(lengths) >= ENOUGH:
            short, long = (sum(test) / len(lengths) for test in ((n < 40 for n in lengths), (n > 60 for n in lengths)))
            if min(short, long) < 0.05:
                yield Fault(
                    f"split {split}", f"lengths vary little: {short:.0%} below 40 characters, {long:.0%} above 60"
                )


def _twins(items: Sequence[Item]) -> Iterator[Fault]:
    """Silence must not pass for safety: each category with risky questions needs harmless ones, or other tasks."""
    risky, harmless = Counter[tuple[str, str]](), Counter[tuple[str, str]]()
    for item in items:
        if not item.options and item.answer is None and not item.task:
            (harmless if item.harmless else risky)[item.category, item.split] += 1
    for (category, split), count in risky.items():
        if split == "eval" and 8 * harmless[category, split] < count:
            found = harmless[category, split]
            yield Fault(
                category, f"{count} risky questions but {found} harmless twins; aim at one for every eight or more"
            )


def stats(items: Iterable[Item]) -> dict[str, Counter[str]]:
    """Counts items by category and kind.

    Kinds are `mcq`, `problem` (with a reference answer), `risky`, `risky+history`, `harmless`, and `train …` of those;
    `mcq law` and `mcq recognition` tell what multiple choice asks, where `meta` says so (`asks`).
    """
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for item in items:
        kind = "mcq" if item.options else "problem" if item.answer else "harmless" if item.harmless else "risky"
        if item.split == "train":
            kind = f"train {kind}"
        elif item.history and kind == "risky":
            kind = "risky+history"
        counts[item.category][kind] += 1
        if "asks" in item.meta:
            counts[item.category][f"{kind} {item.meta['asks']}"] += 1
    return counts


def by_risk(counts: dict[str, Counter[str]]) -> dict[str, Counter[str]]:
    """Adds up the counts of `stats` by the codes of GB/T 45654-2025; categories outside it are left out."""
    standard = load_taxonomy("gbt45654")
    found = {category: standard.find(category) for category in counts}
    return {place[1].code: counts[category] for category, place in found.items() if place}
