"""The leaderboard over run folders, through the command."""

import csv
import io
import json
from pathlib import Path

import pytest
from command import anjian, one_line


def write_run(folder: Path, model: str, total: float, spread: float, judge: str = "j", items: str = "x") -> Path:
    folder.mkdir()

    def row(metric: str, kind: str, group: str, value: float) -> dict[str, object]:
        return {"suite": "sc_safety", "task": "dialogue", "model": model, "judge": judge, "metric": metric,
                "group_kind": kind, "group": group, "value": value, "low": value - spread, "high": value + spread,
                "n": 840, "scored": 838}  # fmt: skip

    rows = [row("score", "overall", "overall", total), row("score", "round", "round1", total + 2)]
    rows += [row("score", "round", "round2", total - 2), row("round_delta", "overall", "overall", -4)]
    rows += [row("score", "ability", name, total) for name in ("传统安全", "负责任人工智能", "指令攻击")]
    rows += [row("score", "dimension", "目标劫持", total - 5)]
    (folder / "scores.json").write_text(json.dumps(rows, ensure_ascii=False), encoding="utf-8")
    about = f'[anjian]\n[run]\nsuite = "sc_safety"\n[items]\nsha256 = "{items}"\n'
    (folder / "run.toml").write_text(about, encoding="utf-8")
    return folder


def test_overlapping_intervals_share_a_rank(tmp_path: Path) -> None:
    runs = [
        write_run(tmp_path / "a", "deepseek/deepseek-reasoner", 80, 2),
        write_run(tmp_path / "b", "dashscope/qwen-plus", 82, 2),
        write_run(tmp_path / "c", "hf/Qwen2.5-7B-Instruct", 60, 2),
    ]
    done = anjian("leaderboard", *runs, "--format", "json")
    assert done.returncode == 0, done.stderr
    lines = json.loads(done.stdout)
    assert [(line["rank"], line["rank_to"], line["model"]) for line in lines] == [
        (1, 2, "dashscope/qwen-plus"), (1, 2, "deepseek/deepseek-reasoner"), (3, 3, "hf/Qwen2.5-7B-Instruct"),
    ]  # fmt: skip
    assert [(line["access"], line.get("size", "")) for line in lines] == [
        ("closed", ""),
        ("open", "671B"),
        ("open", "7B"),
    ]
    assert lines[0]["round_delta"] == -4
    assert lines[0]["dimensions"] == {"目标劫持": 77}
    assert not done.stderr


def test_first_looks_enter_only_when_asked(tmp_path: Path) -> None:
    looked = write_run(tmp_path / "a", "canned", 90, 1, judge="rules-v1")
    judged = write_run(tmp_path / "b", "m", 60, 1)
    done = anjian("leaderboard", looked, judged, "--format", "json")
    assert [line["model"] for line in json.loads(done.stdout)] == ["m"]
    assert "1 runs judged by rules are a first look and left out; see --first-look" in done.stderr
    asked = anjian("leaderboard", looked, judged, "--format", "json", "--first-look")
    assert [line["model"] for line in json.loads(asked.stdout)] == ["canned", "m"]
    assert "scores by rules-v1 are a first look" in asked.stderr
    alone = anjian("leaderboard", looked)
    assert alone.returncode == 2 and "--judge MODEL, or add --first-look" in one_line(alone)


def test_published_rows_are_marked_and_never_ranked(tmp_path: Path) -> None:
    run = write_run(tmp_path / "a", "m", 10, 1)
    lines = json.loads(anjian("leaderboard", run, "--format", "json", "--published").stdout)
    assert lines[0]["rank"] == 1
    published = lines[1:]
    assert len(published) == 14
    assert all("rank" not in line and "2310.05818" in line["source"] for line in published)
    assert published[0]["model"] == "GPT-4"
    assert published[0]["total"] == 87.43
    table = anjian("leaderboard", run, "--published").stdout
    assert "(published)" in table


def test_csv_runs_no_formula_and_the_terminal_no_escape(tmp_path: Path) -> None:
    run = write_run(tmp_path / "a", '=HYPERLINK("x")\x1b[31m[bold]', 50, 1)
    text = anjian("leaderboard", run, "--format", "csv").stdout
    assert text.startswith("\ufeff"), "Excel needs it"
    [row] = csv.DictReader(io.StringIO(text[1:]))
    assert row["model"].startswith("'=HYPERLINK")
    assert row["目标劫持"] == "45.0"
    shown = anjian("leaderboard", run).stdout
    assert "\x1b[31m" not in shown
    assert "[bold]" in "".join(shown.split())


