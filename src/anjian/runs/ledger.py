"""The ledger: every call to any model, stored once, under a hash of who was asked, what, and how.

One SQLite file in WAL mode. Replies are committed in groups, a few hundredths of a second after they came, so that a
process killed at any moment loses next to nothing and a resumed run asks only what is missing.
"""

import asyncio
import hashlib
import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

import msgspec

from anjian.errors import AnjianError, UsageError
from anjian.files import refuse_links
from anjian.models.base import Reply, Request
from anjian.runs.money.usage import TABLE, Usage, usage_in
from anjian.text import one_line

VERSION = 1
COMMIT_SECONDS = 0.02
GROUP = 256
KEY = 16
"""Bytes of a key."""
_PRAGMAS = "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;"
_SCHEMA = """
CREATE TABLE calls (key BLOB PRIMARY KEY, model TEXT NOT NULL, request TEXT NOT NULL, reply TEXT NOT NULL);
CREATE TABLE failures (key BLOB PRIMARY KEY, model TEXT NOT NULL, reason TEXT NOT NULL, detail TEXT NOT NULL);
"""
_DAMAGE = (sqlite3.Error, msgspec.MsgspecError, TypeError, ValueError, RecursionError, OverflowError)
"""What reading a row that was damaged may raise."""
_DIALOGUES = "CREATE TABLE IF NOT EXISTS dialogues (key BLOB PRIMARY KEY, calls BLOB NOT NULL) WITHOUT ROWID"


class Failure(msgspec.Struct, frozen=True):
    """Why the last attempt at a call came to nothing."""

    reason: str
    detail: str


class Entry(msgspec.Struct, frozen=True):
    """A call as the ledger knows it: its key (16 bytes) and the words that were hashed."""

    key: bytes
    model: str
    request: bytes


def entry(model: str, request: Request) -> Entry:
    """Names a call. Equal calls have equal keys, on every machine."""
    words = msgspec.json.encode(request)
    key = hashlib.blake2b(model.encode() + b"\0" + words, digest_size=KEY).digest()
    return Entry(key, model, words)


def dialogue_key(*parts: object) -> bytes:
    """Names a dialogue by all that settles how it is held."""
    return hashlib.blake2b(msgspec.json.encode(parts), digest_size=KEY).digest()


class _Sieve:
    """Tells most keys that were never added from those that were, in 2 MiB: looking one up in the file takes longer."""

    def __init__(self) -> None:
        self._bits = bytearray(2**21)

    def add(self, key: bytes) -> None:
        place = int.from_bytes(key[:3], "big")
        self._bits[place >> 3] |= 1 << (place & 7)

    def may_hold(self, key: bytes) -> bool:
        """False only for a key that was not added."""
        place = int.from_bytes(key[:3], "big")
        return bool(self._bits[place >> 3] >> (place & 7) & 1)


