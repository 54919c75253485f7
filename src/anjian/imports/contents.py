"""Opens result files: JSON, or the header in the zip archive of an `.eval` log. Files may be hostile or cut short."""

import io
import json
import struct
import zlib
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile, ZipInfo

from anjian.errors import UsageError
from anjian.imports.numbers import FORMS, BrokenFileError, UnknownFormError
from anjian.installing import install

MOST_JSON = 128 * 2**20
"""Bytes of a JSON file; decoded it takes several times that."""
MOST_HEADER = 32 * 2**20
"""Bytes of a header once unpacked; real ones have some kilobytes."""
_ZIP = b"PK\x03\x04"
_HEADERS = ("header.json", "_journal/start.json")
"""The header, and what a log has of it while the run goes on."""
_ZSTANDARD = 93
_LOCAL_HEADER = struct.Struct("<4s22xHH")
_STEP = 2**20


def contents(path: Path) -> dict[str, Any]:
    """Reads the JSON object of a result file.

    Raises:
        UnknownFormError: The file is readable and no JSON object.
        BrokenFileError: The file is no JSON or is cut short.
        UsageError: The file cannot be read, is too large, or needs a library that is missing.
    """
    try:
        with path.open("rb") as file:
            start = file.read(len(_ZIP))
            if start == _ZIP:
                return _decoded(path, _header(path))
            data = start + file.read(MOST_JSON + 1)
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror or error}") from None
    if len(data) > MOST_JSON:
        mend = "a log of Inspect AI becomes small with `inspect log convert --to eval`"
        raise UsageError(f"{path} is larger than {MOST_JSON // 2**20} MiB; {mend}")
    return _decoded(path, data)


def _decoded(path: Path, data: bytes) -> dict[str, Any]:
    try:
        # The standard library's decoder: the harnesses write NaN and Infinity, which strict JSON does not have.
        content = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise BrokenFileError(
            f"{path} is no whole JSON file ({str(error)[:80] or 'nested too deeply'}); read are {FORMS}"
        ) from None
    if not isinstance(content, dict):
        raise UnknownFormError(f"{path} holds a JSON {type(content).__name__}, no object; read are {FORMS}")
    return content


def _header(path: Path) -> bytes:
    try:
        with ZipFile(path) as archive:
            info = next((archive.getinfo(name) for name in _HEADERS if name in archive.NameToInfo), None)
            if info is None:
                raise UnknownFormError(f"{path} is a zip archive without {_HEADERS[0]}; read are {FORMS}")
            if info.file_size > MOST_HEADER:
                raise _too_large(path)
            if info.compress_type == _ZSTANDARD:
                return _zstandard(path, info)
            with archive.open(info) as member:
                data = member.read(MOST_HEADER + 1)
    except (BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError, struct.error) as error:
        raise BrokenFileError(f"{path} is no whole archive ({str(error)[:80]}); read are {FORMS}") from None
    if len(data) > MOST_HEADER:
        raise _too_large(path)
    return data


def _zstandard(path: Path, info: ZipInfo) -> bytes:
    """Unpacks a member that zipfile cannot: newer versions of Inspect AI compress with Zstandard."""
    try:
        import zstandard
    except ImportError:
        mend = f"{install('inspect')}, or write it as JSON with `inspect log convert --to json`"
        raise UsageError(f"{path} is compressed with Zstandard; {mend}") from None
    with path.open("rb") as file:
        file.seek(info.header_offset)
        magic, name, extra = _LOCAL_HEADER.unpack(file.read(_LOCAL_HEADER.size))
        if magic != _ZIP:
            raise BadZipFile("no member where the directory says")
        file.seek(name + extra, io.SEEK_CUR)
        packed = file.read(min(info.compress_size, MOST_HEADER))
    data = bytearray()
    try:
        reader = zstandard.ZstdDecompressor().stream_reader(packed, read_across_frames=True)
        while len(data) <= MOST_HEADER and (part := reader.read(_STEP)):
            data += part
    except zstandard.ZstdError as error:
        raise BadZipFile(str(error)) from None
    if len(data) > MOST_HEADER:
        raise _too_large(path)
    if zlib.crc32(data) != info.CRC:
        raise BadZipFile("the checksum is wrong")
    return bytes(data)


def _too_large(path: Path) -> UsageError:
    return UsageError(f"{path}: its header is larger than {MOST_HEADER // 2**20} MiB unpacked; no log is like that")