def test_runs_by_other_judges_and_on_other_items_are_ranked_apart(tmp_path: Path) -> None:
    runs = [
        write_run(tmp_path / "a", "mine", 50, 1),
        write_run(tmp_path / "b", "other", 60, 1, judge="k", items="yyyyyyyyyy"),
        write_run(tmp_path / "c", "better", 55, 1),
    ]
    done = anjian("leaderboard", *runs)
    assert "different judges" in done.stderr
    assert "different items" in done.stderr
    assert "k · 题目 items yyyyyyyy" in done.stdout and "j · 题目 items x" in done.stdout
    lines = json.loads(anjian("leaderboard", *runs, "--format", "json").stdout)
    assert [(line["model"], line["rank"], line["rank_to"]) for line in lines] == [
        ("other", 1, 1), ("better", 1, 1), ("mine", 2, 2),
    ]  # fmt: skip
    assert "(published)" in anjian("leaderboard", *runs, "--published").stdout


def test_a_wide_interval_leaves_many_ranks_open(tmp_path: Path) -> None:
    spreads = {"sure": (90, 1), "few": (75, 20), "next": (80, 1), "last": (40, 1)}
    runs = [write_run(tmp_path / name, name, *found) for name, found in spreads.items()]
    lines = json.loads(anjian("leaderboard", *runs, "--format", "json").stdout)
    assert {line["model"]: (line["rank"], line["rank_to"]) for line in lines} == {
        "sure": (1, 2), "next": (2, 3), "few": (1, 3), "last": (4, 4),
    }  # fmt: skip
    assert "1–3" in anjian("leaderboard", *runs).stdout


def test_lines_have_the_keys_of_the_areas_and_of_the_guard(tmp_path: Path) -> None:
    run = write_run(tmp_path / "a", "m", 50, 1)
    line = {"suite": "sc_safety", "task": "harmless", "model": "m", "judge": "j", "metric": "over_refusal",
            "group_kind": "overall", "group": "overall", "value": 0.25, "low": 0.2, "high": 0.3,
            "n": 9, "scored": 9}  # fmt: skip
    rows = json.loads((run / "scores.json").read_text(encoding="utf-8"))
    (run / "scores.json").write_text(json.dumps([*rows, line]), encoding="utf-8")
    [found] = json.loads(anjian("leaderboard", run, "--format", "json").stdout)
    assert list(found)[:13] == [
        "model", "rank", "rank_to", "total", "low", "high", "round1", "round2", "round_delta", "traditional",
        "responsible", "attack", "over_refusal",
    ]  # fmt: skip
    assert found["over_refusal"] == 0.25
    [head, *_] = anjian("leaderboard", run, "--format", "csv").stdout.removeprefix("\ufeff").splitlines()
    assert head == ",".join([*list(found)[:13], "n,scored,access,size,judge,prompt,items,source,目标劫持"])
    table = anjian("leaderboard", run).stdout
    assert all(word in table for word in ("25.00", "过度拒答", "第 1 轮", "传统安全", "指令攻击"))


@pytest.mark.parametrize("name", ["run.toml", "scores.json"])
def test_the_broken_file_is_named(name: str, tmp_path: Path) -> None:
    run = write_run(tmp_path / "a", "m", 50, 1)
    (run / name).write_text("{", encoding="utf-8")
    done = anjian("leaderboard", run)
    assert done.returncode == 2
    assert str(run / name) in one_line(done)


@pytest.mark.parametrize(
    ("suite", "said"),
    [("chisafety", "runs of chisafety are not ranked; those of sc_safety"), ("gone[/x]", "no such suite here")],
)
def test_runs_that_are_not_ranked_are_named(suite: str, said: str, tmp_path: Path) -> None:
    run = write_run(tmp_path / "a", "m", 50, 1)
    text = (run / "run.toml").read_text(encoding="utf-8").replace('"sc_safety"', f'"{suite}"')
    (run / "run.toml").write_text(text, encoding="utf-8")
    done = anjian("leaderboard", run)
    assert done.returncode == 2
    assert said in one_line(done)


def test_a_folder_without_a_run_is_named(tmp_path: Path) -> None:
    done = anjian("leaderboard", tmp_path)
    assert done.returncode == 2
    assert str(tmp_path) in one_line(done)
