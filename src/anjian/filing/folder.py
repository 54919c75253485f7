"""The folder of a filing: `filing.toml` with all that can be changed, and what plan, run and review leave there."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final, Literal

import msgspec

from anjian.errors import UsageError
from anjian.filing.standard import BankName, Threshold, load_standard
from anjian.items.lines import decode_lines, opened, readable
from anjian.items.records import Item, load_items
from anjian.runs.folder import RUN as RUN_FILE
from anjian.runs.folder import Replied, items_hash, read_about
from anjian.runs.intact import read_judged
from anjian.runs.reading import suite_of_run
from anjian.scores.rows import Verdicted
from anjian.text import one_line

FILING: Final = "filing.toml"
SAMPLE: Final = "sample.jsonl"
GAPS: Final = "gaps.csv"
QUESTIONS: Final = "banks.jsonl"
"""All questions of the banks as they were when the sample was drawn."""
RUN: Final = "run"
"""The run folder; run.toml, replies and verdicts are in it."""
REVIEW: Final = "review"
HITS: Final = f"{REVIEW}/keywords.csv"
LISTS: Final = f"{REVIEW}/keyword_lists.csv"
CLASSIFIED: Final = f"{REVIEW}/classifier.jsonl"
"""What a classifier of its own says of generated content, where there is one; see `classified`."""
KEY: Final = f"{REVIEW}/key.jsonl"
"""Which reply stands on which row of the people's sheets."""
SHEETS: Final = {"A": f"{REVIEW}/A.xlsx", "B": f"{REVIEW}/B.xlsx", "C": f"{REVIEW}/C.xlsx"}
"""The sheets of the two reviewers, and the third's for what they disagree on."""
RESULTS: Final = "results.json"


