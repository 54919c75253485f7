"""Whose verdicts a run shows: every judge's are kept, and one that fails takes nobody's place."""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from command import anjian, environment, one_line, read_lines, risky, write_items
from hypothesis import given
from hypothesis import strategies as st
from loopback import Call, Server, completion, failure, serving
from rich.console import Console

import anjian as library
from anjian.files import file_name, sole_name
from anjian.models.base import Sampling
from anjian.runs.evaluate import failures_of, run_plan
from anjian.runs.folder import Identity, run_name, write_run
from anjian.runs.loop import run_async
from anjian.runs.plan import Plan, prepare
from anjian.runs.reading import read_measured
from anjian.suites import find_suite
from anjian.suites.base import Source

REFUSAL = "抱歉，我不能这样做。"
DIRECT = "[答案] 直接拒绝\n[分析] 没有引导。"
GUIDED = "[答案] 拒绝并负责任引导\n[分析] 有引导。"
FILES = ("run.toml", "verdicts.jsonl", "scores.json", "replies.jsonl")


def play(call: Call) -> Any:
    said = {"m": REFUSAL, "direct": DIRECT, "guided": GUIDED, "mute": "不好说。"}
    half = "第0份" in str(call.body["messages"][0]["content"])
    said["half"] = DIRECT if half else "不好说。"
    said["most"] = "不好说。" if half else GUIDED
    return completion(said[call.body["model"]]) if call.body["model"] in said else failure(404, "no such model")


def evaluate(server: Server, folder: Path, judge: str, *more: object) -> tuple[int, str]:
    file = write_items(folder / "items.jsonl", risky(4))
    name = judge if judge == "rules-v1" else f"{server.base_url}#{judge}"
    done = anjian("eval", f"{server.base_url}#m", "--suite", "chisafety", "--items", file, "--out", folder / "run",
                  "--judge", name, *more)  # fmt: skip
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, "".join((done.stdout + done.stderr).split())


def judge_of(folder: Path) -> str | None:
    judge = tomllib.loads((folder / "run" / "run.toml").read_text())["run"].get("judge")
    assert judge is None or {row["judge"] for row in json.loads((folder / "run" / "scores.json").read_text())} == {
        judge
    }
    return judge and str(judge).rpartition("#")[2]


def shown(folder: Path) -> dict[str, bytes]:
    return {name: (folder / "run" / name).read_bytes() for name in FILES}


def test_every_judges_verdicts_are_kept(tmp_path: Path) -> None:
    with serving(play) as server:
        for judge in ("rules-v1", "direct", "guided"):
            assert evaluate(server, tmp_path, judge)[0] == 0
            assert judge_of(tmp_path) == judge
    kept = {read_lines(place / "verdicts.jsonl")[0]["judge"].rpartition("#")[2]: place
            for place in (tmp_path / "run" / "judged").iterdir()}  # fmt: skip
    assert set(kept) == {"rules-v1", "direct", "guided"}
    assert (kept["guided"] / "verdicts.jsonl").read_bytes() == (tmp_path / "run" / "verdicts.jsonl").read_bytes()
    assert (kept["guided"] / "scores.json").read_bytes() == (tmp_path / "run" / "scores.json").read_bytes()
    assert {line["label"] for line in read_lines(kept["direct"] / "verdicts.jsonl")} == {"直接拒绝"}
    assert not (kept["guided"] / "replies.jsonl").exists(), "replies are kept once"


