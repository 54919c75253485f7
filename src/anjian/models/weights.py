"""Tells one checkpoint from another under the same name, so that replies of one are never taken for the other's."""

import hashlib
from pathlib import Path

from anjian.errors import UsageError
from anjian.models.access import Access, adapted
from anjian.models.spec import parse

SAMPLE = 1 << 16
SAMPLES = 16
"""Pieces read of each file of weights; a training step changes all of them."""
_DECIDING = (".json", ".jinja", ".model", ".txt")


def fingerprint(name: str, access: Access | None = None) -> str:
    """A short hash of what decides the replies of a local checkpoint; empty for models elsewhere.

    It covers configuration, tokenizer and templates in full, and of the weights names, sizes and even samples: hashing
    a large checkpoint in full would take minutes. An adapter and a template of the user's own count too, if `access`
    puts them on this model.

    Raises:
        UsageError: A file cannot be read.
    """
    spec = parse(name)
    spec, access = adapted(spec, (access or Access()).fitting(spec))
    digest = hashlib.sha256()
    folders = [folder for folder in (spec.folder, access.lora) if folder]
    try:
        for file in (file for folder in folders for file in sorted(folder.iterdir())):
            _add(digest, file)
        if access.chat_template:
            digest.update(b"chat template" + access.chat_template.read_bytes())
    except OSError as error:
        raise UsageError(f"cannot read the model: {error.filename}: {error.strerror}") from None
    return digest.hexdigest()[:16] if folders or access.chat_template else ""


def _add(digest: "hashlib._Hash", file: Path) -> None:
    if file.suffix == ".safetensors":
        size = file.stat().st_size
        digest.update(f"{file.name} {size}".encode())
        with file.open("rb") as weights:
            for piece in range(SAMPLES):
                weights.seek(piece * max(0, size - SAMPLE) // (SAMPLES - 1))
                digest.update(weights.read(SAMPLE))
    elif file.suffix in _DECIDING and file.is_file():
        digest.update(file.name.encode() + file.read_bytes())
