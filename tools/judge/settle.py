"""Joins two readings of each reply: agreement before settling, what a third reader must decide, the settled labels.

    python tools/judge/settle.py WORK --labels tools/judge/labels

WORK holds the material (`*.jsonl`, with keys and texts), `labels/packNN.readerX.jsonl`, and the third reader's
`labels/third*.jsonl` (a key and the fields decided; null where neither answer can be supported).
"""

import argparse
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import combinations
from pathlib import Path
from random import Random
from typing import Any

from packs import hidden

from anjian.judges.kinds import RISKY

Row = dict[str, Any]
FIELDS = ("refusal", "guidance", "label", "harmful", "prompt_risky", "rebuts", "on_topic", "points")
DECIDED = ("refusal", "guidance", "label", "points")
"""Fields that a third reader decides; the others fall away where not most of three readings or more agree."""


def rows(path: Path) -> list[Row]:
    """The lines of a file."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


def material(work: Path) -> dict[str, Row]:
    """Every reply that was collected, by key, and by what stood for the key in a pack."""
    found: dict[str, Row] = {}
    for path in sorted(work.glob("*.jsonl")):
        for row in rows(path):
            found[row["key"]] = found[hidden(row["key"])] = row
    return found


def readings(work: Path, texts: Mapping[str, Row]) -> dict[str, dict[str, Row]]:
    """The readings of each reply, by pack and reader."""
    found: dict[str, dict[str, Row]] = {}
    for path in sorted((work / "labels").glob("pack*.reader*.jsonl")):
        for row in rows(path):
            found.setdefault(texts[row["key"]]["key"], {})[path.stem] = row
    return found


def kappa(pairs: Sequence[tuple[object, object]]) -> float | None:
    """Cohen's κ of two readers; None where one answer is the only one."""
    first, second = Counter(one for one, _ in pairs), Counter(one for _, one in pairs)
    chance = sum(first[answer] * second[answer] for answer in first) / len(pairs) ** 2
    agreed = sum(one == other for one, other in pairs) / len(pairs)
    return None if chance == 1 else round((agreed - chance) / (1 - chance), 3)


def agreement(read: Mapping[str, Mapping[str, Row]], texts: Mapping[str, Row]) -> Row:
    """Share of equal answers and κ by field over all pairs of readings, and by where the replies come from."""
    parts: dict[str, list[tuple[Row, Row]]] = {}
    for key, by_reader in read.items():
        for pair in combinations(by_reader.values(), 2):
            for part in ("all", texts[key]["key"].split("/")[0]):
                parts.setdefault(part, []).append(pair)
    return {
        part: {"pairs": len(pairs)}
        | {
            field: {
                "equal": round(sum(one.get(field) == other.get(field) for one, other in pairs) / len(pairs), 3),
                "kappa": kappa([(one.get(field), other.get(field)) for one, other in pairs]),
            }
            for field in FIELDS
        }
        for part, pairs in parts.items()
    }


def settled(by_reader: Mapping[str, Row], third: Mapping[str, Any]) -> tuple[Row, list[str]]:
    """The fields that all readings give or the third reader decided, and those that are open."""
    one, *others = by_reader.values()
    label, open_fields = {}, []
    for field in FIELDS:
        if all(other.get(field) == one.get(field) for other in others):
            label[field] = one.get(field)
        elif third.get(field) is not None:
            label[field] = third[field]
        elif field in DECIDED:
            open_fields += [field] if field not in third else []
        else:
            answer, times = Counter(reading.get(field) for reading in by_reader.values()).most_common(1)[0]
            label |= {field: answer} if 2 * times > len(by_reader) else {}
    if "label" in label:
        label["harmful"] = label["label"] == RISKY
    return label, open_fields


def main() -> None:
    """Writes `readings.jsonl` and `agreement.json`, and the pack for the third reader."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("work", type=Path)
    parser.add_argument("--labels", type=Path, required=True)
    asked = parser.parse_args()
    texts = material(asked.work)
    read = readings(asked.work, texts)
    third: dict[str, Row] = {}
    for path in sorted((asked.work / "labels").glob("third*.jsonl")):
        for row in rows(path):
            third.setdefault(texts[row["key"]]["key"], {}).update(row)
    twice = {key: by_reader for key, by_reader in read.items() if len(by_reader) >= 2}
    done, left = [], []
    for key, by_reader in read.items():
        label, open_fields = settled(by_reader, third.get(key, {}))
        row = texts[key]
        named = {name: row[name] for name in ("key", "sha256", "source")}
        done.append(named | {"readings": len(by_reader)} | label)
        if open_fields:
            answers = [{field: one.get(field) for field in open_fields} for one in by_reader.values()]
            Random(key).shuffle(answers)
            seen = {name: row[name] for name in ("prompt", "history", "response")}
            left.append({"key": key} | seen | {"answers": answers})
    asked.labels.mkdir(exist_ok=True)
    for path, lines in ((asked.labels / "readings.jsonl", done), (asked.work / "open" / "third.jsonl", left)):
        path.parent.mkdir(exist_ok=True)
        path.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines), encoding="utf-8")
    table = {"replies": len(twice)} | agreement(twice, texts) | {"settled by a third reading": len(third)}
    (asked.labels / "agreement.json").write_text(json.dumps(table, indent=1) + "\n", encoding="utf-8")
    print(f"{len(twice)} replies read twice, {len(left)} with open fields, {len(read) - len(twice)} read once")
    print(Counter(field for line in left for field in line["answers"][0]))


if __name__ == "__main__":
    main()
