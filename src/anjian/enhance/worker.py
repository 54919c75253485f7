"""One training process: what `anjian enhance` runs itself, or `accelerate launch` starts several times.

python -m anjian.enhance.worker DIR/train/job.json
"""

import os
import sys
import warnings
from collections.abc import Callable
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import msgspec

from anjian.enhance.progress import LossLog
from anjian.enhance.recipe import TrainPlan
from anjian.enhance.tokens import layout
from anjian.errors import AnjianError, UsageError
from anjian.models.wire import one_line

SMALL = 20_000_000
"""Parameters under which several threads lose more to waiting for each other than they win."""


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


def train(job: Job) -> None:
    """Trains, and writes the model and then the result.

    Raises:
        UsageError: The batch does not go into the processes.
        AnjianError: The model cannot be loaded.
    """
    # TRL reports every training to its makers unless told not to, before the hub's library is imported.
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
    warnings.filterwarnings("ignore", category=FutureWarning)
    import torch

    transformers: Any = import_module("transformers")
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    gpu = torch.cuda.is_available()
    # Other processors emulate bfloat16, slowly.
    half = gpu or bool(torch.cpu._is_avx512_bf16_supported())
    data: Any = import_module("datasets").load_from_disk(job.tokens)
    plan, out = job.plan, Path(job.out)
    world = int(os.environ.get("WORLD_SIZE", "1"))
    if not plan.packing:
        data = data.select(layout(_lengths(data), plan.batch, plan.epochs, plan.seed))
    settings = _settings(plan, out, world, gpu) | {"bf16": half}
    log = LossLog(out / "log.jsonl")
    trainer = _trainer(job, settings, data, log, torch.bfloat16 if gpu and plan.lora_rank else torch.float32)
    trainer.train(resume_from_checkpoint=job.resume)
    if trainer.is_fsdp_enabled:
        trainer.accelerator.state.fsdp_plugin.set_state_dict_type("FULL_STATE_DICT")
    trainer.save_model(str(out / "model"))
    if trainer.is_world_process_zero():
        log.finish(out / "result.json", {"processes": world, "device": str(trainer.args.device.type)})


def _lengths(data: Any) -> list[int]:
    if "input_ids" in data.column_names:
        return [len(ids) for ids in data["input_ids"]]
    parts = zip(data["prompt_ids"], data["chosen_ids"], data["rejected_ids"], strict=True)
    return [2 * len(prompt) + len(chosen) + len(rejected) for prompt, chosen, rejected in parts]


def _settings(plan: TrainPlan, out: Path, world: int, gpu: bool) -> dict[str, Any]:
    """Arguments of SFTConfig and DPOConfig alike."""
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
        # TRL turns it on by default; without a GPU, memory is seldom what is short.
        "gradient_checkpointing": gpu,
        "use_cpu": not gpu,
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
    import torch
    from transformers import AutoTokenizer, PrinterCallback, set_seed

    plan = job.plan
    set_seed(plan.seed)
    # Made first: with ZeRO-3 the settings decide how the weights are loaded.
    make = (_sft if plan.method == "sft" else _dpo)(plan, settings)
    model = load_model(job.checkpoint, dtype, plan.attention)
    if settings["use_cpu"] and model.num_parameters() < SMALL:
        torch.set_num_threads(1)
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
    trl: Any = import_module("trl")
    return partial(trl.SFTTrainer, args=trl.SFTConfig(**settings, packing=plan.packing))


def _dpo(plan: TrainPlan, settings: dict[str, Any]) -> Callable[..., Any]:
    trl: Any = import_module("trl")
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
