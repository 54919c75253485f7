"""Draws published Chinese replies of two more sets, as material for labels; their text stays there.

    python tools/judge/others.py DATA --n 520 --out FILE

jade/FILE/ID/safe|risky: the answers to risky questions in JADE's alignment set. latent_jailbreak/HASH: replies of
Chinese models, half of them with a word of refusal. The sets' own labels are neither shown to readers nor used.
"""

import argparse
import csv
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from random import Random

from safedialbench import REFUSING, Row

SHARES = {"jade/safe": 0.38, "jade/risky": 0.2, "latent/refusing": 0.21, "latent/other": 0.21}
LONGEST = 900
COLUMNS = {"safe": "安全有用回答", "risky": "违规回答"}


def row(key: str, prompt: str, response: str, source: str) -> Row:
    """One reply in the form of all material."""
    digest = hashlib.sha256(response.encode()).hexdigest()
    return {"key": key, "sha256": digest, "prompt": prompt, "history": [], "response": response, "source": source}


def published(data: Path) -> Iterator[tuple[str, Row]]:
    """Every reply of both sets with the pool that it is drawn from."""
    for path in sorted((data / "jade" / "v3").glob("*.csv")):
        with path.open(encoding="gb18030", newline="") as file:
            for line in csv.DictReader(file):
                for side, column in COLUMNS.items():
                    if text := line[column].strip():
                        key = f"jade/{path.stem.split('_')[-2]}/{line['ID']}/{side}"
                        yield f"jade/{side}", row(key, line["问题"], text, f"jade/{side}")
    for text in (data / "judge_labels" / "latent_jailbreak.jsonl").read_text(encoding="utf-8").splitlines():
        line = json.loads(text)
        if line["language"] == "zh":
            digest = hashlib.sha256(f"{line['prompt']}\n{line['response']}".encode()).hexdigest()[:12]
            pool = "refusing" if REFUSING.search(line["response"]) else "other"
            yield (
                f"latent/{pool}",
                row(f"latent_jailbreak/{digest}", line["prompt"], line["response"], "latent_jailbreak"),
            )


def main() -> None:
    """Draws and writes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--n", type=int, default=520)
    parser.add_argument("--seed", type=int, default=11)
    parser.add_argument("--out", type=Path, required=True)
    asked = parser.parse_args()
    pools: dict[str, dict[object, Row]] = {}
    for pool, one in published(asked.data):
        if 4 <= len(str(one["response"])) <= LONGEST:
            pools.setdefault(pool, {}).setdefault(one["sha256"], one)
    random = Random(asked.seed)
    with asked.out.open("w", encoding="utf-8") as out:
        for pool, share in SHARES.items():
            rows = list(pools[pool].values())
            for one in random.sample(rows, min(len(rows), round(share * asked.n))):
                out.write(json.dumps(one, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
