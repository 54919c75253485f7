"""The ledger on a real SQLite file."""

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anjian.errors import AnjianError, UsageError
from anjian.items.records import Message
from anjian.models.base import Reply, Request, Sampling
from anjian.runs.ledger import Failure, Ledger, entry

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=50)


def request(text: str, **sampling: float) -> Request:
    return Request((Message("user", text),), Sampling(**sampling))  # type: ignore[arg-type]


def test_what_is_stored_is_there_after_closing(tmp_path: Path) -> None:
    call = entry("m", request("问"))

    async def store() -> None:
        with Ledger(tmp_path / "l.sqlite") as ledger:
            ledger.fail(call, Failure("timeout", "no reply"))
            ledger.store(call, Reply("答", reasoning="想", completion_tokens=3))
            assert ledger.reply(call.key) == Reply("答", reasoning="想", completion_tokens=3)

    asyncio.run(store())
    with Ledger(tmp_path / "l.sqlite") as ledger:
        assert ledger.reply(call.key) == Reply("答", reasoning="想", completion_tokens=3)
        assert ledger.count() == 1
        assert ledger.reply(entry("m", request("另问")).key) is None


@given(TEXT, TEXT)
def test_equal_calls_have_equal_keys_and_others_do_not(one: str, other: str) -> None:
    assert entry("m", request(one)).key == entry("m", request(one)).key
    assert (entry("m", request(one)).key == entry("m", request(other)).key) == (one == other)
    keys = {
        entry(model, asked).key
        for model in ("m", "n")
        for asked in (request(one), request(one, temperature=0), request(one, top_p=0.5), Request((), epoch=1))
    }
    assert len(keys) == 8


def test_a_killed_process_loses_only_the_last_moment(tmp_path: Path) -> None:
    script = textwrap.dedent(
        """
        import asyncio, sys
        from anjian.items.records import Message
        from anjian.models.base import Reply, Request
        from anjian.runs.ledger import Ledger, entry
        async def main():
            ledger = Ledger(sys.argv[1])
            for i in range(10**6):
                ledger.store(entry("m", Request((Message("user", str(i)),))), Reply(str(i)))
                await asyncio.sleep(0.001)
                print(i, flush=True)
        asyncio.run(main())
        """
    )
    path = tmp_path / "l.sqlite"
    process = subprocess.Popen([sys.executable, "-c", script, path], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    for line in process.stdout:
        if int(line) == 300:
            break
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    with Ledger(path) as ledger:
        assert ledger.count() > 250
        assert ledger.reply(entry("m", request("0")).key) == Reply("0")


def test_a_full_disk_is_one_clear_line_and_what_is_stored_stays(tmp_path: Path) -> None:
    script = textwrap.dedent(
        """
        import asyncio, resource, signal, sys
        from anjian.errors import AnjianError
        from anjian.items.records import Message
        from anjian.models.base import Reply, Request
        from anjian.runs.ledger import Ledger, entry
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
        async def main():
            with Ledger(sys.argv[1]) as ledger:
                for i in range(5000):
                    ledger.store(entry("m", Request((Message("user", str(i)),))), Reply("长" * 100))
                    if i % 100 == 0:
                        await asyncio.sleep(0.03)
        try:
            asyncio.run(main())
        except AnjianError as error:
            print(error)
            sys.exit(error.exit_code)
        """
    )
    path = tmp_path / "l.sqlite"
    done = subprocess.run([sys.executable, "-c", script, path], capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr
    assert done.stdout.count("\n") == 1
    assert "disk is full" in done.stdout
    assert str(path) in done.stdout
    with Ledger(path) as ledger:
        assert ledger.count() > 50


def test_a_file_that_is_no_ledger_is_refused(tmp_path: Path) -> None:
    (tmp_path / "l.sqlite").write_text("这不是数据库" * 200)
    with pytest.raises(UsageError, match="not a ledger"):
        Ledger(tmp_path / "l.sqlite")


def test_a_ledger_of_another_version_is_refused(tmp_path: Path) -> None:
    database = sqlite3.connect(tmp_path / "l.sqlite")
    database.execute("PRAGMA user_version = 99")
    database.close()
    with pytest.raises(UsageError, match="another version"):
        Ledger(tmp_path / "l.sqlite")


def test_a_folder_that_cannot_be_written_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(AnjianError, match="cannot use"):
        Ledger(tmp_path / "no" / "l.sqlite")
