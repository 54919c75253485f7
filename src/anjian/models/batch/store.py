"""The batches of a run folder: `batches.jsonl`, one event a line, written before and after whatever costs money.

{"at": "…", "model": "dashscope/qwen-plus", "file": "file-1", "calls": ["7f…", …]}     the file was uploaded
{"at": "…", "model": "dashscope/qwen-plus", "file": "file-1", "batch": "batch_1"}       the batch was created
{"at": "…", "model": "dashscope/qwen-plus", "file": "file-1", "done": true}             all that came of it is kept,
{"at": "…", "model": "dashscope/qwen-plus", "file": "file-1", "taken": ["7f…"]}         or a part of it
"""

from datetime import UTC, datetime
from pathlib import Path

import msgspec

from anjian.errors import UsageError
from anjian.files import replace, writing
from anjian.text import one_line

BATCHES = "batches.jsonl"


class Event(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line."""

    at: str
    model: str
    file: str
    calls: tuple[str, ...] = ()
    batch: str = ""
    done: bool = False
    taken: tuple[str, ...] = ()


class Outstanding(msgspec.Struct, frozen=True):
    """A batch that was not collected: its file, its calls, and its id where the server had told it in time."""

    file: str
    calls: tuple[str, ...]
    batch: str


class Store:
    """The batches of one model in a folder; other models may have theirs in the same file."""

    def __init__(self, folder: Path, model: str) -> None:
        """Reads nothing yet."""
        self.path = folder / BATCHES
        self._model = model

    def outstanding(self) -> list[Outstanding]:
        """The batches that were submitted and not collected, the oldest first.

        Raises:
            UsageError: The file is damaged.
        """
        found: dict[str, Outstanding] = {}
        for event in self._events():
            if event.model != self._model:
                continue
            one = found.get(event.file, Outstanding(event.file, (), ""))
            left = set(event.taken)
            calls = tuple(call for call in event.calls or one.calls if call not in left)
            found[event.file] = Outstanding(event.file, calls, event.batch or one.batch)
            if event.done:
                del found[event.file]
        return list(found.values())

    def _events(self) -> list[Event]:
        """All events; a last line that was cut off by a kill is taken out of the file."""
        with writing(self.path):
            content = self.path.read_bytes() if self.path.exists() else b""
        whole, _, rest = content.rpartition(b"\n")
        if rest:
            replace(self.path, whole + b"\n" if whole else b"")
        return [self._event(number, line) for number, line in enumerate(whole.split(b"\n"), 1) if line]

    def _event(self, number: int, line: bytes) -> Event:
        try:
            return msgspec.json.decode(line, type=Event)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            why = f"{self.path}, line {number} is damaged ({one_line(str(error), 80)})"
            raise UsageError(f"{why}; mend it, or delete the file to submit outstanding batches again") from None

    def uploaded(self, file: str, calls: tuple[str, ...]) -> None:
        """Notes a file before its batch is created."""
        self._add(Event(_now(), self._model, file, calls=calls))

    def created(self, file: str, batch: str) -> None:
        """Notes a batch."""
        self._add(Event(_now(), self._model, file, batch=batch))

    def taken(self, file: str, calls: tuple[str, ...] = ()) -> None:
        """Notes that what came of calls, of all of them where none are named, is kept: asked again, they go anew."""
        self._add(Event(_now(), self._model, file, done=not calls, taken=calls))

    def _add(self, event: Event) -> None:
        with writing(self.path), self.path.open("ab") as file:
            file.write(msgspec.json.encode(event) + b"\n")


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
