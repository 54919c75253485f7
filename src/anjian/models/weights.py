"""Tells one checkpoint from another under the same name, so that replies of one are never taken for the other's."""

import hashlib
from importlib.resources import files
from pathlib import Path

from anjian.errors import UsageError
from anjian.models.resolve import LAUNCHED, TINY

SAMPLE = 1 << 16
SAMPLES = 16
"""Pieces read of each file of weights; a training step changes all of them."""
_DECIDING = (".json", ".jinja", ".model", ".txt")


def local_folder(spec: str) -> Path | None:
    """The folder of a model that lies on this machine, None for all others."""
    provider, _, rest = spec.partition("/")
    if provider == "tiny" and rest in TINY:
        return Path(str(files("anjian.models").joinpath("tiny", rest)))
    folder = Path(rest).expanduser() if provider in ("hf", *LAUNCHED) else None
    return folder if folder and folder.is_dir() else None


def fingerprint(spec: str) -> str:
    """A short hash of what decides the replies of a local checkpoint; empty for models elsewhere.

    It covers configuration, tokenizer and templates in full, and of the weights names, sizes and even samples: hashing
    a large checkpoint in full would take minutes.

    Raises:
        UsageError: A file cannot be read.
    """
    folder = local_folder(spec)
    if folder is None:
        return ""
    digest = hashlib.sha256()
    try:
        for file in sorted(folder.iterdir()):
            if file.suffix in _DECIDING and file.is_file():
                digest.update(file.name.encode() + file.read_bytes())
            elif file.suffix == ".safetensors":
                size = file.stat().st_size
                digest.update(f"{file.name} {size}".encode())
                with file.open("rb") as weights:
                    for piece in range(SAMPLES):
                        weights.seek(piece * max(0, size - SAMPLE) // (SAMPLES - 1))
                        digest.update(weights.read(SAMPLE))
    except OSError as error:
        raise UsageError(f"cannot read the model {folder}: {error.strerror}") from None
    return digest.hexdigest()[:16]
