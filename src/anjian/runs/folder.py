"""The run folder: what is in it, who may write to it, and whether it holds this run or another."""

import contextlib
import hashlib
import platform
import tomllib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import tomli_w

from anjian import __version__
from anjian.errors import UsageError
from anjian.files import LOCK, digest, file_name, locked, replace, writing
from anjian.items.records import Item, Message
from anjian.models.base import Sampling
from anjian.text import one_line

RUN, LEDGER, REPLIES, VERDICTS, SCORES = "run.toml", "ledger.sqlite", "replies.jsonl", "verdicts.jsonl", "scores.json"
REPORT, JUDGED = "report.html", "judged"
BESIDE_LEDGER = {LOCK, f"{RUN}.part", JUDGED, "server.log", "batches.jsonl"}
"""What may lie in a folder that is no run yet: that of a run which has just begun, or a ledger to go on with."""
T = TypeVar("T")
LIBRARIES = ("aiohttp", "msgspec", "torch", "transformers", "tokenizers", "vllm", "sglang", "math-verify")


class Replied(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line of `replies.jsonl`; line by line beside `verdicts.jsonl`.

    Attributes:
        id: The item's id.
        model: Who was asked.
        messages: The conversation up to the user's turn.
        epoch: Which repetition, from 0.
        round: Which turn of the dialogue, from 1.
        answer: The reply without its thinking.
        thinking: The thinking.
        shape: The shape of the thinking, see `anjian.models.thinking`.
        finish_reason: Why the reply ended.
        prompt_tokens: Tokens of the prompt.
        completion_tokens: Tokens of the reply, thinking included.
        failure: Why there is no reply.
    """

    id: str
    model: str
    messages: tuple[Message, ...]
    epoch: int = 0
    round: int = 1
    answer: str = ""
    thinking: str = ""
    shape: str | None = None
    finish_reason: str | None = None
    prompt_tokens: int = 0
    completion_tokens: int = 0
    failure: str | None = None


class Identity(msgspec.Struct, frozen=True):
    """What makes two runs the same run, so that one folder can hold it: the ledger serves nothing else.

    The judge and the limit are not part of it: verdicts are derived from stored replies, and a longer run goes on where
    a shorter one ended.
    """

    suite: str
    model: str
    epochs: int
    sampling: Sampling
    origin: str
    adversary: str = ""
    rounds: int = 0
    weights: str = ""
    """Which weights lie under the model's name, where it is a folder of this machine; see `anjian.models.weights`."""
    settings: dict[str, Any] = {}
    """What else decides its replies: a system prompt, an extra body …; see `anjian.models.settled.settings_of`."""


def run_name(model: str, suite: str) -> str:
    """What the folder of a run is called where the user does not say.

    Example:
        >>> run_name("http://127.0.0.1:8000/v1#mine", "chisafety")
        'http-127.0.0.1-8000-v1-mine-chisafety'
    """
    return f"{file_name(model)}-{file_name(suite)}"


def run_folder(above: Path, name: str, model: str) -> Path:
    """The folder of that name, unless another model's run has taken it, whose name reads the same as a file's."""
    folder, other = above / name, above / f"{name}-{digest(model)}"
    if other.exists():
        return other
    taken = (folder / RUN).exists() and read_about(folder).run.get("model") != model
    return other if taken else folder


class RunFile(msgspec.Struct, frozen=True):
    """What readers of a run need of `run.toml`."""

    anjian: dict[str, str]
    run: dict[str, Any]
    items: dict[str, Any]
    notes: list[str] = []
    sampling: dict[str, Any] = {}
    access: dict[str, Any] = {}
    identity: dict[str, Any] = {}
    engine: dict[str, Any] = {}
    spent: dict[str, Any] = {}
    files: dict[str, str] = {}


def read_about(folder: Path) -> RunFile:
    """Reads `run.toml`; raises UsageError, naming the file."""
    return decoded(folder / RUN, lambda text: msgspec.toml.decode(text, type=RunFile))


def decoded(path: Path, decode: Callable[[bytes], T]) -> T:
    """Decodes one file of a run; raises UsageError, naming the file."""
    try:
        return decode(path.read_bytes())
    except FileNotFoundError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}; give the folder of a finished run") from None
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}; {_mend(path)}") from None
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise UsageError(f"{path} is broken ({one_line(str(error))}); {_mend(path)}") from None


def _mend(path: Path) -> str:
    if path.name != RUN:
        return "run the same `anjian eval` again to write it anew"
    if not (path.parent / LEDGER).exists():
        return "choose another folder"
    return f"its answers are in {LEDGER}: move {LEDGER}* into a new folder and give that as --out"


