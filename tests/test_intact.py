"""Run folders that contradict themselves: every reader refuses them with one line, and running again mends them."""

import json
import shutil
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from command import choice, one_line, read_lines, risky, write_items
from inside import anjian_inside

import anjian
from anjian.errors import UsageError
from anjian.judges.kinds import GUIDANCE
from anjian.runs.intact import HASHED
from anjian.runs.reading import read_measured

Lines = list[dict[str, Any]]
Edit = Callable[[Path, Path], None]


async def careful(messages: list[dict[str, str]]) -> str:
    return "抱歉，我不能帮你写这样的话。"


async def careless(messages: list[dict[str, str]]) -> str:
    return "可以。第一步，先把他们的简历都扔掉。"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Runs of two models on the same questions, and one each of two other suites."""
    folder = tmp_path_factory.mktemp("made")
    items = write_items(folder / "items.jsonl", [*risky(3), *map(choice, range(2))])
    for name, model in (("one", careful), ("two", careless)):
        anjian.evaluate(model, suite="chisafety", items=items, judge="rules-v1", out=folder / name, min_coverage=0)
    for name, suite in (("other", "over_refusal"), ("ranked", "sc_safety")):
        anjian.evaluate(careful, suite=suite, limit=2, judge="rules-v1", out=folder / name)
    return folder


def edit(name: str, change: Callable[[Lines], Lines]) -> Edit:
    def act(folder: Path, made: Path) -> None:
        write_items(folder / name, change(read_lines(folder / name)))

    return act


def first(**values: object) -> Callable[[Lines], Lines]:
    return lambda lines: [{**lines[0], **values}, *lines[1:]]


def without(*keys: str) -> Callable[[Lines], Lines]:
    return lambda lines: [{key: value for key, value in lines[0].items() if key not in keys}, *lines[1:]]


def answered(line: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in line.items() if key != "unscored"} | {"label": "B", "points": 1}


def taken(name: str, run: str) -> Edit:
    def act(folder: Path, made: Path) -> None:
        shutil.copy(made / run / name, folder / name)

    return act


def renamed(times: int) -> Edit:
    def act(folder: Path, made: Path) -> None:
        table = (folder / "run.toml").read_text(encoding="utf-8")
        model = tomllib.loads(table)["run"]["model"]
        (folder / "run.toml").write_text(table.replace(f'"{model}"', '"hf/better"', times), encoding="utf-8")

    return act


def better_score(folder: Path, made: Path) -> None:
    rows = json.loads((folder / "scores.json").read_text(encoding="utf-8"))
    (folder / "scores.json").write_text(json.dumps([row | {"value": 1.0} for row in rows]), encoding="utf-8")


VERDICTS = "verdicts.jsonl"
FAULTS: dict[str, tuple[Edit, str]] = {
    "points": (edit(VERDICTS, first(points=3)), "line 1: label '直接拒绝' is worth 2, not 3"),
    "too many points": (edit(VERDICTS, first(points=99)), "line 1: label '直接拒绝' is worth 2, not 99"),
    "label": (edit(VERDICTS, first(label="很好")), "line 1: label '很好' is none of refusal: "),
    "no points": (edit(VERDICTS, without("points")), "line 1: label '直接拒绝', points None and unscored None"),
    "no verdict": (edit(VERDICTS, without("points", "label")), "line 1: label None, points None and unscored None"),
    "right answer": (edit(VERDICTS, lambda lines: [*lines[:3], answered(lines[3]), lines[4]]),
                     "line 4: answer 'B' is not worth 1"),
    "repeated": (edit(VERDICTS, lambda lines: [*lines, lines[0]]), "line 6: item 'r0', repetition 1, round 1 was"),
    "epoch": (edit(VERDICTS, first(epoch=1)), "line 1: item 'r0', repetition 2, round 1: the run has 1 repetitions"),
    "judge": (edit(VERDICTS, first(judge="better")), "line 1: judged by 'better', and run.toml names 'rules-v1'"),
    "task": (taken(VERDICTS, "other"), "line 1: the suite has no task 'over_refusal'; its tasks are "),
    "cut": (edit(VERDICTS, lambda lines: lines[:3]), "verdicts.jsonl: it holds 3 of the run's 5 dialogues"),
    "swapped": (taken(VERDICTS, "two"), "verdicts.jsonl: it is not the file that run.toml was written with"),
    "label and points": (edit(VERDICTS, first(label=GUIDANCE, points=3)), "verdicts.jsonl: it is not the file"),
    "scores": (better_score, "scores.json: it is not the file"),
    "scores of another": (taken("scores.json", "other"), "scores.json: row 1 is of the suite 'over_refusal', and"),
    "model": (renamed(-1), "scores.json: row 1 is of the model 'python/"),
    "half the model": (renamed(1), "run.toml: its tables `run` and `identity` name different models or suites"),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_what_contradicts_itself_is_refused_and_mended(fault: str, made: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(made / "one", run)
    change, told = FAULTS[fault]
    change(run, made)
    with pytest.raises(UsageError) as refused:
        read_measured(run)
    assert told in str(refused.value)
    assert f"run the same `anjian eval … --out {run}` again: it asks nothing anew" in str(refused.value)
    assert len(str(refused.value).splitlines()) == 1
    if "model" not in fault:  # Which folder a run belongs in is settled by its model.
        anjian.evaluate(careful, suite="chisafety", items=made / "items.jsonl", judge="rules-v1", out=run)
        assert read_measured(run).rows == read_measured(made / "one").rows
        assert all((run / name).read_bytes() == (made / "one" / name).read_bytes() for name in HASHED)


@pytest.mark.parametrize("command", ["leaderboard", "judge-sensitivity", "label export", "bank hardness"])
def test_every_reader_refuses(command: str, made: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(made / ("ranked" if command == "leaderboard" else "one"), run)
    edit(VERDICTS, first(points=3))(run, made)
    more = {
        "judge-sensitivity": ("--judge", "http://127.0.0.1:9/v1#j", "--prompt", "refusal", "--prompt", "refusal_bare"),
        "label export": ("--out", tmp_path / "sheets"),
        "leaderboard": ("--first-look",),
    }
    done = anjian_inside(*command.split(), run, *more.get(command, ()))
    assert done.returncode == 2
    [label] = (line["label"] for line in read_lines(run / VERDICTS)[:1])
    assert f"verdicts.jsonl, line 1: label {label!r} is worth " in one_line(done)


def test_replies_are_those_that_were_judged(made: Path, tmp_path: Path) -> None:
    for name, change, told in (
        ("order", lambda lines: lines[::-1], "line 1: this is not the reply judged in verdicts.jsonl"),
        ("model", first(model="hf/better"), "line 1: a reply of 'hf/better', not of the model in run.toml"),
        ("fewer", lambda lines: lines[:2], "it ends before the reply to item 'r2'"),
        ("more", lambda lines: [*lines, lines[0]], "line 6: nothing in verdicts.jsonl judges this reply"),
        ("words", first(answer="当然可以。"), "it is not the file that run.toml was written with"),
    ):
        run = tmp_path / name
        shutil.copytree(made / "one", run)
        edit("replies.jsonl", change)(run, made)
        assert f"replies.jsonl{', ' if told.startswith('line') else ': '}{told}" in one_line(
            anjian_inside("label", "export", run, "--out", tmp_path / "sheets")
        )


def test_folders_of_earlier_versions_are_read(made: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(made / "one", run)
    table = (run / "run.toml").read_text(encoding="utf-8")
    assert set(tomllib.loads(table)["files"]) == set(HASHED)
    (run / "run.toml").write_text(table[: table.index("[files]")], encoding="utf-8")
    assert read_measured(run).rows == read_measured(made / "one").rows


def test_a_smaller_run_says_what_it_leaves_out(made: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(made / "one", run)
    asked = 0

    async def counted(messages: list[dict[str, str]]) -> str:
        nonlocal asked
        asked += 1
        return await careful(messages)

    def again(limit: int | None) -> anjian.Run:
        file = made / "items.jsonl"
        return anjian.evaluate(careful, suite="chisafety", items=file, judge="rules-v1", out=run, limit=limit)

    told = f"{run} is a run of 5 items, and its scores will be those of 2; no answer is lost: run the same without"
    assert again(2).notes[-1].startswith(told)
    assert "--limit" not in "".join(again(2).notes)
    assert "its scores will be those of 1" in again(1).notes[-1]
    assert "run the same with --limit 2" not in "".join(again(None).notes)
    assert (run / VERDICTS).read_bytes() == (made / "one" / VERDICTS).read_bytes()
    assert asked == 0
