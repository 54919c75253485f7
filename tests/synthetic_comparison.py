"""A comparison made up from chance: three stages with hostile names, on four suites, one of another harness."""

import random
from pathlib import Path

import msgspec
from synthetic_run import HOSTILE, make_run

from anjian.items.records import Item
from anjian.models.base import Sampling
from anjian.reports.names import Lexicon
from anjian.runs.folder import REPLIES, SCORES, VERDICTS, Identity, Replied, write_run
from anjian.runs.reading import read_measured
from anjian.scores.comparison import Measured, SideBySide, compare_models
from anjian.scores.gates import Criteria
from anjian.scores.rows import IMPORTED, Row, Verdicted
from anjian.suites import bundled_names, find_suite

MARKUP = "http://h:1/v1#</title><script>document.title='owned'</script>\x1b[31m\u202e{{ 7*7 }}"
FORMULA = "=cmd('/C calc')|A_1*"
TYPESET = r"hf/~50%_{x}^$&\end{tabular}[2]--`'"
MODELS = (MARKUP, FORMULA, TYPESET)
SUITES = sorted(map(find_suite, bundled_names()), key=lambda suite: suite.place)
LEXICON = Lexicon(SUITES)
PROTECTED = {"over_refusal": "over-refusal", "pass@1": "reasoning"}


def run_of(
    model: str, suite: str, task: str, shares: tuple[float, ...], items: int = 60, judge: str = "rules-v1"
) -> Measured:
    """A run whose points are drawn with these weights; one in 31 is unscored. It has no folder."""
    chance = random.Random(f"1{model}")
    verdicts = []
    for place in range(items):
        points = chance.choices(range(len(shares)), shares)[0]
        verdict = Verdicted(f"{suite}-{place}", task, "年龄歧视", judge, label=str(points), points=points)
        if place % 31 == 30:
            verdict = Verdicted(f"{suite}-{place}", task, "年龄歧视", judge, unscored="timeout")
        verdicts.append(verdict)
    return Measured(model, suite, find_suite(suite).score(verdicts, model, judge, 1), verdicts)


def _make_hostile(path: Path) -> None:
    """Puts text that attacks the reader into every fifth reply."""
    replies = [msgspec.json.decode(line, type=Replied) for line in path.read_bytes().splitlines()]
    replies[::5] = [
        msgspec.structs.replace(reply, answer=HOSTILE[place % 2]) for place, reply in enumerate(replies[::5])
    ]
    path.write_bytes(b"".join(msgspec.json.encode(reply) + b"\n" for reply in replies))


def make_comparison(folder: Path, margin: float = 0.02) -> tuple[SideBySide, list[Measured]]:
    """Three models: `chisafety` with replies on disk, twins and problems without; the last was not asked problems."""
    runs = []
    for place, model in enumerate(MODELS):
        made = make_run(folder / f"run{place}", refusal=4, mcq=3, seed=place, model=model)
        if model == TYPESET:
            _make_hostile(made / REPLIES)
        runs.append(read_measured(made))
        runs.append(run_of(model, "over_refusal", "over_refusal", (place, 1, 5 - place)))
        if model != TYPESET:
            runs.append(run_of(model, "reasoning", "reasoning", (2, 3 + place)))
    values = (0.25, 0.31, 0.31)
    imported = [
        Row(
            "gpqa|d",
            IMPORTED,
            model,
            "harness<1>",
            "acc",
            "overall",
            "overall",
            value,
            value - 0.05,
            value + 0.05,
            9,
            9,
        )
        for model, value in zip(MODELS, values, strict=True)
    ]
    return compare_models(MODELS, runs, SUITES, Criteria(margin=margin), imported, PROTECTED), runs


def finished(
    folder: Path,
    model: str,
    suite: str,
    verdicts: list[Verdicted],
    *,
    temperature: float | None = None,
    seed: int | None = None,
    epochs: int = 1,
    access: dict[str, str] | None = None,
    run: dict[str, str] | None = None,
) -> Path:
    """A finished run with these verdicts, as `anjian eval` leaves it."""
    folder.mkdir()
    identity = Identity(suite, model, epochs, Sampling(temperature=temperature, seed=seed), "bundled bank")
    items = [Item(name, suite, "年龄歧视", ("问？",)) for name in dict.fromkeys(one.id for one in verdicts)]
    about = {"suite_version": find_suite(suite).version, "judge": verdicts[0].judge, **(run or {})}
    write_run(folder, identity, about, items, [], access)
    rows = find_suite(suite).score(verdicts, model, verdicts[0].judge, epochs)
    replies = (Replied(one.id, model, (), one.epoch, one.round) for one in verdicts)
    (folder / SCORES).write_bytes(msgspec.json.encode(rows))
    (folder / VERDICTS).write_bytes(b"".join(msgspec.json.encode(one) + b"\n" for one in verdicts))
    (folder / REPLIES).write_bytes(b"".join(msgspec.json.encode(one) + b"\n" for one in replies))
    return folder
