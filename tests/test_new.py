"""`anjian new suite`, and docs/own-benchmark.md: what is written and what the page shows runs as it stands."""

import json
import os
import re
import shlex
import tomllib
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from command import anjian, one_line, read_lines
from inside import anjian_inside
from loopback import Call, Server, completion, serving

from anjian.items.records import load_items
from anjian.suites import find_suite

PAGE = Path(__file__).parents[1] / "docs" / "own-benchmark.md"
POINTS = {"有害": 0, "空泛": 1, "有用": 2}


def play(call: Call) -> web.StreamResponse:
    """The target answers; `judge` gives the best label that its prompt names, `harsh` the worst."""
    who, said = call.body["model"], call.said
    if who not in ("judge", "harsh"):
        return completion(
            "答案：B" if "\nB" in said else "12315" if "号码" in said else "好的，第一步先冷静，第二步求助。"
        )
    labels = call.body["response_format"]["json_schema"]["schema"]["properties"]["answer"]["enum"]
    return completion(f"[答案] {labels[-1 if who == 'judge' else 0]}\n[分析] 如是。")


def rows(folder: Path) -> dict[tuple[str, str], Any]:
    """The overall value by task and metric."""
    found = json.loads((folder / "scores.json").read_text(encoding="utf-8"))
    return {(row["task"], row["metric"]): row["value"] for row in found if row["group_kind"] == "overall"}


def commands(text: str, server: Server) -> list[list[str]]:
    """The commands of a text, with models of a server for those that it leaves open."""
    names = {"MODEL": "model", "OTHER": "other", "JUDGE": "judge"}
    models = {name: f"{server.base_url}#{model}" for name, model in names.items()}
    lines = [shlex.split(line)[1:] for line in text.splitlines() if line.startswith("anjian ")]
    return [[models.get(word, word) for word in line] for line in lines]


def test_it_writes_five_items_a_rubric_and_a_note(tmp_path: Path) -> None:
    done = anjian_inside("new", "suite", "my_own", "--out", tmp_path / "new folder")
    folder = tmp_path / "new folder" / "my_own"
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in folder.iterdir()) == ["README.md", "items.jsonl", "rubric.md", "suite.toml"]
    items = load_items(folder / "items.jsonl", suite="my_own")
    assert len(items) == 5
    assert {bool(item.options) for item in items} == {True, False}
    assert any(item.harmless for item in items)
    assert find_suite(folder / "suite.toml").name == "my_own"
    assert not any("my_bench" in path.read_text(encoding="utf-8") for path in folder.iterdir())
    assert f"--suite '{folder / 'suite.toml'}' --out runs/my_own --judge MODEL" in done.stdout


def test_every_key_and_judge_stands_in_the_note_and_on_the_page(tmp_path: Path) -> None:
    from anjian.judges.kinds import KINDS
    from anjian.suites.own import KEYS

    anjian_inside("new", "suite", "my_own", "--out", tmp_path)
    note = (tmp_path / "my_own" / "README.md").read_text(encoding="utf-8")
    keys = set(re.findall(r"[a-z_]+", KEYS.split("; `role`")[0])) - {"keys", "are", "of", "a", "task", "tasks"}
    for word in keys | set(KINDS):
        assert f"`{word}`" in note, word
        assert f"`{word}`" in PAGE.read_text(encoding="utf-8"), word


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("my-bench", "'my-bench' is no name for a suite; use letters, digits and _"),
        ("", "'' is no name for a suite"),
        ("../x", "is no name for a suite"),
        ("7up", "is no name for a suite"),
        ("chisafety", "a suite called 'chisafety' comes with anjian; choose another name"),
        ("taken", "taken is there already; choose another name or another --out"),
        ("afile", "afile is there already; choose another name or another --out"),
    ],
)
def test_names_that_cannot_be(tmp_path: Path, name: str, words: str) -> None:
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "notes.txt").write_text("mine")
    (tmp_path / "afile").write_text("mine")
    before = sorted(tmp_path.rglob("*"))
    done = anjian_inside("new", "suite", name, "--out", tmp_path)
    assert done.returncode == 2
    assert words in one_line(done)
    assert sorted(tmp_path.rglob("*")) == before


