"""Measures tokens per second of the default recipe against plain TRL with its defaults, on the same data, in one go.

    python bench/training.py                 # tiny/distill, a few minutes on a CPU: TRL's defaults are slow there
    python bench/training.py --steps 10

Both sides train the same model on the same examples and batches, one after the other, each in a process of its own. The
first step is left out. Plain TRL runs as it comes (bf16, gradient checkpointing), then without checkpointing.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from importlib import import_module
from pathlib import Path
from typing import Any

RECIPE = """
[data]
examples = {examples}
writers = {{ general = "builtin", reasoning = "builtin" }}
[train]
epochs = 1
batch = {batch}
"""


def plain(folder: Path, model: str, batch: int, checkpointing: bool) -> float:
    """Plain TRL: its trainer, its defaults, the same messages with the same training template; tokens/s."""
    datasets: Any = import_module("datasets")
    trl: Any = import_module("trl")
    import torch
    from transformers import AutoTokenizer, TrainerCallback

    from anjian.enhance.template import training_template

    rows = [json.loads(line)["messages"] for line in (folder / "data" / "train.jsonl").open(encoding="utf-8")]
    tokenizer: Any = AutoTokenizer.from_pretrained(model)
    tokenizer.chat_template = training_template(tokenizer, None)
    seen: list[tuple[float, float]] = []

    class Clock(TrainerCallback):
        def on_log(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            if "num_tokens" in state.log_history[-1]:
                seen.append((time.monotonic(), state.log_history[-1]["num_tokens"]))

    options: dict[str, Any] = {} if checkpointing else {"gradient_checkpointing": False}
    config = trl.SFTConfig(
        output_dir=str(folder / "plain"),
        per_device_train_batch_size=batch,
        num_train_epochs=1,
        assistant_only_loss=True,
        logging_steps=1,
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
        # Without a GPU TRL refuses its own default, bf16, unless told this.
        use_cpu=not torch.cuda.is_available(),
        **options,
    )
    trl.SFTTrainer(
        model=model,
        args=config,
        train_dataset=datasets.Dataset.from_list([{"messages": messages} for messages in rows]),
        processing_class=tokenizer,
        callbacks=[Clock()],
    ).train()
    (first, before), (last, after) = seen[0], seen[-2]
    return (after - before) / (last - first)


def ours(folder: Path) -> float:
    """`anjian enhance --stage train` on the same data; tokens/s."""
    enhance(folder, "train")
    result: dict[str, Any] = json.loads((folder / "train" / "result.json").read_text())
    return float(result["tokens_per_second"])


def enhance(folder: Path, stage: str) -> None:
    """Runs one stage of the command."""
    command = [sys.executable, "-m", "anjian", "enhance", "tiny/distill", "--stage", stage]
    command += ["--recipe", str(folder.with_suffix(".toml")), "--out", str(folder)]
    subprocess.run(command, check=True)


def apart(folder: Path, model: str, batch: int, checkpointing: bool) -> float:
    """Plain TRL in a process of its own."""
    command = [sys.executable, __file__, "--plain", str(folder), "--model", model, "--batch", str(batch)]
    command += ["--checkpointing"] if checkpointing else []
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return float(done.stdout.splitlines()[-1])


def main() -> None:
    """Prints the figures and the ratios."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--steps", type=int, default=20, help="steps of each side")
    options.add_argument("--batch", type=int, default=8, help="examples of a step")
    options.add_argument("--model", help=argparse.SUPPRESS)
    options.add_argument("--plain", type=Path, help=argparse.SUPPRESS)
    options.add_argument("--checkpointing", action="store_true", help=argparse.SUPPRESS)
    chosen = options.parse_args()
    if chosen.plain:
        print(plain(chosen.plain, chosen.model, chosen.batch, chosen.checkpointing))
        return
    from anjian.enhance.checkpoint import resolve

    model = resolve("tiny/distill").path
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "out"
        folder.with_suffix(".toml").write_text(RECIPE.format(examples=chosen.steps * chosen.batch, batch=chosen.batch))
        enhance(folder, "data")
        mine = ours(folder)
        print(f"ours                          {mine:8.0f} tokens/s")
        for name, checkpointing in (("TRL, its defaults", True), ("TRL, without checkpointing", False)):
            other = apart(folder, model, chosen.batch, checkpointing)
            print(f"{name:29} {other:8.0f} tokens/s   ours / TRL: {mine / other:.2f} (at least 1)", flush=True)


if __name__ == "__main__":
    main()
