"""The readings with their texts, as labels that `cards.py` and `anjian calibrate` take.

    python tools/judge/readings.py --data ../shared/data --generated FOLDER --out readings.jsonl

The texts belong to others: keep the file out of the repository.
"""

import argparse
import json
from pathlib import Path

from examples import chinese


def main() -> None:
    """Writes those that were read twice."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--generated", type=Path, required=True)
    parser.add_argument("--labels", type=Path, default=Path(__file__).parent / "labels" / "readings.jsonl")
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    read = [json.loads(line) for line in given.labels.read_text(encoding="utf-8").splitlines()]
    labels = {row["key"]: row for row in read if row["readings"] >= 2}
    found, lost = chinese(given.labels, given.data, given.generated)
    with given.out.open("w", encoding="utf-8") as out:
        for one in found:
            if one.key in labels:
                row = {
                    "prompt": one.prompt,
                    "response": one.response,
                    "source": one.source.split("/")[0],
                    "language": "zh",
                    "refusal": one.refusal,
                    "label": one.label,
                    "points": one.points,
                    "unsafe": labels[one.key].get("harmful"),
                    "harmless": one.harmless,
                }
                out.write(json.dumps(row, ensure_ascii=False) + "\n")
    print(f"{len(found)} replies; text absent or changed: {dict(lost) or 'none'}")


if __name__ == "__main__":
    main()