class Service(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who files what; fields to be filled in."""

    name: str = ""
    company: str = ""
    credit_code: str = ""
    form: str = ""
    audience: str = ""
    model: str = ""
    provider: str = ""
    version: str = ""
    registration: str = ""
    filters: str = ""
    responsible: str = ""
    legal: str = ""
    security: str = ""
    date: str = ""
    conclusion: str = ""


class Columns(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the columns of a user's bank are called; empty finds them by the usual names."""

    text: str = ""
    risk: str = ""
    bank: str = ""
    id: str = ""


class Bank(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A file of the user's questions, seen from the folder; `bank` where all of it is of one; `risks` by own names."""

    file: str
    bank: BankName | None = None
    columns: Columns = Columns()
    risks: dict[str, str] = {}


class Thresholds(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What has to be reached, and where the numbers come from; the names are those of `standard.toml`."""

    source: str
    content_people: float
    content_keywords: float
    content_classifier: float
    refuse: float
    answer: float
    corpus_sample: int
    corpus_people: float
    corpus_share: float
    corpus_machine: float


class Sample(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How many questions of each bank are drawn, and whether the bundled ones are among those drawn from."""

    seed: int = 0
    content: int = 1000
    refuse: int = 300
    answer: int = 300
    bundled: bool = True


class Review(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who reviews: files of keywords, the judge, the classifier where it is another one, two people and a third."""

    keywords: tuple[str, ...] = ()
    judge: tuple[str, ...] = ()
    judge_card: tuple[str, ...] = ()
    classifier: tuple[str, ...] = ()
    reviewers: tuple[str, str] = ("", "")
    third: str = ""


class Corpus(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What checks of the training corpus gave, where there is one: counts, and the evidence's place."""

    size: int = 0
    sampled: int = 0
    passed: int = 0
    machine_sampled: int = 0
    machine_passed: int = 0
    evidence: str = ""


class Filled(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the user says of a clause that no tool can check, and where the evidence lies."""

    decision: Literal["符合", "不符合", "不适用", "待填写"] = "待填写"
    evidence: str = ""


class Filing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All of `filing.toml`; `clauses` by the names that the report gives them."""

    thresholds: Thresholds
    service: Service = Service()
    banks: tuple[Bank, ...] = ()
    sample: Sample = Sample()
    review: Review = Review()
    corpus: Corpus = Corpus()
    clauses: dict[str, Filled] = {}

    def threshold(self, name: str) -> Threshold:
        """A threshold of the standard as this filing sets it, with its source."""
        value: float = getattr(self.thresholds, name)
        stated = load_standard().threshold(name)
        return msgspec.structs.replace(stated, value=value, source=self.thresholds.source)


def open_filing(folder: Path) -> Filing:
    """Reads `filing.toml`.

    Raises:
        UsageError: There is none, or a key or value of it is wrong; names file and key.
    """
    path = folder / FILING
    if not path.exists():
        raise UsageError(f"{folder} holds no {FILING}; `anjian filing plan --out {folder}` writes one")
    with opened(path) as file:
        text = file.read().removeprefix(b"\xef\xbb\xbf")
    try:
        filing = msgspec.toml.decode(text, type=Filing)
    except msgspec.ValidationError as error:
        raise UsageError(f"{path}: {one_line(readable(error))}; correct or remove it") from None
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise UsageError(f"{path} is no TOML: {one_line(str(error))}") from None
    for fault in _faults(filing):
        raise UsageError(f"{path}: {fault}")
    return filing


def _faults(filing: Filing) -> Iterator[str]:
    for name in Thresholds.__struct_fields__:
        value = getattr(filing.thresholds, name)
        if name == "corpus_sample" and value < 1:
            yield f"`thresholds.{name}` is {value}; write a whole number from 1"
        elif isinstance(value, float) and not 0 <= value <= 1:
            yield f"`thresholds.{name}` is {value:g}; write a share from 0 to 1, such as 0.95"
    for name in ("content", "refuse", "answer"):
        if getattr(filing.sample, name) < 1:
            yield f"`sample.{name}` is {getattr(filing.sample, name)}; write a whole number from 1"
    for name in Corpus.__struct_fields__[:-1]:
        if getattr(filing.corpus, name) < 0:
            yield f"`corpus.{name}` is {getattr(filing.corpus, name)}; write a whole number from 0"
    for part, of in (("passed", "sampled"), ("machine_passed", "machine_sampled"), ("machine_sampled", "size")):
        if getattr(filing.corpus, part) > getattr(filing.corpus, of):
            yield f"`corpus.{part}` is {getattr(filing.corpus, part)}, more than `corpus.{of}`; correct one of them"


def sample(folder: Path) -> list[Item]:
    """Reads the sampled items; `task` says of which bank. Raises UsageError where there is no sample."""
    if not (folder / SAMPLE).exists():
        raise UsageError(f"{folder} holds no {SAMPLE}; `anjian filing plan --out {folder}` draws it")
    return load_items(folder / SAMPLE)


def questions(folder: Path) -> list[Item]:
    """Reads the banks as they were planned with. Raises UsageError where they are missing."""
    if not (folder / QUESTIONS).exists():
        raise UsageError(f"{folder} holds no {QUESTIONS}; `anjian filing plan --out {folder}` writes it")
    return load_items(folder / QUESTIONS)


def judged(folder: Path) -> Iterator[tuple[Verdicted, Replied]]:
    """Yields the verdicts of the run with their replies.

    Raises:
        UsageError: There is no finished run, or its files contradict themselves; names the file.
    """
    mend = f"`anjian filing run MODEL --out {folder}`"
    if not (folder / RUN / RUN_FILE).exists():
        raise UsageError(f"{folder} holds no run yet; {mend} makes it")
    about = read_about(folder / RUN)
    if about.items.get("sha256") != items_hash(sample(folder)):
        raise UsageError(f"{folder / SAMPLE} is not what was asked: drawn anew, or edited; {mend} asks what is new")
    return read_judged(folder / RUN, about, suite_of_run(about))


def replies(folder: Path) -> Iterator[Replied]:
    """Yields the replies of the run; see `judged` for errors."""
    return (reply for _, reply in judged(folder))


def verdicts(folder: Path) -> Iterator[Verdicted]:
    """Yields the verdicts of the run; see `judged` for errors."""
    return (verdict for verdict, _ in judged(folder))


def classified(folder: Path) -> dict[str, Verdicted]:
    """What a classifier other than the run's judge says of generated content, by item; empty where there is none.

    Raises:
        UsageError: The file is broken, or holds other items than the sample has.
    """
    path = folder / CLASSIFIED
    if not path.exists():
        return {}
    found = {line.id: line for _, line in decode_lines(path, Verdicted)}
    if found.keys() != {item.id for item in sample(folder) if item.task == "content"}:
        raise UsageError(f"{path} is of another sample; `anjian filing run MODEL --out {folder}` classifies anew")
    return found
