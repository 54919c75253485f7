"""Files of JSON, line by line: what is wrong with one is said with its place, and what is no JSON is named as it is."""

import re
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, TypeVar

import msgspec

from anjian.errors import UsageError
from anjian.text import plain

T = TypeVar("T")

SHOWN = 20
"""Faults of one file that are shown; the others are counted."""
UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What decoding a line may raise; `readable` words it."""
_CHINESE = re.compile("[\u4e00-\u9fff\u3000-\u303f\uff01-\uff5e“”‘’…—]")
_BOM = b"\xef\xbb\xbf"
_BINARY = {
    b"\xff\xfe": "UTF-16 text; save it as UTF-8",
    b"\xfe\xff": "UTF-16 text; save it as UTF-8",
    b"PK\3\4": "an Excel file or a zip archive; unpack it, or save the table as JSON lines",
    b"\xd0\xcf\x11\xe0": "an old Excel or Word file; save it as JSON lines",
    b"PAR1": "a Parquet file; write its rows as JSON lines",
    b"ARROW1": "an Arrow file; write its rows as JSON lines",
    b"SQLite format 3": "an SQLite database; write its rows as JSON lines",
    b"\x1f\x8b": "compressed (gzip); unpack it",
    b"BZh": "compressed (bzip2); unpack it",
    b"\xfd7zXZ": "compressed (xz); unpack it",
    b"\x28\xb5\x2f\xfd": "compressed (zstd); unpack it",
    b"7z\xbc\xaf": "a 7z archive; unpack it",
    b"Rar!": "a RAR archive; unpack it",
    b"%PDF": "a PDF; write JSON lines",
    b"\x80\x04\x95": "a Python pickle; write JSON lines",
    b"version https://git-lfs": "only Git LFS's pointer to the file; run git lfs pull",
}
"""How files begin that hold no lines of UTF-8."""
_OTHER_TEXT = {
    rb"<": "XML or HTML",
    rb"\[\[?[\w.-]*[A-Za-z_][\w.-]*\]\]?\s*$": "TOML",
    rb"[\w-]+\s*=\s": "TOML",
    rb"(---|%YAML|- |- ?$|[^\s\"'{\[,]+:(\s|$))": "YAML",
    rb"[^{\[]*[,;|\t]": "a table (CSV)",
}
"""How a line begins that is no JSON."""


def read_lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Yields the number and the bytes of every line that is not blank.

    Raises:
        UsageError: There is no such file, or it holds no lines of UTF-8 at all: names what it is.
    """
    with opened(path) as file:
        start = file.read(512)
        file.seek(0)
        found = next((what for mark, what in _BINARY.items() if start.startswith(mark)), None)
        if found is None and b"\0" in start[:4]:
            found = "UTF-16 text or no text at all; save it as UTF-8"
        if found:
            raise UsageError(f"{plain(str(path))} is {found}")
        for number, line in enumerate(file, 1):
            text = line.removeprefix(_BOM).strip()
            if text:
                yield number, text


def decode_lines(path: Path, kind: type[T]) -> Iterator[tuple[int, T]]:
    """Yields the number (from 1) and the decoded value of every line that is not blank.

    Raises:
        UsageError: The file cannot be read or a line does not decode.
    """
    decoder = msgspec.json.Decoder(kind)
    for number, line in read_lines(path):
        try:
            yield number, decoder.decode(line)
        except UNREADABLE as error:
            raise UsageError(f"{path}, line {number}: {readable(error)}") from None


def no_json(line: bytes) -> str | None:
    """Recognises what a text is whose first line begins no JSON object and no list; None if it may be one."""
    what = next((what for pattern, what in _OTHER_TEXT.items() if re.match(pattern, line)), None)
    if line.startswith(b"{") or (line.startswith(b"[") and what is None):
        return None
    return f'{f"looks like {what}" if what else "holds no JSON"}; write one JSON object a line, such as {{"id": …}}'


@contextmanager
def opened(path: Path, what: str = "") -> Iterator[BinaryIO]:
    """Opens a file to read its bytes; a pipe or a device is none, for it may never end.

    Raises:
        UsageError: There is no such file, or it cannot be read; calls it `what`.
    """
    failed = f"cannot read {what}{plain(str(path))}"
    try:
        if not _is_regular(path):
            raise UsageError(f"{failed}: it is no file")
        with path.open("rb") as file:
            yield file
    except OSError as error:
        raise UsageError(f"{failed}: {error.strerror}") from None


def _is_regular(path: Path) -> bool:
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except ValueError:  # A name with a zero byte or half a character in it.
        return False


def readable(error: Exception) -> str:
    """Puts a decoding error into words for people: what is wrong, and with which key."""
    if isinstance(error, UnicodeDecodeError):
        return f"{'GB18030 (GBK) text' if _is_gbk(error.object) else 'not UTF-8 text'}; save the file as UTF-8"
    if isinstance(error, RecursionError):
        return "broken JSON (too many levels)"
    if not isinstance(error, msgspec.ValidationError):
        return f"broken JSON ({error})"
    text = re.sub(r" - at `\$\.?([^`]*)`", lambda m: f" in `{m[1]}`" if m[1] else "", str(error))
    text = re.sub(r"Object missing required field (`.*?`)", r"the key \1 is missing", text)
    return re.sub(r"Object contains unknown field (`.*`)", r"unknown key \1", text, flags=re.DOTALL)


def _is_gbk(data: bytes) -> bool:
    """True of bytes that read as Chinese in GB18030; a damaged UTF-8 text reads better as what it is."""
    as_gbk, as_utf_8 = (data.decode(name, errors="ignore") for name in ("gb18030", "utf-8"))
    return len(_CHINESE.findall(as_gbk)) > 4 * len(_CHINESE.findall(as_utf_8))


def refuse(path: Path, faults: Sequence[str]) -> None:
    """Raises UsageError if there are faults, each beginning with its place: one in one line, more below their count."""
    shown = [f"{path}, {plain(fault)[:400]}" for fault in faults[:SHOWN]]
    if len(faults) > 1:
        shown = [f"{len(faults)} faults in {path}", *shown]
    if len(faults) > SHOWN:
        shown.append(f"… and {len(faults) - SHOWN} more")
    if faults:
        raise UsageError("\n".join(shown))
