"""The training stage: tokens checked and laid out, then one process here or several under `accelerate launch`."""

import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console

from anjian.enhance.checkpoint import load_tokenizer
from anjian.enhance.data import CARD, PAIRS, TRAIN
from anjian.enhance.recipe import TrainPlan
from anjian.enhance.tokens import decoded, tokenize
from anjian.errors import AnjianError, UsageError
from anjian.runs.folder import replace, writing

RESULT = "result.json"
NEEDED = ("torch", "transformers", "trl", "datasets", "accelerate", "peft")


def need_libraries() -> None:
    """Raises UsageError if a library of training is missing."""
    if missing := [name for name in NEEDED if find_spec(name) is None]:
        raise UsageError(f'training needs more packages ({", ".join(missing)}): pip install "anjian[train]"')


def train_model(
    checkpoint: str, plan: TrainPlan, data: Path, folder: Path, accelerate_config: Path | None, console: Console
) -> dict[str, Any]:
    """Trains in `folder` and returns the result; goes on from the last whole checkpoint if there is one.

    Raises:
        UsageError: The data are not there, or would not be trained as they should.
        AnjianError: A training process failed.
    """
    from anjian.enhance.worker import Job, train

    if not (data / CARD).exists():
        raise UsageError(f"{data} holds no finished data; run --stage data first")
    if accelerate_config and not accelerate_config.is_file():
        raise UsageError(f"--accelerate-config {accelerate_config}: there is no such file; see recipes/accelerate")
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    tokens = folder / "tokens"
    counted = folder / "tokens.json"
    if not counted.exists():
        file = data / (PAIRS if plan.method == "dpo" else TRAIN)
        counts = tokenize(load_tokenizer(checkpoint), plan, file, tokens)
        replace(counted, msgspec.json.encode(counts))
    counts = decoded(counted)
    resume = last_checkpoint(folder / "checkpoints")
    _announce(counts, resume, console)
    job = Job(checkpoint, plan, str(tokens), str(folder), str(resume) if resume else None)
    if accelerate_config is None:
        train(job)
    else:
        _launch(job, folder, accelerate_config)
    # The model is saved; what served to resume is not needed any more.
    shutil.rmtree(folder / "checkpoints", ignore_errors=True)
    return decoded(folder / RESULT)


def last_checkpoint(folder: Path) -> Path | None:
    """The newest checkpoint that was written whole; others are removed: the trainer writes its state last."""
    whole: dict[int, Path] = {}
    for path in folder.glob("checkpoint-*"):
        if (path / "trainer_state.json").exists():
            whole[int(path.name.rpartition("-")[2])] = path
        else:
            shutil.rmtree(path)
    return whole[max(whole)] if whole else None


def _announce(counts: dict[str, Any], resume: Path | None, console: Console) -> None:
    said = [f"{counts['examples']} examples, each checked: the reasoning is trained, the prompt is a prefix"]
    if counts["too_long"]:
        said.append(f"{counts['too_long']} left out as longer than max_length")
    if resume:
        said.append(f"goes on after step {resume.name.rpartition('-')[2]}")
    console.print("; ".join(said), markup=False, highlight=False, soft_wrap=True)


def _launch(job: Any, folder: Path, config: Path) -> None:
    path = folder / "job.json"
    replace(path, msgspec.json.encode(job))
    command = [sys.executable, "-m", "accelerate.commands.launch", "--config_file", str(config)]
    command += ["--module", "anjian.enhance.worker", str(path)]
    environment = os.environ | {"HF_HUB_DISABLE_TELEMETRY": "1"}
    with (folder / "accelerate.log").open("ab") as log:
        process = subprocess.Popen(command, env=environment, stdout=log)  # noqa: S603  (our own module, an argument list)
        try:
            code = process.wait()
        finally:
            process.terminate()
    if code:
        raise AnjianError(
            f"a training process ended with exit code {code}; see its last lines and {log.name}, then run again"
        )