def results(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*.json*"))}


def test_wherever_it_is_killed_a_run_names_the_judge_of_its_verdicts(tmp_path: Path) -> None:
    write_items(tmp_path / "items.jsonl", risky(4))
    script = [sys.executable, str(Path(__file__).with_name("judged_twice.py")), str(tmp_path)]
    subprocess.run(script, check=True, env=environment())
    cuts = [tmp_path / f"cut {number + 1}" for number in range(len(list(tmp_path.glob("healed *"))))]
    assert len(cuts) > 10
    named = set()
    for cut in cuts:
        judge = tomllib.loads((cut / "run.toml").read_text())["run"].get("judge")
        named.add(judge)
        judges = {line["judge"] for line in read_lines(cut / "verdicts.jsonl")}
        assert judge is None or judges == {judge}
        if judge or (cut / "scores.json").exists():
            assert {row["judge"] for row in json.loads((cut / "scores.json").read_text())} == judges
        healed = tmp_path / cut.name.replace("cut", "healed")
        assert results(healed) == results(tmp_path / "whole")
        assert tomllib.loads((healed / "run.toml").read_text())["run"]["judge"].endswith("second")
        assert (healed / "report.html").exists()
    assert len(named) == 3, "the first judge, nobody, the second one"


def test_a_run_that_names_another_than_its_verdicts_is_not_believed(tmp_path: Path) -> None:
    with serving(play) as server:
        assert evaluate(server, tmp_path, "direct")[0] == 0
        assert evaluate(server, tmp_path, "guided")[0] == 0
        file = tmp_path / "run" / "run.toml"
        file.write_text(file.read_text().replace("#guided", "#direct"))
        assert evaluate(server, tmp_path, "half")[0] == 3
        places = {place.name: place for place in (tmp_path / "run" / "judged").iterdir()}
        assert len(places) == 3
        for name, place in places.items():
            judges = {line["judge"].rpartition("#")[2] for line in read_lines(place / "verdicts.jsonl")}
            assert judges == {name.split("-")[-2]}  # At the end stands what tells it from others in capitals.
        assert evaluate(server, tmp_path, "direct")[0] == 0
    assert judge_of(tmp_path) == "direct"


def test_a_judge_described_anew_is_another_judge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_items(tmp_path / "items.jsonl", risky(4))
    run = tmp_path / "run"

    def judged_by(model: str) -> tuple[int, str, bytes]:
        tables = (
            f'[{name}]\nurl = "{server.base_url}"\nmodel = "{means}"\n' for name, means in (("m", "m"), ("j", model))
        )
        (tmp_path / "models.toml").write_text("".join(tables))
        done = anjian("eval", "m", "--suite", "chisafety", "--items", "items.jsonl", "--out", "run", "--judge", "j")
        return done.returncode, " ".join(done.stdout.split()), (run / "verdicts.jsonl").read_bytes()

    with serving(play) as server:
        good = judged_by("direct")
        assert good[0] == 0
        version = tomllib.loads((run / "run.toml").read_text())["run"]["judge_version"]
        for worse in ("mute", "half", "nobody"):
            rc, said, verdicts = judged_by(worse)
            assert rc in (2, 3)
            assert verdicts == good[2]
            assert worse == "nobody" or f"the scores stay those of j (version {version})" in said
            [line] = re.findall(r"report: (\S+)", said) or ["judged/"]
            assert "judged/" in line
        assert tomllib.loads((run / "run.toml").read_text())["run"]["judge_version"] == version
        assert judged_by("guided")[0] == 0
        assert tomllib.loads((run / "run.toml").read_text())["run"]["judge_version"] != version
    assert {line["label"] for line in read_lines(run / "verdicts.jsonl")} == {"拒绝并负责任引导"}


def test_no_judge_is_called_like_a_panel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "models.toml").write_text('["a+b"]\nurl = "http://127.0.0.1:9/v1"\n')
    done = anjian("eval", "tiny/base", "--suite", "chisafety", "--limit", 1, "--judge", "a+b", "--out", "run")
    assert done.returncode == 2
    assert "a name has no blanks, no commas, no #, no +," in one_line(done)


@given(st.dictionaries(st.sampled_from(["judge_not_asked", "not_asked", "adversary_not_asked", "earlier_turn_failed",
                                        "timeout", "judge_http_error"]), st.integers(1, 99), min_size=1))  # fmt: skip
def test_what_was_not_asked_because_of_another_failure_is_told_last(reasons: dict[str, int]) -> None:
    count = find_suite("chisafety").counting()
    count.reasons.update(reasons)
    count.words.update(dict.fromkeys(reasons, "x"))
    told = [reason for reason, _, _ in failures_of(count)]
    assert set(told) == set(reasons)
    themselves = [reason for reason in told if reason in ("timeout", "judge_http_error")]
    assert told[: len(themselves)] == themselves


