"""A suite's, task's or metric's name stands in its declaration and nowhere else."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import anjian
from anjian.suites import all_suites

PACKAGE = Path(anjian.__file__).parent
DECLARATIONS = ("suites/", "scores/measures.py", "scores/agreement.py", "judges/kinds.py")
"""Where suites, and the metrics and kinds of judging that several of them share, are declared."""
OTHER_MEANINGS = {
    # Kinds of training data, in recipes; where a chat template or the API holds the thinking.
    ("enhance/", "reasoning"),
    ("enhance/", "harmless"),
    ("models/", "reasoning"),
    # Forms of items, in counts of a bank; the key of an item; what an attacker sees of a reply.
    ("items/check.py", "mcq"),
    ("cli/bank.py", "mcq"),
    ("cli/bank.py", "harmless"),
    ("items/", "harmless"),
    ("dialogue/", "harmless"),
    # A prompt's file, and what a rubric may speak of.
    ("dialogue/adaptive.py", "crescendo"),
    ("judges/rubric.py", "dialogue"),
    # Groups of cues.
    ("judges/rules/", "refusal"),
    ("judges/rules/", "harmless"),
    # Tones of labels; a change that is not settled; open and closed models; a format.
    ("reports/marks.py", "harmless"),
    ("reports/marks.py", "refusal"),
    ("reports/shares.py", "harmless"),
    ("reports/comparison/", "open"),
    ("reports/leaderboard.py", "open"),
    ("reports/text.py", "f"),
    # A field of the API; words of judges; what a filtered reply is worth (--filtered refusal).
    ("models/", "refusal"),
    ("models/", "binary"),
    ("judges/parse.py", "score"),
    ("judges/parse.py", "reasoning"),
    ("judges/places.py", "score"),
    *((file, "refusal") for file in ("api.py", "options.py", "cli/options.py", "cli/filing.py")),
    *((f"runs/{file}.py", "refusal") for file in ("desk", "evaluate", "output", "plan")),
    # What guards say of replies; thinking and answers.
    ("judges/guards/", "safe"),
    ("scores/thoughts.py", "safe"),
    # What labels answer and cards hold; kinds of labels that can be calibrated on.
    *((file, "refusal") for file in ("judges/card.py", "judges/labels.py", "reports/cards.py", "runs/carded.py")),
    *((file, "safe") for file in ("judges/labels.py", "reports/calibration.py")),
    ("runs/carded.py", "over_refusal"),
    *(("cli/calibrate.py", kind) for kind in ("refusal", "over_refusal")),
    # The banks of the standard, which suite and filing call alike; as words they are fields of items and messages.
    *(("", word) for word in ("content", "answer")),
    ("filing/", "refuse"),
    *((room, "gbt45654") for room in ("filing/", "items/check.py")),
    ("reports/blocks.py", "open"),
    *(("filing/", word) for word in ("open", "f", "responsible")),
    # Fields of other harnesses.
    ("imports/", "score"),
    ("imports/", "acc"),
}
"""Files or rooms in which a word is the name of something else."""


def declared() -> set[str]:
    """Every name that a bundled suite declares."""
    suites = [found.suite for found in all_suites()[0]]
    names = {suite.name for suite in suites} | {task.name for suite in suites for task in suite.tasks}
    for suite in suites:
        for _, measure in suite.measures():
            names |= {measure.name, *(name for name, _ in measure.within.values())}
    return names


def quoted(path: Path) -> Iterator[tuple[int, str]]:
    """The strings of a file with their lines: of code without docstrings, of templates whatever stands in quotes."""
    text = path.read_text(encoding="utf-8")
    if path.suffix != ".py":
        for number, line in enumerate(text.splitlines(), 1):
            for found in re.finditer(r"([\"'`])([^\"'`]*)\1", line):
                yield number, found[2]
        return
    tree = ast.parse(text)
    docs = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docs:
            yield node.lineno, node.value


def allowed(place: str, name: str) -> bool:
    return place.startswith(DECLARATIONS) or any(
        place.startswith(room) and name == word for room, word in OTHER_MEANINGS
    )


FILES = [path for ending in ("py", "j2", "js", "css") for path in sorted(PACKAGE.rglob(f"*.{ending}"))]


def test_there_are_names_to_look_for() -> None:
    assert {"chisafety", "sc_safety", "mcq", "refusal", "rr1", "acc_o", "acc_i", "pass@1", "over_refusal"} <= declared()


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_name_is_quoted_outside_its_declaration(path: Path) -> None:
    names, place = declared(), path.relative_to(PACKAGE).as_posix()
    found = [f"{place}:{line}: {text!r}" for line, text in quoted(path) if text in names and not allowed(place, text)]
    assert not found


def test_a_suite_is_the_module_of_its_name() -> None:
    for found in all_suites()[0]:
        assert (PACKAGE / "suites" / f"{found.suite.name}.py").exists() or found.where != "bundled"
