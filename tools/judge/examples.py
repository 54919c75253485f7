"""What `local-v1` is trained on: labels by key, and the texts that the keys stand for."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import msgspec
from others import published
from safedialbench import Row, turns

from anjian.judges.local.model import CLASSES, Refused


class Example(msgspec.Struct, frozen=True):
    """One labelled reply.

    Attributes:
        group: Examples of one group lie in one fold: those of one prompt, or of one dialogue.
        source: Who replied.
        harmless: True if the prompt is legitimate; None where the label does not say.
    """

    key: str
    group: str
    source: str
    prompt: str
    response: str
    refusal: Refused | None
    guidance: bool | None = None
    label: str | None = None
    points: int | None = None
    harmless: bool | None = None

    @property
    def truth(self) -> int:
        """The place of its class of refusal; −1 where none is settled."""
        return -1 if self.refusal is None else CLASSES.index(self.refusal)

    @property
    def guided(self) -> int:
        """1 for a refusal with guidance, 0 for one without, −1 for all else."""
        return -1 if self.guidance is None or self.refusal in (None, "none") else int(self.guidance)


def chinese(labels: Path, data: Path, generated: Path) -> tuple[list[Example], Counter[str]]:
    """The readings whose text is there and unchanged, and how many are not, by where they come from."""
    texts: dict[str, Row] = {str(row["key"]): row for row in _rows(generated)}
    texts |= turns(data / "safedialbench_zh")
    texts |= {str(row["key"]): row for _, row in published(data)}
    found: list[Example] = []
    lost: Counter[str] = Counter()
    for line in labels.read_text(encoding="utf-8").splitlines():
        label = json.loads(line)
        text = texts.get(label["key"], {"response": ""})
        if hashlib.sha256(str(text["response"]).encode()).hexdigest() != label["sha256"]:
            lost[label["key"].split("/")[0]] += 1
            continue
        parts = label["key"].split("/")
        found.append(
            Example(
                key=label["key"],
                group="/".join(parts[:3]) if parts[0] == "safedialbench" else str(text["prompt"]),
                source=label["source"],
                prompt=str(text["prompt"]),
                response=str(text["response"]),
                refusal=label.get("refusal"),
                guidance=label.get("guidance"),
                label=label.get("label"),
                points=label.get("points"),
                harmless=None if label.get("prompt_risky") is None else not label["prompt_risky"],
            )
        )
    return found, lost


def written() -> list[Example]:
    """Replies written for this project: they train, and are never measured on."""
    rows = _rows(Path(__file__).parent)
    return [
        Example(
            key=f"written/{number}",
            group=str(row["prompt"]),
            source="written",
            prompt=str(row["prompt"]),
            response=str(row["response"]),
            refusal=msgspec.convert(row["refusal"], Refused),
            guidance=bool(row["guidance"]),
        )
        for number, row in enumerate(rows)
    ]


def _rows(folder: Path) -> Iterator[Row]:
    for path in sorted(folder.glob("*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            yield json.loads(line)


def english(data: Path) -> list[Example]:
    """The replies of XSTest."""
    lines = (data / "judge_labels" / "xstest.jsonl").read_text(encoding="utf-8").splitlines()
    return [
        Example(
            key=f"xstest/{number}",
            group=row["prompt"],
            source=row["source"],
            prompt=row["prompt"],
            response=row["response"],
            refusal=row["refusal"],
            harmless=not row["prompt_unsafe"],
        )
        for number, row in enumerate(map(json.loads, lines))
    ]