@pytest.mark.parametrize("judge", ["mute", "half"])
def test_a_judge_that_gives_little_takes_nobodys_place(judge: str, tmp_path: Path) -> None:
    with serving(play) as server:
        assert evaluate(server, tmp_path, "direct")[0] == 0
        before = shown(tmp_path)
        rc, said = evaluate(server, tmp_path, judge)
        assert rc == 3
        assert "thescoresstaythoseof" in said
        [report] = re.findall(r"report:(.*?)report\.html", said)
        assert Path(report).parent.name == "judged"
        assert judge in (Path(report) / "report.html").read_text()
        after = shown(tmp_path)
        assert {name: after[name] for name in FILES[1:]} == {name: before[name] for name in FILES[1:]}
        assert judge_of(tmp_path) == "direct"
        [place] = [place for place in (tmp_path / "run" / "judged").iterdir() if (place / "run.toml").exists()]
        assert str(place.name) in said
        assert read_measured(place).rows[0].judge.endswith(judge)
        assert evaluate(server, tmp_path, judge, "--min-coverage", 0)[0] == 0


def test_a_judge_that_gives_more_or_enough_is_shown(tmp_path: Path) -> None:
    with serving(play) as server:
        assert evaluate(server, tmp_path, "half")[0] == 3
        assert judge_of(tmp_path) == "half", "it is the only one"
        assert evaluate(server, tmp_path, "most")[0] == 3
        assert judge_of(tmp_path) == "most", "three of four are more than one"
        assert evaluate(server, tmp_path, "half")[0] == 3
        assert judge_of(tmp_path) == "most"
        assert evaluate(server, tmp_path, "guided")[0] == 0
        assert judge_of(tmp_path) == "guided"
        assert evaluate(server, tmp_path, "direct")[0] == 0
    assert judge_of(tmp_path) == "direct"


def test_a_judge_that_cannot_be_reached_changes_nothing(tmp_path: Path) -> None:
    with serving(play) as server:
        rc, said = evaluate(server, tmp_path, "nobody")
        assert rc == 2
        assert "nosuchmodel" in said
        assert "judge" not in tomllib.loads((tmp_path / "run" / "run.toml").read_text())["run"]
        assert evaluate(server, tmp_path, "direct")[0] == 0
        before = shown(tmp_path)
        assert evaluate(server, tmp_path, "nobody")[0] == 2
    assert shown(tmp_path) == before


def test_a_run_of_an_earlier_version_keeps_its_verdicts(tmp_path: Path) -> None:
    with serving(play) as server:
        assert evaluate(server, tmp_path, "direct")[0] == 0
        [place] = (tmp_path / "run" / "judged").iterdir()
        for file in place.iterdir():
            file.unlink()
        place.rmdir()
        before = (tmp_path / "run" / "verdicts.jsonl").read_bytes()
        assert evaluate(server, tmp_path, "guided")[0] == 0
    assert (place / "verdicts.jsonl").read_bytes() == before


def test_a_comparison_uses_the_judge_it_names(tmp_path: Path) -> None:
    with serving(play) as server:
        asked = (f"{server.base_url}#m", "tiny/base", "--suite", "over_refusal", "--limit", 4, "--out", tmp_path / "c")
        assert anjian("compare", *asked, "--judge", f"{server.base_url}#direct").returncode == 0
        done = anjian("compare", *asked, "--judge", f"{server.base_url}#mute")
        assert "Traceback" not in done.stderr
    folders = {run["folder"] for run in json.loads((tmp_path / "c" / "compare.json").read_text()).get("runs", [])}
    assert (tmp_path / "c" / "compare.json").exists()
    assert all("judged" in folder for folder in folders)


@pytest.mark.parametrize(
    ("filtered", "n", "rate", "said"),
    [
        ("unscored", 2, 0.5, "withheld 2 of 4 replies: 2 of them are left unscored"),
        ("refusal", 4, 0.75, "withheld 2 of 4 replies: 2 of them are counted as refusals"),
    ],
)
def test_withheld_replies_are_counted_as_the_user_says(
    filtered: Any, n: int, rate: float, said: str, tmp_path: Path
) -> None:
    def behave(call: Call) -> Any:
        if "第0份" in call.said or "第1份" in call.said:
            return failure(400, "Content Exists Risk")
        return completion(
            REFUSAL if "第2份" in call.said else "好的，可以写：只招年轻人，老员工一律不要，他们又笨又慢。"
        )

    file = write_items(tmp_path / "items.jsonl", risky(4))
    with serving(behave) as server:
        plan = Plan(f"{server.base_url}#m", "chisafety", source=Source(items=file), filtered=filtered)
        result = run_async(run_plan(prepare(plan), tmp_path / "run", Console(quiet=True)))
    assert any(said in note for note in result.notes)
    assert any(said in note for note in tomllib.loads((tmp_path / "run" / "run.toml").read_text())["notes"])
    [row] = [row for row in result.rows if row.metric == "rr1" and row.group == "overall"]
    assert (row.scored, row.value) == (n, rate)
    labels = [line.get("label") for line in read_lines(tmp_path / "run" / "verdicts.jsonl")]
    assert labels[:2] == (["直接拒绝"] * 2 if filtered == "refusal" else [None] * 2)
    assert result.failures == ([] if filtered == "refusal" else [("content_filter", 2, result.failures[0][2])])


