"""Cuts material into packs for readers; keys, which name model and system prompt, are hashed.

python tools/judge/packs.py FILE ... --size 190 --into FOLDER
"""

import argparse
import hashlib
import json
from pathlib import Path
from random import Random

SEEN = ("prompt", "history", "response")


def hidden(key: str) -> str:
    """What stands for a key in a pack."""
    return hashlib.sha256(key.encode()).hexdigest()[:12]


def main() -> None:
    """Writes the packs that are not there yet; what already lies in a pack stays where it is."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", type=Path, nargs="+")
    parser.add_argument("--size", type=int, default=190)
    parser.add_argument("--most", type=int, default=99)
    parser.add_argument("--into", type=Path, required=True)
    asked = parser.parse_args()
    packs = sorted(asked.into.glob("pack*.jsonl"))
    packed = {json.loads(line)["key"] for pack in packs for line in pack.read_text(encoding="utf-8").splitlines()}
    rows = [json.loads(line) for path in asked.files for line in path.read_text(encoding="utf-8").splitlines()]
    left = [{"key": hidden(row["key"])} | {name: row[name] for name in SEEN} for row in rows]
    left = [row for row in left if row["key"] not in packed]
    Random(len(packs)).shuffle(left)
    for number in range(min(asked.most, -(-len(left) // asked.size))):
        chosen = left[number * asked.size :][: asked.size]
        path = asked.into / f"pack{len(packs) + number + 1:02}.jsonl"
        path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in chosen), encoding="utf-8")
        print(path, len(chosen))


if __name__ == "__main__":
    main()
