"""One training process: what `anjian enhance` runs itself, or `accelerate launch` starts several times.

python -m anjian.enhance.training.worker DIR/train/job.json
"""

import contextlib
import errno
import os
import sys
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from anjian.enhance.recipe import TrainPlan
from anjian.enhance.training.progress import LossLog
from anjian.enhance.training.tokens import layout, lengths
from anjian.errors import AnjianError, UsageError
from anjian.text import one_line

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EIO)
DISK = ("No space left", "File too large", "PytorchStreamWriter", "iostream error", "unexpected pos")

CPU_PADDING = 32
"""Rows are padded to a multiple of so many tokens where there is no GPU."""


class Job(msgspec.Struct, frozen=True):
    """What one process needs to know.

    Attributes:
        checkpoint: The model to train, a folder or hub ID.
        plan: How.
        tokens: The data set, see `tokens.tokenize`.
        out: The stage's folder: `checkpoints/`, `model/`, `log.jsonl`, `result.json`.
        resume: A checkpoint to go on from.
    """

    checkpoint: str
    plan: TrainPlan
    tokens: str
    out: str
    resume: str | None = None


def set_environment() -> None:
    """Sets what the libraries read when they are imported."""
    # TRL reports every training to its makers unless told not to.
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
    # Threads that wait by spinning take the processor from those that are waited for, where others use it too.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def train(job: Job) -> None:
    """Trains, and writes the model and then the result.

    Raises:
        UsageError: The batch does not go into the processes; several GPUs and one process.
        AnjianError: The model cannot be loaded, the memory or the disk does not suffice.
    """
    set_environment()
    warnings.filterwarnings("ignore", category=FutureWarning)
    import datasets
    import torch
    import transformers

    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    plan, out = job.plan, Path(job.out)
    world = int(os.environ.get("WORLD_SIZE", "1"))
    gpu = torch.cuda.is_available()
    if world == 1 and torch.cuda.device_count() > 1:
        raise UsageError(
            f"{torch.cuda.device_count()} GPUs are visible to one process: train on all of them with "
            "--accelerate-config fsdp, or on one with CUDA_VISIBLE_DEVICES=0"
        )
    data: Any = datasets.load_from_disk(job.tokens)
    if not plan.packing:
        data = data.select(layout(lengths(data), plan.batch, plan.epochs, plan.seed))
    settings = _settings(plan, out, world, gpu)
    log = LossLog(out / "log.jsonl")
    with _worded(out):
        trainer = _trainer(job, settings, data, log, torch.bfloat16 if gpu and plan.lora_rank else torch.float32)
        trainer.train(resume_from_checkpoint=job.resume)
        if trainer.is_fsdp_enabled:
            # While training each process saves its part; the model at the end is one.
            trainer.accelerator.state.fsdp_plugin.set_state_dict_type("FULL_STATE_DICT")
        trainer.save_model(str(out / "model"))
    if trainer.is_world_process_zero():
        log.finish(out / "result.json", {"processes": world, "device": str(trainer.args.device.type)})
    if world > 1:
        # Whoever leaves without a word lets the others die in their connections.
        trainer.accelerator.wait_for_everyone()
        trainer.accelerator.end_training()


@contextlib.contextmanager
def _worded(out: Path) -> Iterator[None]:
    """Turns what users can mend into one line: too little memory, a full disk."""
    import torch
    from safetensors import SafetensorError

    try:
        yield
    except torch.OutOfMemoryError:
        mend = "lower per_device or max_length, or set lora_rank, in a new recipe and --out"
        raise AnjianError(f"the GPU's memory does not suffice; {mend}, or train on more GPUs") from None
    except (OSError, RuntimeError, SafetensorError) as error:
        # Writers of checkpoints word a full disk in many ways, and seldom as the system does.
        text = one_line(str(error))
        if getattr(error, "errno", None) in FULL or any(word in text for word in DISK):
            mend = "free some space and run the same command again: it goes on from the last checkpoint"
            raise AnjianError(f"cannot write {out}: {text}; {mend}") from None
        raise


