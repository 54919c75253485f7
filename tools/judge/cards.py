"""Makes the cards of the built-in judges, and the tables of docs/judges.md: `python tools/judge/cards.py`.

Public labels are read in place (`--data`), those of this project's own readings where they are given (`--readings`, as
JSON lines with `prompt`, `response` and labels). Of the public ones only prompts whose SHA-256 is odd are used: the
others may be looked at while cues are written or weights are trained.
"""

import argparse
import hashlib
import json
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from anjian.console import plain_console
from anjian.files import file_name
from anjian.judges.builtin import builtin_judges
from anjian.judges.card import Agreement, Card, Labelled, Question, load_card, save_card
from anjian.judges.labels import CALIBRATED, fitting, read_labels
from anjian.reports.cards import TITLES
from anjian.reports.text import interval_text, number
from anjian.runs.calibrate import Calibration, calibrate
from anjian.runs.loop import run_async

ROOT = Path(__file__).parents[2]
CARDS = ROOT / "src" / "anjian" / "judges" / "cards"
PAGE = ROOT / "docs" / "judges.md"
BEGIN, END = "<!-- cards: made by tools/judge/cards.py -->", "<!-- end of cards -->"
FILES = {
    "refusal": ("xstest", "jailbreakeval", "diasafety", "latent_jailbreak"),
    "over_refusal": ("xstest",),
    "points": (),
}
"""Which public labels speak of which kind."""
TRAINED = ("auto", "local-v1")
"""Their cards are made out of fold, by `train_local.py`, and only stand in the tables."""
NOTE = "prompts of odd SHA-256; people's labels of public sets"
READ = "; Chinese replies read twice by a language model, not by people (tools/judge/PROTOCOL.md)"


def kept(prompt: str) -> bool:
    """True for the prompts that cards are made from."""
    return hashlib.sha256(prompt.encode()).digest()[-1] % 2 == 1


def held_out(source: Path, folder: Path) -> Path:
    """The lines of a file of labels that cards are made from, as a file of the same name."""
    lines = source.read_text(encoding="utf-8").splitlines()
    path = folder / source.name
    path.write_text("".join(f"{line}\n" for line in lines if kept(json.loads(line)["prompt"])), encoding="utf-8")
    return path


def beside(source: Path, labelled: Sequence[Path], folder: Path) -> Path:
    """The readings of replies that people have not labelled: where both exist, theirs hold."""
    theirs = {(line.prompt, line.response) for path in labelled for line in read_labels(path)}
    lines = [json.loads(line) for line in source.read_text(encoding="utf-8").splitlines()]
    mine = [line for line in lines if (line["prompt"], line["response"]) not in theirs]
    path = folder / source.name
    path.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in mine), encoding="utf-8")
    return path


def card(judge: str, kind: str, labels: Sequence[Path], folder: Path, note: str) -> Card:
    """Calibrates one judge on one kind."""
    wanted = Calibration(((judge,),), tuple(labels), kind, note=note)
    found = run_async(calibrate(wanted, folder / f"{judge}.{kind}", plain_console(stderr=True)))
    made = found.judged[0].card
    named = tuple(Labelled(path.name, one.n, one.sha256) for path, one in zip(labels, made.labels, strict=True))
    return msgspec.structs.replace(made, labels=named)


def table(cards: Sequence[Card]) -> Iterator[str]:
    """Yields the lines of the tables: judges below each other, question by question."""
    questions: list[Question] = list(dict.fromkeys(question for one in cards for question in one.questions))
    for question in questions:
        yield f"\n### {TITLES[question].en}\n"
        yield "| judge | kind | labels | n | accuracy | balanced | F1 | κ |"
        yield "|---|---|---|---|---|---|---|---|"
        for one in cards:
            if answered := one.answered(question):
                parts = {"all": answered.overall, **answered.by_language, **answered.by_source}
                parts |= {f"{name}, left out in training": part for name, part in answered.left_out.items()}
                yield from (_line(one, name, part) for name, part in parts.items())
                for floor in answered.overall.floors:
                    f1 = "" if floor.f1 is None else number(floor.f1, 1, 3)
                    accuracy = number(floor.accuracy, 1, 3)
                    yield f"| always “{floor.says}” | {one.kind} | all | | {accuracy} | | {f1} | 0 |"


def _line(one: Card, name: str, part: Agreement) -> str:
    cells = []
    for key in ("accuracy", "balanced_accuracy", "f1", "kappa"):
        low, high = part.intervals.get(key, (None, None))
        cells.append(f"{number(getattr(part, key), 1, 3)} ({interval_text(low, high, 1, 2)})")
    return f"| `{one.judge}` | {one.kind} | {name} | {part.scored} | {' | '.join(cells)} |"


def main() -> None:
    """Makes all cards, and writes the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data" / "judge_labels")
    parser.add_argument("--readings", type=Path, action="append", default=[])
    parser.add_argument("--judge", action="append", default=[], help="whose cards are made; all stand in the tables")
    given = parser.parse_args()
    cards, note = [], NOTE + (READ if given.readings else "")
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        for kind in CALIBRATED:
            public = [held_out(given.data / f"{name}.jsonl", folder) for name in FILES[kind.name]]
            labels = public + [beside(path, public, folder) for path in given.readings]
            if not any(fitting(read_labels(path), kind) for path in labels):
                continue
            for judge in builtin_judges():
                path = CARDS / f"{file_name(judge)}.{kind.name}.json"
                made_here = judge not in TRAINED and judge in (given.judge or builtin_judges())
                if made_here and builtin_judges()[judge].judge_of(kind):
                    cards.append(card(judge, kind.name, labels, folder, note))
                    save_card(cards[-1], path)
                elif path.is_file():
                    cards.append(load_card(path))
    text = PAGE.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    PAGE.write_text("\n".join([f"{before}{BEGIN}", *table(cards), "", f"{END}{after}"]), encoding="utf-8")


if __name__ == "__main__":
    main()
