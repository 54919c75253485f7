"""Damaged and hostile run folders: one line for each, and nothing outside them is touched."""

import asyncio
import json
import resource
import shutil
import signal
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from command import anjian, one_line, risky, write_items
from fuzzing import examples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from anjian.errors import AnjianError, UsageError
from anjian.files import locked, replace
from anjian.items.records import Message
from anjian.models.base import Reply, Request, Sampling
from anjian.runs.folder import Identity, name_no_judge, opened, read_about, write_run
from anjian.runs.ledger import Failure, Ledger, entry

IDENTITY = Identity("chisafety", "m", 1, Sampling(), "x")
FOLDER = settings(max_examples=examples(60), suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of a model on this machine."""
    folder = tmp_path_factory.mktemp("whole")
    file = write_items(folder / "items.jsonl", risky(3))
    done = anjian("eval", "tiny/base", "--suite", "chisafety", "--items", file, "--out", folder / "run")
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def copied(run: Path, tmp_path: Path) -> Path:
    for name in ("run", "whole"):
        shutil.copytree(run / "run", tmp_path / name)
    return tmp_path / "run"


def again(folder: Path) -> tuple[int, str]:
    """Runs the same command again on a folder; the items lie where they lay, which is part of what a run is."""
    items = read_about(folder.parent / "whole").items["origin"]
    done = anjian("eval", "tiny/base", "--suite", "chisafety", "--items", items, "--out", folder)
    assert "Traceback" not in done.stdout + done.stderr, done.stderr
    return done.returncode, done.stderr


def directory(path: Path) -> None:
    path.unlink()
    path.mkdir()


BROKEN_RUNS: dict[str, Callable[[Path], object]] = {
    "empty": lambda path: path.write_text(""),
    "no tables": lambda path: path.write_text("notes = []"),
    "no anjian": lambda path: path.write_text('[run]\nsuite = "chisafety"\n[items]\n'),
    "no run": lambda path: path.write_text('[anjian]\ncreated = "x"\n[items]\n'),
    "wrong types": lambda path: path.write_text("anjian = 1\nrun = []\nitems = 0"),
    "wrong types inside": lambda path: path.write_text("[anjian]\ncreated = 2026-01-01\n[run]\n[items]\n"),
    "no toml": lambda path: path.write_text("{ not toml"),
    "deep": lambda path: path.write_text("x = " + "[" * 20_000),
    "long number": lambda path: path.write_text("x = " + "9" * 6_000),
    "not UTF-8": lambda path: path.write_bytes("x = '中'".encode("gbk")),
    "binary": lambda path: path.write_bytes(bytes(range(256)) * 9),
    "cut": lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
    "a folder": directory,
}


@pytest.mark.parametrize("fault", BROKEN_RUNS)
def test_a_broken_run_file_is_one_line(fault: str, copied: Path) -> None:
    BROKEN_RUNS[fault](copied / "run.toml")
    rc, said = again(copied)
    assert rc == 2
    assert len(said.strip().splitlines()) == 1
    assert "run.toml" in said or "another run" in said
    if (copied / "run.toml").is_file():
        out = copied.parent / "out"
        for command in (
            ("leaderboard", copied),
            ("compare", "tiny/base", "tiny/distill", "--run", copied, "--out", out),
        ):
            done = anjian(*command)
            assert done.returncode == 2
            assert str(copied) in one_line(done) or fault == "cut"


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:5000])


def execute(*statements: str) -> Callable[[Path], None]:
    def damage(path: Path) -> None:
        with sqlite3.connect(path) as database:
            for statement in statements:
                database.execute(statement)
        database.close()

    return damage


def other_database(path: Path) -> None:
    path.unlink()
    execute("CREATE TABLE calls_of_whales (id INTEGER)")(path)


BROKEN_LEDGERS: dict[str, Callable[[Path], object]] = {
    "text": lambda path: path.write_text("这不是数据库" * 300),
    "cut": cut,
    "a folder": directory,
    "another database": other_database,
    "no calls": execute("DELETE FROM dialogues", "DROP TABLE calls"),
    "other columns": execute("DELETE FROM dialogues", "DROP TABLE calls", "CREATE TABLE calls (x INTEGER)"),
    "no JSON": execute("UPDATE calls SET reply = 'x'"),
    "other JSON": execute("UPDATE calls SET reply = '{\"text\": 3}'"),
    "bytes": execute("UPDATE calls SET reply = x'ff00ff'"),
    "no request": execute("UPDATE calls SET request = '[]'"),
    "no dialogue": execute("UPDATE dialogues SET calls = 7"),
    "deep JSON": execute(f"UPDATE calls SET reply = '{'[' * 100_000}'"),
}


@pytest.mark.parametrize("fault", BROKEN_LEDGERS)
def test_a_damaged_ledger_is_one_line(fault: str, copied: Path) -> None:
    BROKEN_LEDGERS[fault](copied / "ledger.sqlite")
    rc, said = again(copied)
    assert rc in (1, 2)
    assert len(said.strip().splitlines()) == 1
    assert "ledger.sqlite" in said


def test_a_foreign_database_is_left_as_it_is(copied: Path) -> None:
    other_database(copied / "ledger.sqlite")
    before = (copied / "ledger.sqlite").read_bytes()
    assert again(copied)[0] == 2
    assert (copied / "ledger.sqlite").read_bytes() == before


def test_junk_beside_the_ledger_is_passed_over(copied: Path) -> None:
    (copied / "ledger.sqlite-wal").write_bytes(b"junk" * 999)
    assert again(copied)[0] == 0


@pytest.mark.parametrize("name", ["verdicts.jsonl", "scores.json", "replies.jsonl"])
@pytest.mark.parametrize("content", [b"{", b"\xff\xfe", b'{"id": 1}\n', b"[" * 50_000])
def test_broken_results_are_one_line_and_written_anew(name: str, content: bytes, copied: Path) -> None:
    whole = (copied / name).read_bytes()
    (copied / name).write_bytes(content)
    if name != "replies.jsonl":
        done = anjian("compare", "tiny/base", "tiny/distill", "--run", copied, "--out", copied.parent / "out")
        assert done.returncode == 2
        assert name in one_line(done)
    assert again(copied)[0] == 0
    assert (copied / name).read_bytes() == whole


def test_what_was_paid_for_outlives_a_broken_run_file(copied: Path) -> None:
    (copied / "run.toml").write_text("{ not toml")
    rc, said = again(copied)
    assert rc == 2
    assert "move ledger.sqlite* into a new folder and give that as --out" in said
    moved = copied.parent / "moved"
    moved.mkdir()
    (copied / "ledger.sqlite").rename(moved / "ledger.sqlite")
    rc, said = again(moved)
    assert rc == 0
    assert "nothing to ask" in said
    assert (moved / "verdicts.jsonl").read_bytes() == (copied / "verdicts.jsonl").read_bytes()


@pytest.mark.parametrize("name", ["report.html", ".lock", "scores.json", "verdicts.jsonl.part", "replies.jsonl"])
def test_a_folder_in_the_place_of_a_file_is_named(name: str, copied: Path) -> None:
    (copied / name).unlink(missing_ok=True)
    (copied / name).mkdir()
    rc, said = again(copied)
    assert rc == 2
    assert f"{copied / name} is a folder where a file is to be; remove it" in said
    (copied / name).rmdir()
    assert again(copied)[0] == 0


@pytest.mark.parametrize("below", [False, True])
def test_a_file_in_the_place_of_the_judges_folder_is_named(below: bool, copied: Path) -> None:
    [place] = (copied / "judged").iterdir()
    path = place if below else copied / "judged"
    shutil.rmtree(path)
    path.write_text("x")
    rc, said = again(copied)
    assert rc == 2
    assert f"{path} is a file where a folder is to be; remove it" in said


@pytest.mark.parametrize("name", ["run.toml.part", "scores.json.part", "verdicts.jsonl.part"])
def test_no_link_leads_out_of_the_folder(name: str, copied: Path) -> None:
    precious = copied.parent / "precious"
    precious.write_text("mine")
    for place in (copied, *(copied / "judged").iterdir()):
        (place / name).symlink_to(precious)
    assert again(copied)[0] == 0
    assert precious.read_text() == "mine"
    assert not (copied / name).exists()


@pytest.mark.parametrize("name", ["ledger.sqlite", "ledger.sqlite-wal", ".lock", "judged"])
def test_a_link_in_the_place_of_a_file_is_refused(name: str, copied: Path) -> None:
    precious = copied.parent / "precious"
    precious.write_bytes(b"")
    shutil.rmtree(copied / name) if (copied / name).is_dir() else (copied / name).unlink(missing_ok=True)
    (copied / name).symlink_to(precious)
    rc, said = again(copied)
    assert rc == 2
    assert "symbolic link" in said
    assert precious.read_bytes() == b""


def test_a_folder_that_is_being_made_holds_no_other_files(tmp_path: Path) -> None:
    with opened(tmp_path / "run", IDENTITY):
        assert {path.name for path in (tmp_path / "run").iterdir()} == {".lock"}
        with pytest.raises(UsageError, match="in use"), opened(tmp_path / "run", IDENTITY):
            pass
    with opened(tmp_path / "run", IDENTITY):  # Killed before run.toml was there, it can be run again.
        pass
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.txt").write_text("x")
    with pytest.raises(UsageError, match=r"thesis\.txt"), opened(tmp_path / "other", IDENTITY):
        pass
    assert [path.name for path in (tmp_path / "other").iterdir()] == ["thesis.txt"]


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    (tmp_path / "a.part").mkdir()
    with pytest.raises(AnjianError, match="is a folder where a file is to be"):
        replace(tmp_path / "a", b"x")
    with locked(tmp_path):
        replace(tmp_path / "b", b"x")
    assert (tmp_path / "b").read_bytes() == b"x"


def test_a_full_disk_is_one_line(copied: Path) -> None:
    def small_files() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (600, 600))

    items = read_about(copied).items["origin"]
    done = anjian("eval", "tiny/base", "--suite", "chisafety", "--items", items, "--out", copied, before=small_files)
    assert done.returncode == 1
    assert "cannot" in one_line(done)


def mutations(whole: bytes) -> st.SearchStrategy[bytes]:
    """The bytes of a file with some of them changed, taken out, or repeated."""
    places = st.integers(0, 2**16)  # Not its length: that may differ from one try to the next.

    def mutate(changes: list[tuple[int, int, bytes]]) -> bytes:
        text = bytearray(whole)
        for start, length, new in changes:
            start %= len(whole)
            text[start : start + length] = new
        return bytes(text)

    return st.lists(st.tuples(places, st.integers(0, 40), st.binary(max_size=12)), min_size=1, max_size=4).map(mutate)


@FOLDER
@given(data=st.data())
def test_whatever_run_toml_holds(data: st.DataObject, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    shutil.rmtree(folder, ignore_errors=True)
    with opened(folder, IDENTITY):
        write_run(folder, IDENTITY, {"judge": "j", "limit": 3}, [], ["一条说明"])
    whole = (folder / "run.toml").read_bytes()
    (folder / "run.toml").write_bytes(data.draw(st.one_of(mutations(whole), st.binary(max_size=200))))
    try:
        with opened(folder, IDENTITY):
            name_no_judge(folder)
            assert "judge" not in read_about(folder).run
            write_run(folder, IDENTITY, {"judge": "k"}, [], [], engine={"dtype": "x"})
    except AnjianError as error:
        assert len(str(error).splitlines()) == 1
    else:
        assert read_about(folder).run["judge"] == "k"


@FOLDER
@given(data=st.data())
def test_whatever_a_ledger_holds(data: st.DataObject, tmp_path: Path) -> None:
    path = tmp_path / "l.sqlite"
    calls = [entry("m", Request((Message("user", str(number)),))) for number in range(4)]
    key = bytes(16)

    async def use() -> None:
        with Ledger(path) as ledger:
            for call in calls[:2]:
                ledger.reply(call.key)
                ledger.store(call, Reply("答", reasoning="想"))
            ledger.failure(calls[2].key)
            ledger.fail(calls[2], Failure("timeout", "slow"))
            ledger.dialogue(key)
            ledger.hold(key, [call.key for call in calls[:2]])
            ledger.answered_by("m")

    for file in tmp_path.glob("l.sqlite*"):
        file.unlink(missing_ok=True)
    asyncio.run(use())
    whole = path.read_bytes()
    path.write_bytes(data.draw(st.one_of(mutations(whole), st.binary(max_size=200))))
    try:
        asyncio.run(use())
    except AnjianError as error:
        assert len(str(error).splitlines()) == 1


def test_the_results_of_a_run_are_what_they_were(copied: Path) -> None:
    before = {name: (copied / name).read_bytes() for name in ("scores.json", "verdicts.jsonl", "replies.jsonl")}
    assert again(copied)[0] == 0
    assert {name: (copied / name).read_bytes() for name in before} == before
    assert json.loads(before["scores.json"])