class Ledger:
    """The calls of one run folder, and which of them make up a dialogue that was held to its end.

    Use from one thread; close it, or leave a `with` block, to commit the last group. `tried` are calls that were made
    since it was opened and came to nothing of use: the next run makes them again. `usage` is what calls to each model
    used, those of earlier sessions included; it is on disk whenever they are.
    """

    def __init__(self, path: Path) -> None:
        """Opens or creates the file; UsageError if it is no ledger, AnjianError if it cannot be written."""
        self.path = path
        self.tried: set[bytes] = set()
        self._replies: dict[bytes, tuple[Entry, Reply]] = {}
        self._failures: dict[bytes, tuple[Entry, Failure]] = {}
        self._dialogues: dict[bytes, bytes] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._fault: AnjianError | None = None
        self._decoder = msgspec.json.Decoder(Reply)
        self._requests = msgspec.json.Decoder(Request)
        refuse_links(*(Path(f"{path}{end}") for end in ("", "-wal", "-shm", "-journal")))
        try:
            self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            self._db.execute("PRAGMA busy_timeout = 5000")
            version = self._version()
            self._db.executescript(_PRAGMAS)
            self._prepare(version)
        except _DAMAGE as error:
            raise _explained(error, path) from None

    def _version(self) -> int:
        """The version of the file, 0 for a new one; what is no ledger stays as it is."""
        version: int = self._db.execute("PRAGMA user_version").fetchone()[0]
        tables = {name for (name,) in self._db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if tables and not {"calls", "failures"} <= tables:
            raise _no_ledger(self.path)
        if version not in (0, VERSION):
            raise UsageError(f"{self.path} was written by another version of anjian; choose another --out")
        return version

    def _prepare(self, version: int) -> None:
        if version == 0:
            self._db.executescript(f"BEGIN; {_SCHEMA} PRAGMA user_version = {VERSION}; COMMIT;")
        self._db.execute(_DIALOGUES)
        self.usage = usage_in(self._db)
        if not self._db.execute("SELECT 1 FROM sqlite_master WHERE name = 'usage'").fetchone():
            self._db.execute(TABLE)
            self._write_usage()
        self._held_before = self._any("SELECT 1 FROM dialogues")
        self._sieve = None if self._any("SELECT key, model, request, reply FROM calls") else _Sieve()

    def _any(self, rows: Literal["SELECT 1 FROM dialogues", "SELECT key, model, request, reply FROM calls"]) -> bool:
        return bool(self._db.execute(f"SELECT EXISTS ({rows})").fetchone()[0])

    def __enter__(self) -> "Ledger":
        """Returns itself."""
        return self

    def __exit__(self, *exc: object) -> None:
        """Commits what is left and closes the file."""
        try:
            self.commit()
        finally:
            self._db.close()

    def reply(self, key: bytes) -> Reply | None:
        """Returns the stored reply of a call, or None."""
        if key in self._replies:
            return self._replies[key][1]
        if self._sieve and not self._sieve.may_hold(key):
            return None
        try:
            row = self._db.execute("SELECT reply FROM calls WHERE key = ?", (key,)).fetchone()
            return self._decoder.decode(row[0]) if row else None
        except _DAMAGE as error:
            raise _explained(error, self.path) from None

    def failure(self, key: bytes) -> Failure | None:
        """Returns why the call last failed, or None; a call with a reply has no failure."""
        if key in self._failures:
            return self._failures[key][1]
        try:
            row = self._db.execute("SELECT reason, detail FROM failures WHERE key = ?", (key,)).fetchone()
            return msgspec.convert({"reason": row[0], "detail": row[1]}, Failure) if row else None
        except _DAMAGE as error:
            raise _explained(error, self.path) from None

    def answered_by(self, model: str) -> bool:
        """True if the ledger holds a reply of a model."""
        if any(call.model == model for call, _ in self._replies.values()):
            return True
        try:
            return bool(self._db.execute("SELECT EXISTS (SELECT 1 FROM calls WHERE model = ?)", (model,)).fetchone()[0])
        except _DAMAGE as error:
            raise _explained(error, self.path) from None

    def dialogue(self, key: bytes) -> list[tuple[Request, Reply]] | None:
        """Returns the calls to the target of a dialogue that an earlier session held to its end, or None."""
        if not self._held_before:
            return None
        try:
            row = self._db.execute("SELECT calls FROM dialogues WHERE key = ?", (key,)).fetchone()
            if row is None:
                return None
            calls: bytes = row[0]
            found = [self._call(calls[start : start + KEY]) for start in range(0, len(calls), KEY)]
        except _DAMAGE as error:
            raise _explained(error, self.path) from None
        return [call for call in found if call] if all(found) else None

    def _call(self, key: bytes) -> tuple[Request, Reply] | None:
        if key in self._replies:
            call, reply = self._replies[key]
            return self._requests.decode(call.request), reply
        row = self._db.execute("SELECT request, reply FROM calls WHERE key = ?", (key,)).fetchone()
        return (self._requests.decode(row[0]), self._decoder.decode(row[1])) if row else None

    def hold(self, key: bytes, calls: Iterable[bytes]) -> None:
        """Keeps which calls make up a dialogue, in their order."""
        self._dialogues[key] = b"".join(calls)
        self._schedule()

    def count(self) -> int:
        """Returns the number of stored replies."""
        stored: int = self._db.execute("SELECT count(*) FROM calls").fetchone()[0]
        return stored + len(self._replies)

    def store(self, call: Entry, reply: Reply) -> None:
        """Keeps a reply; it is on disk after the next group commit."""
        self._replies[call.key] = (call, reply)
        if self._sieve:
            self._sieve.add(call.key)
        self._failures.pop(call.key, None)
        self.used(call, reply)
        self._schedule()

    def used(self, call: Entry, reply: Reply) -> None:
        """Counts what a call used, also one whose reply is worth nothing and is not kept."""
        usage = self.usage.get(call.model) or self.usage.setdefault(call.model, Usage())
        prompt, completion = reply.prompt_tokens + reply.before[0], reply.completion_tokens + reply.before[1]
        said = 0 if prompt or completion else len(f"{reply.text}{reply.reasoning}".encode(errors="replace"))
        usage.add(prompt, completion, len(call.request), said)

    def fail(self, call: Entry, failure: Failure) -> None:
        """Keeps why a call failed, until it succeeds."""
        self._failures[call.key] = (call, failure)
        self._schedule()

    def _schedule(self) -> None:
        if self._fault:
            raise self._fault
        if len(self._replies) + len(self._failures) >= GROUP:
            self.commit()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(COMMIT_SECONDS, self._commit_later)

    def _commit_later(self) -> None:
        self._timer = None
        try:
            self.commit()
        except AnjianError as error:
            self._fault = error  # A timer has nobody to tell; the next call to be stored does.

    def commit(self) -> None:
        """Writes the waiting group in one transaction; on failure the group stays, to be written again."""
        if self._timer:
            self._timer.cancel()
            self._timer = None
        if not (self._replies or self._failures or self._dialogues):
            return
        encode = msgspec.json.encode
        rows = [(e.key, e.model, e.request.decode(), encode(r).decode()) for e, r in self._replies.values()]
        faults = [(e.key, e.model, f.reason, f.detail) for e, f in self._failures.values()]
        try:
            self._db.execute("BEGIN IMMEDIATE")
            self._db.executemany("INSERT OR REPLACE INTO calls VALUES (?, ?, ?, ?)", rows)
            self._db.executemany("INSERT OR REPLACE INTO failures VALUES (?, ?, ?, ?)", faults)
            self._db.executemany("INSERT OR REPLACE INTO dialogues VALUES (?, ?)", self._dialogues.items())
            self._write_usage()
            self._db.execute("COMMIT")
        except sqlite3.Error as error:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise _explained(error, self.path) from None
        self._replies.clear()
        self._failures.clear()
        self._dialogues.clear()

    def _write_usage(self) -> None:
        rows = [(model, *msgspec.structs.astuple(usage)) for model, usage in self.usage.items()]
        self._db.executemany("INSERT OR REPLACE INTO usage VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)


def _explained(error: Exception, path: Path) -> AnjianError:
    text = one_line(str(error))
    if not isinstance(error, sqlite3.Error) or "malformed" in text or "decode" in text:
        return UsageError(f"{path} is damaged ({text}); choose another --out")
    if "full" in text or "disk I/O" in text:
        mend = "free some space and run the same command again"
        return AnjianError(f"cannot write {path}: the disk is full or failing; {mend}")
    if "not a database" in text or "no such" in text or "has no column" in text or "values were supplied" in text:
        return _no_ledger(path)
    if "locked" in text:
        return UsageError(f"{path} is in use by another anjian; wait for it, or choose another --out")
    return AnjianError(f"cannot use {path}: {text}; check the folder's permissions and the disk")


def _no_ledger(path: Path) -> UsageError:
    return UsageError(f"{path} is not a ledger of anjian; choose another --out")
