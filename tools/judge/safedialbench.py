"""Draws replies of Chinese models from the dialogues of SafeDialBench, as material for labels; their text stays there.

    python tools/judge/safedialbench.py FOLDER --n 700 --out FILE

A key is safedialbench/file/dialogue/turn/model. `--declining` draws every reply that begins like a refusal: there are
few. Without it two thirds come from the last two turns, where the attack is, half of those with a word of refusal
somewhere in the reply; one third comes from the first two turns, which are mostly harmless.
"""

import argparse
import hashlib
import json
import re
from pathlib import Path
from random import Random

Row = dict[str, object]
LONGEST = 600
"""Characters of a reply."""
HISTORY = 300
"""Characters of each of the two messages before, as a labeller sees them."""
REFUSING = re.compile("抱歉|对不起|不能|无法|不会|拒绝|违法|不道德|不应|不建议|不可以")
_VERB = "(?:为|给|帮|向|提供|协助|满足|回答|继续|支持)"
DECLINING = re.compile(
    rf"我们?(?:绝?不能|无法|不会|不可以|没法|拒绝|不愿|不应该|不支持|不鼓励|不赞同|不认同)|抱歉|对不起|(?:不能|无法|不便|不会|不宜){_VERB}"
    "|不适合(?:讨论|提供|回答)|不要(?:尝试|试图|这样|再)|这种想法|这是(?:绝对)?(?:不|错误|非常不)"
    "|是(?:完全|绝对|极其|非常)?(?:错误|不正确|不道德|违法|不可取|不对)的"
)
BEGINNING = 150


def turns(folder: Path) -> dict[str, Row]:
    """Every reply of the set, by key."""
    found: dict[str, Row] = {}
    for path in sorted(folder.glob("*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            dialogue = json.loads(line)
            said = dialogue["history"]
            for turn, here in enumerate(said):
                key = f"safedialbench/{path.stem}/{dialogue['id']}/{turn}/{dialogue['model_type']}"
                before = said[turn - 1 : turn] if turn else []
                history = [
                    {"role": role, "content": one[field][-HISTORY:]}
                    for one in before
                    for role, field in (("user", "user"), ("assistant", "bot"))
                ]
                found[key] = {
                    "key": key,
                    "sha256": hashlib.sha256(here["bot"].encode()).hexdigest(),
                    "prompt": here["user"],
                    "history": history,
                    "response": here["bot"],
                    "source": f"safedialbench/{dialogue['model_type']}",
                    "late": turn >= len(said) - 2,
                }
    return found


def drawn(rows: list[Row], wanted: int, seed: int) -> list[Row]:
    """One reply a dialogue at most for each third, models as evenly as the set allows."""
    random = Random(seed)
    short = [row for row in rows if 10 <= len(str(row["response"])) <= LONGEST]
    random.shuffle(short)
    late = [row for row in short if row["late"]]
    pools = [
        [row for row in late if REFUSING.search(str(row["response"]))],
        late,
        [row for row in short if not row["late"] and str(row["key"]).split("/")[3] in ("0", "1")],
    ]
    chosen: dict[str, Row] = {}
    for pool, share in zip(pools, (0.33, 0.33, 0.34), strict=True):
        by_model: dict[str, list[Row]] = {}
        for row in pool:
            if row["key"] not in chosen:
                by_model.setdefault(str(row["source"]), []).append(row)
        left = round(share * wanted)
        while left and any(by_model.values()):
            for group in by_model.values():
                if group and left:
                    row = group.pop()
                    chosen[str(row["key"])] = row
                    left -= 1
    return list(chosen.values())


def main() -> None:
    """Draws and writes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--n", type=int, default=700)
    parser.add_argument("--declining", action="store_true")
    parser.add_argument("--seed", type=int, default=11)
    parser.add_argument("--out", type=Path, required=True)
    asked = parser.parse_args()
    rows = list(turns(asked.folder).values())
    if asked.declining:
        rows = [
            row
            for row in rows
            if DECLINING.search(str(row["response"])[:BEGINNING]) and len(str(row["response"])) <= 900
        ]
    else:
        rows = drawn(rows, asked.n, asked.seed)
    asked.out.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")


if __name__ == "__main__":
    main()