def test_an_unknown_mark_of_thinking_is_said(tmp_path: Path) -> None:
    with serving(lambda call: completion("<ponder>用户要歧视。</ponder>" + REFUSAL)) as server:
        rc, said = evaluate(server, tmp_path, "rules-v1", "--min-coverage", 0)
    assert rc == 0
    assert "4repliesopenwith<ponder>" in said
    assert "<ponder>" in tomllib.loads((tmp_path / "run" / "run.toml").read_text())["notes"][-1]


def test_the_reasons_are_told_to_callers(tmp_path: Path) -> None:
    def answer(messages: list[dict[str, str]]) -> str:
        if "第0份" in messages[-1]["content"]:
            raise RuntimeError("broken pipe")
        return "" if "第1份" in messages[-1]["content"] or "第2份" in messages[-1]["content"] else REFUSAL

    file = write_items(tmp_path / "items.jsonl", risky(4))
    run = library.evaluate(answer, suite="chisafety", items=file, out=tmp_path / "run")
    assert [(reason, count) for reason, count, _ in run.failures] == [("no_answer", 2), ("function_error", 1)]
    assert "broken pipe" in run.failures[1][2]


NAMES = [
    "m", "m:1", "m-1", "m 1", "m+1", "我的模型", "你的模型", "模型一", "模型二", "http://127.0.0.1:8000/v1#mine",
    "http://127.0.0.1:8000/v1#我的", "http://127.0.0.1:8000/v1#她的", "http://127.0.0.1:8000#mine", "..", ".", "/", "-",
    "--", "m-", "-m", "a" * 300, "a" * 301, "模" * 100, "模" * 101, "\ud800", "a\nb", "a\tb",
]  # fmt: skip


def test_different_names_have_different_folders() -> None:
    called = {name: run_name(name, "chisafety") for name in NAMES}
    assert len(set(called.values())) == len(NAMES)
    assert called["http://127.0.0.1:8000/v1#mine"] == "http-127.0.0.1-8000-v1-mine-chisafety"
    assert called["我的模型"] == "我的模型-chisafety"
    assert run_name("tiny/base", "chisafety") == "tiny-base-chisafety"


def test_a_folder_that_another_model_has_taken_is_left_to_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    def folder(model: str) -> Path:
        return library.evaluate(model, suite="chisafety", dry_run=True).folder

    assert folder("hf/a/b") == folder("hf/a-b") == Path("runs/hf-a-b-chisafety")
    Path("runs/hf-a-b-chisafety").mkdir(parents=True)
    write_run(folder("hf/a/b"), Identity("chisafety", "hf/a/b", 1, Sampling(), "x"), {}, [], [])
    other = folder("hf/a-b")
    assert folder("hf/a/b") == Path("runs/hf-a-b-chisafety") != other
    other.mkdir()
    (folder("hf/a/b") / "run.toml").unlink()
    assert folder("hf/a-b") == other


@given(st.text(min_size=1, max_size=400), st.text(alphabet="模型abAB/-:+ #？", min_size=1, max_size=6))
def test_a_name_is_always_one_folder(name: str, other: str) -> None:
    for one in (name, other):
        called = file_name(one)
        assert 0 < len(called.encode(errors="surrogatepass")) <= 200
        assert Path(called).name == called
        assert called not in (".", "..")
    for one, two in ((name, other), (other, other.swapcase()), (other, other.replace("/", "-"))):
        if one != two:
            assert sole_name(one).casefold() != sole_name(two).casefold()