def _settings(plan: TrainPlan, out: Path, world: int, gpu: bool) -> dict[str, Any]:
    """Arguments of SFTConfig and DPOConfig alike."""
    import torch

    per_device = plan.per_device or max(1, plan.batch // world)
    if plan.batch % (per_device * world):
        raise UsageError(
            f"[train] batch = {plan.batch} does not divide into {world} processes with per_device = {per_device}; "
            "change batch or per_device in the recipe"
        )
    return {
        "output_dir": str(out / "checkpoints"),
        "per_device_train_batch_size": per_device,
        "gradient_accumulation_steps": plan.batch // (per_device * world),
        # Without packing the epochs are in the layout already.
        "num_train_epochs": plan.epochs if plan.packing else 1,
        "train_sampling_strategy": "random" if plan.packing else "sequential",
        "max_length": plan.max_length if plan.packing else None,
        "learning_rate": plan.learning_rate,
        "lr_scheduler_type": "cosine",
        "warmup_steps": plan.warmup,
        "weight_decay": plan.weight_decay,
        "optim": "adamw_torch_fused",
        # TRL turns both on everywhere. Without a GPU memory is seldom what is short, and most CPUs emulate bfloat16.
        "gradient_checkpointing": gpu if plan.gradient_checkpointing is None else plan.gradient_checkpointing,
        "bf16": plan.bf16 if plan.bf16 is not None else gpu or bool(torch.cpu._is_avx512_bf16_supported()),
        "use_cpu": not gpu,
        # On a CPU every other shape keeps kernels and memory of its own: gigabytes after some hundred steps.
        "pad_to_multiple_of": None if gpu else CPU_PADDING,
        "logging_steps": 1,
        "save_steps": plan.save_steps,
        "save_total_limit": 2,
        "seed": plan.seed,
        "include_num_input_tokens_seen": "non_padding",
        "disable_tqdm": True,
        "report_to": "none",
        "dataloader_pin_memory": gpu,
    }


def _trainer(job: Job, settings: dict[str, Any], data: Any, log: LossLog, dtype: Any) -> Any:
    from transformers import AutoTokenizer, PrinterCallback, set_seed

    plan = job.plan
    set_seed(plan.seed)
    # Made first: with ZeRO-3 the settings decide how the weights are loaded.
    make = (_sft if plan.method == "sft" else _dpo)(plan, settings)
    model = load_model(job.checkpoint, dtype, plan.attention)
    tokenizer: Any = AutoTokenizer.from_pretrained(job.checkpoint)
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    trainer = make(
        model=model,
        train_dataset=data,
        processing_class=tokenizer,
        peft_config=_lora(plan) if plan.lora_rank else None,
        callbacks=[log.callback()],
    )
    trainer.remove_callback(PrinterCallback)
    return trainer


def load_model(checkpoint: str, dtype: Any, attention: str = "sdpa") -> Any:
    """Loads the weights, from safetensors only; raises AnjianError in one line."""
    from transformers import AutoModelForCausalLM

    try:
        return AutoModelForCausalLM.from_pretrained(
            checkpoint, dtype=dtype, attn_implementation=attention, use_safetensors=True
        )
    except Exception as error:  # Broken checkpoints raise nearly anything.
        raise AnjianError(f"cannot load {checkpoint}: {one_line(str(error))}") from None


def _sft(plan: TrainPlan, settings: dict[str, Any]) -> Callable[..., Any]:
    import trl

    return partial(trl.SFTTrainer, args=trl.SFTConfig(**settings, packing=plan.packing))


def _dpo(plan: TrainPlan, settings: dict[str, Any]) -> Callable[..., Any]:
    import trl

    # The data are tokens already, checked example by example; TRL would render them again.
    kept = {"_prepare_dataset": lambda self, dataset, *_: dataset}
    trainer: Callable[..., Any] = type("TokensDPOTrainer", (trl.DPOTrainer,), kept)
    return partial(trainer, args=trl.DPOConfig(**settings, beta=plan.beta))


def _lora(plan: TrainPlan) -> Any:
    from peft import LoraConfig

    return LoraConfig(r=plan.lora_rank, lora_alpha=plan.lora_alpha, target_modules="all-linear", task_type="CAUSAL_LM")


if __name__ == "__main__":
    try:
        train(msgspec.json.decode(Path(sys.argv[1]).read_bytes(), type=Job))
    except AnjianError as error:
        sys.stderr.write(f"anjian: {error}\n")
        sys.exit(error.exit_code)
