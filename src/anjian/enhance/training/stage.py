"""The training stage: tokens checked and laid out, then one process here or several under `accelerate launch`."""

import os
import shutil
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console

from anjian.enhance.checkpoint import load_tokenizer
from anjian.enhance.data.stage import CARD, PAIRS, TRAIN
from anjian.enhance.recipe import TrainPlan
from anjian.enhance.training.tokens import decoded, tokenize
from anjian.errors import AnjianError, UsageError
from anjian.files import replace, writing
from anjian.installing import install
from anjian.text import one_line

RESULT = "result.json"
NEEDED = ("torch", "transformers", "trl", "datasets", "accelerate", "peft")


def need_libraries() -> None:
    """Raises UsageError if a library of training is missing."""
    if missing := [name for name in NEEDED if find_spec(name) is None]:
        raise UsageError(f"training needs more packages ({', '.join(missing)}): {install('train')}")


def train_model(
    checkpoint: str, plan: TrainPlan, data: Path, folder: Path, accelerate_config: Path | None, console: Console
) -> dict[str, Any]:
    """Trains in `folder` and returns the result; goes on from the last whole checkpoint if there is one.

    Raises:
        UsageError: The data are not there, or would not be trained as they should.
        AnjianError: A training process failed.
    """
    from anjian.enhance.training.worker import Job, train

    if not (data / CARD).exists():
        raise UsageError(f"{data} holds no finished data; run --stage data first")
    need_attention(plan)
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    rank = machine_rank(accelerate_config)
    tokens, counted = folder / "tokens", folder / "tokens.json"
    if rank == 0 and not counted.exists():
        file = data / (PAIRS if plan.method == "dpo" else TRAIN)
        counts = tokenize(load_tokenizer(checkpoint), plan, file, tokens)
        replace(counted, msgspec.json.encode(counts))
    while not counted.exists():  # The first machine writes it to the folder that all share.
        time.sleep(1)
    counts = decoded(counted)
    resume = last_checkpoint(folder / "checkpoints", clear=rank == 0)
    _announce(counts, resume, console)
    job = Job(checkpoint, plan, str(tokens), str(folder), str(resume) if resume else None)
    if accelerate_config is None:
        train(job)
    else:
        _launch(job, folder, accelerate_config, rank)
    if rank == 0:
        # The model is saved; what served to resume is not needed any more.
        shutil.rmtree(folder / "checkpoints", ignore_errors=True)
    return decoded(folder / RESULT)


def need_attention(plan: TrainPlan) -> None:
    """Raises UsageError if the recipe's attention is not installed; better before the data are made than after."""
    if not plan.attention.startswith("flash_attention"):
        return
    from transformers import utils

    at_hand = {
        "flash_attention_2": utils.is_flash_attn_2_available,
        "flash_attention_3": utils.is_flash_attn_3_available,
    }
    if plan.attention not in at_hand or not (at_hand[plan.attention]() or utils.is_kernels_available()):
        raise UsageError(
            f"the recipe wants attention = {plan.attention!r}, which is not installed here: pip install kernels (or "
            "flash-attn) on a machine with a GPU, or set attention = 'sdpa' in [train]"
        )


def machine_rank(accelerate_config: Path | None) -> int:
    """Which of several machines this is, from 0, as the configuration of accelerate says.

    Raises:
        UsageError: The configuration cannot be read.
    """
    if accelerate_config is None:
        return 0
    from accelerate.commands.config.config_args import load_config_from_file

    try:
        return int(load_config_from_file(str(accelerate_config)).machine_rank)
    except Exception as error:  # YAML and accelerate complain in many ways.
        raise UsageError(f"--accelerate-config {accelerate_config}: {one_line(str(error))}") from None


def last_checkpoint(folder: Path, clear: bool = True) -> Path | None:
    """The newest checkpoint that was written whole; `clear` removes others. The trainer writes its state last."""
    whole: dict[int, Path] = {}
    for path in folder.glob("checkpoint-*"):
        if (path / "trainer_state.json").exists():
            whole[int(path.name.rpartition("-")[2])] = path
        elif clear:
            shutil.rmtree(path)
    return whole[max(whole)] if whole else None


def _announce(counts: dict[str, Any], resume: Path | None, console: Console) -> None:
    said = [f"{counts['examples']} examples, each checked: the reasoning is trained, the prompt is a prefix"]
    if counts["too_long"]:
        said.append(f"{counts['too_long']} left out as longer than max_length")
    if resume:
        said.append(f"goes on after step {resume.name.rpartition('-')[2]}")
    console.print("; ".join(said), markup=False, highlight=False, soft_wrap=True)


def _launch(job: Any, folder: Path, config: Path, rank: int) -> None:
    path = folder / f"job-{rank}.json"
    replace(path, msgspec.json.encode(job))
    command = [sys.executable, "-m", "accelerate.commands.launch", "--config_file", str(config)]
    command += ["--module", "anjian.enhance.training.worker", str(path)]
    # Training asks no provider: their keys stay here.
    kept = {name: value for name, value in os.environ.items() if not name.endswith("_API_KEY")}
    with (folder / f"accelerate-{rank}.log").open("ab") as log:
        process = subprocess.Popen(command, env=kept, stdout=log)  # noqa: S603  (our own module, an argument list)
        try:
            code = process.wait()
        except BaseException:  # Ctrl-C: the launcher ends its processes, and then itself.
            process.terminate()
            process.wait()
            raise
    if code:
        raise AnjianError(
            f"a training process ended with exit code {code}; see its last lines and {log.name}, then run again"
        )