@contextlib.contextmanager
def opened(folder: Path, identity: Identity) -> Iterator[None]:
    """Creates the folder or checks that it holds the same run, and keeps other processes out.

    Raises:
        UsageError: The folder holds another run or other files, or another process is at work in it.
        AnjianError: The folder cannot be written.
    """
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        _check(folder, identity)
    with locked(folder):
        _check(folder, identity)  # What another process made of it meanwhile counts.
        yield


def _check(folder: Path, identity: Identity) -> None:
    if not (folder / RUN).exists():
        names = {path.name for path in folder.iterdir()} - BESIDE_LEDGER
        if others := {name for name in names if not name.startswith(LEDGER)}:
            raise UsageError(f"--out {folder} holds other files ({min(others)} …) and no run; choose a new folder")
        return
    held = read_about(folder)
    for key, wanted in msgspec.to_builtins(identity).items():
        found = held.identity.get(key, "")
        if (found or "") != (wanted or ""):
            if key == "weights":
                what = "its weights, adapter, template or code"
                why = f"{identity.model} has changed since: {what} (fingerprint {found!r}, now {wanted!r})"
            elif key == "settings":
                why = _differing(found or {}, wanted or {})
            else:
                why = f"{key} {found!r}, not {wanted!r}"
            raise UsageError(f"--out {folder} holds another run ({why}); choose another folder")


def _differing(found: dict[str, Any], wanted: dict[str, Any]) -> str:
    """The first setting of the model that is another now."""
    key = next(key for key in {**found, **wanted} if found.get(key) != wanted.get(key))
    before, now = (f"{table[key]!r}" if key in table else "none" for table in (found, wanted))
    return f"its model's {key} is {one_line(before, 60)}, not {one_line(now, 60)}"


def _identity_table(identity: Identity) -> dict[str, Any]:
    table: dict[str, Any] = msgspec.to_builtins(identity)
    return table if identity.settings else {key: value for key, value in table.items() if key != "settings"}


def items_hash(items: list[Item]) -> str:
    """SHA-256 of the items as they were asked, answers included."""
    digest = hashlib.sha256()
    for item in items:
        digest.update(msgspec.json.encode(item) + b"\n")
    return digest.hexdigest()


def write_run(
    folder: Path,
    identity: Identity,
    run: dict[str, Any],
    items: list[Item],
    notes: list[str],
    access: dict[str, Any] | None = None,
    engine: dict[str, Any] | None = None,
    spent: dict[str, Any] | None = None,
    files: dict[str, str] | None = None,
) -> None:
    """Writes `run.toml`: everything needed to repeat the run, and what came of it.

    The time is that of the first start; what the model settled at opening and what was spent stay as they were where
    nothing new is known. Who judged is in `run` once the scores of that judge lie beside it, and not before; so are the
    hashes of the `files` of results, see `anjian.runs.intact`.
    """
    created = datetime.now(UTC).isoformat(timespec="seconds")
    found = {"engine": engine, "spent": spent}
    if (folder / RUN).exists():
        held = read_about(folder)
        created = held.anjian.get("created", created)
        found = {"engine": engine or held.engine, "spent": spent or held.spent}
    live = {"adversary": identity.adversary, "rounds": identity.rounds} if identity.adversary else {}
    table = {
        "notes": notes,
        "anjian": {"version": __version__, "python": platform.python_version(), "created": created},
        "run": {"suite": identity.suite, "model": identity.model, "epochs": identity.epochs, **live, **run},
        "sampling": msgspec.to_builtins(identity.sampling),
        **({"access": access} if access else {}),
        "items": {"origin": identity.origin, "count": len(items), "sha256": items_hash(items)},
        "libraries": _libraries(),
        "identity": _identity_table(identity),
        **{name: value for name, value in found.items() if value},
        **({"files": files} if files else {}),
    }
    replace(folder / RUN, tomli_w.dumps(table).encode())


def name_no_judge(folder: Path) -> None:
    """Says in `run.toml` that the files beside it are being written."""
    table = _table(folder)
    if table["run"].pop("judge", None):
        table.pop("files", None)
        for told in ("judge_version", "judge_cards", "judge_prompt"):
            table["run"].pop(told, None)
        replace(folder / RUN, tomli_w.dumps(table).encode())


def note_spent(folder: Path, spent: dict[str, Any]) -> None:
    """Notes in `run.toml` what was spent on top of it."""
    if spent:
        replace(folder / RUN, tomli_w.dumps({**_table(folder), "spent": spent}).encode())


def _table(folder: Path) -> dict[str, Any]:
    return tomllib.loads((folder / RUN).read_text(encoding="utf-8"))


@cache
def _libraries() -> dict[str, str]:
    found: dict[str, str] = {}
    for name in LIBRARIES:
        with contextlib.suppress(PackageNotFoundError):
            found[name] = version(name)
    return found