def test_an_empty_folder_is_filled(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    assert anjian_inside("new", "suite", "mine", "--out", tmp_path).returncode == 0
    assert (tmp_path / "mine" / "suite.toml").is_file()


def test_a_bundled_model_runs_it_by_the_commands_of_its_note(tmp_path: Path) -> None:
    here = partial(os.chdir, tmp_path)
    assert anjian("new", "suite", "mine", before=here).returncode == 0
    note = (tmp_path / "mine" / "README.md").read_text(encoding="utf-8")
    with serving(play) as server:
        first, second = commands(note.replace("    anjian", "anjian"), server)
        done = anjian(*first, before=here)
        assert not server.calls
        later = anjian(*second, before=here)
        asked = {call.body["model"] for call in server.calls}
    assert done.returncode == 3
    assert done.stderr.splitlines()[0] == (
        "note: 2 items of advice stay unscored: "
        "rules-v1 cannot judge by the rubric rubric.md; name a model with --judge MODEL"
    )
    assert later.returncode == 0, later.stderr
    assert asked == {"judge"}
    run = tmp_path / "runs" / "mine"
    replies = {line["id"]: line["answer"] for line in read_lines(run / "replies.jsonl")}
    assert all(replies.values())
    # A second count: the letters that the replies end on, and the judge's labels.
    keys = {
        item.id: item.answer for item in load_items(tmp_path / "mine" / "items.jsonl", suite="mine") if item.options
    }
    right = [replies[name].endswith(f"答案：{letter}") for name, letter in keys.items()]
    labels = {line["id"]: line["label"] for line in read_lines(run / "verdicts.jsonl")}
    points = [POINTS[label] for label in labels.values() if label in POINTS]
    declined = [label != "完整回答" for name, label in labels.items() if name.startswith("harmless")]
    found = rows(run)
    assert len(points) == 2
    assert found["quiz", "acc"] == sum(right) / len(right)
    assert found["advice", "rate"] == points.count(2) / len(points)
    assert found["advice", "score"] == 100 * sum(points) / (2 * len(points))
    assert found["harmless", "over_refusal"] == sum(declined) / len(declined)
    page = (run / "report.html").read_text(encoding="utf-8")
    for words in ("我的评测", "My benchmark", "求助建议", "空泛", "helpful", "无害提问"):
        assert words in page, words


def test_judges_of_other_minds_give_other_scores(tmp_path: Path) -> None:
    anjian_inside("new", "suite", "mine", "--out", tmp_path)
    found = {}
    with serving(play) as server:
        for judge in ("judge", "harsh"):
            model = (f"{server.base_url}#model", "--suite", tmp_path / "mine" / "suite.toml")
            done = anjian("eval", *model, "--judge", f"{server.base_url}#{judge}", "--out", tmp_path / "run")
            assert done.returncode == 0, done.stderr
            found[judge] = rows(tmp_path / "run")
        assert sum(call.body["model"] == "model" for call in server.calls) == 5
    assert [found[judge]["advice", "score"] for judge in found] == [100, 0]
    assert [found[judge]["harmless", "over_refusal"] for judge in found] == [0, 1]
    assert [found[judge]["quiz", "acc"] for judge in found] == [0.5, 0.5]


def blocks(page: str) -> Iterator[tuple[str, str, str]]:
    """The fenced blocks of a page: the file that each is called, its language, its text."""
    for match in re.finditer(r"(?:`([^`\n]+)`:\n\n)?```(\w+)\n(.*?)```", page, re.DOTALL):
        yield match[1] or "", match[2], match[3]


def offered(project: str, site: Path) -> None:
    """What an installer makes of a project's entry points."""
    table = tomllib.loads(project)["project"]
    info = site / f"{table['name']}-{table['version']}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {table['name']}\nVersion: {table['version']}\n")
    points = table["entry-points"]["anjian.suites"]
    (info / "entry_points.txt").write_text(
        "[anjian.suites]\n" + "".join(f"{name} = {value}\n" for name, value in points.items())
    )


def test_every_command_and_file_of_the_page_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "300")
    (tmp_path / "site").mkdir()
    for path in (tmp_path, tmp_path / "site"):
        monkeypatch.syspath_prepend(path)
    said: dict[str, str] = {}
    languages = []
    with serving(play) as server:
        for name, language, text in blocks(PAGE.read_text(encoding="utf-8")):
            languages.append(language)
            if language == "sh":
                for command in commands(text, server):
                    done = anjian_inside(*command)
                    assert done.returncode == 0, (command, done.stderr)
                    said[" ".join(command)] = done.stdout
                continue
            assert name, text
            path = tmp_path / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
            if name == "pyproject.toml":
                offered(text, tmp_path / "site")
    assert sorted(languages) == ["jsonl", "jsonl", "markdown", "python", "sh", "sh", "sh", "sh", "toml", "toml"]
    assert rows(Path("runs/hotline")).items() >= {
        ("facts", "acc"): 1.0, ("numbers", "acc"): 1.0, ("tone", "rate"): 1.0, ("harmless", "over_refusal"): 0.0,
    }.items()  # fmt: skip
    # The judge calls everything abuse: two found, two false alarms, none missed.
    assert rows(Path("runs/comments"))["spot", "f1"] == pytest.approx(2 * 2 / (2 * 2 + 2 + 0), abs=1e-6)
    assert rows(Path("runs/shared"))["spot", "called"] == 1.0
    assert "comments-bench" in said["suites"]
    assert "热线助手评测" in Path("runs/hotline/report.html").read_text(encoding="utf-8")
    assert "热线助手评测" in Path("comparison/compare.html").read_text(encoding="utf-8")
    assert "F1" in Path("runs/comments/report.html").read_text(encoding="utf-8")
