"""The loss curve of a training run: saved step by step, shown while it runs."""

import time
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console

from anjian.runs.folder import replace
from anjian.runs.progress import PLAIN_SECONDS

BARS = "▁▂▃▄▅▆▇█"
TOKENS = "num_input_tokens_seen"
KEPT = ("loss", "learning_rate", "grad_norm", TOKENS, "tokens_per_second", "seconds", "rewards/accuracies")


class LossLog:
    """Writes `log.jsonl`, one line a step, and a line on the terminal now and then.

    The file is written from the trainer's own history, which its checkpoints hold: a resumed run goes on where the
    checkpoint was made, with no step missing and none twice.
    """

    def __init__(self, path: Path) -> None:
        """Starts the clock."""
        self.history: list[dict[str, Any]] = []
        self._path = path
        self._console = Console(stderr=True)
        self._started = self._shown = time.monotonic()
        self._first_tokens: float | None = None

    def callback(self) -> Any:
        """The trainer's callback that keeps the log."""
        from transformers import TrainerCallback

        log = self

        class Keep(TrainerCallback):
            def on_log(self, args: Any, state: Any, control: Any, **_: Any) -> None:
                if state.is_world_process_zero:
                    log.keep(state)

        return Keep()

    def _time(self, last: dict[str, Any]) -> None:
        """Adds the seconds and the tokens per second of this session to what was logged last."""
        if self._first_tokens is None:
            # The first step also allocates and reads; it is left out of the rate.
            self._first_tokens, self._started = last.get(TOKENS, 0), time.monotonic()
            return
        seconds = time.monotonic() - self._started
        rate = (last.get(TOKENS, 0) - self._first_tokens) / seconds
        last |= {"seconds": round(seconds, 2), "tokens_per_second": round(rate, 1)}

    def keep(self, state: Any) -> None:
        """Saves the history; shows the newest step if it is time."""
        if "loss" in state.log_history[-1]:
            self._time(state.log_history[-1])
        lines = [line for line in state.log_history if "loss" in line]
        self.history = [{"step": line["step"]} | {key: line[key] for key in KEPT if key in line} for line in lines]
        replace(self._path, b"".join(msgspec.json.encode(line) + b"\n" for line in self.history))
        now = time.monotonic()
        ended = state.global_step == state.max_steps and "loss" in state.log_history[-1]
        if self.history and (ended or now - self._shown > PLAIN_SECONDS):
            self._shown = now
            self._console.print(_state(self.history, state.max_steps), markup=False, highlight=False, soft_wrap=True)

    def finish(self, path: Path, about: dict[str, Any]) -> None:
        """Writes the result, which says that the stage is complete."""
        last = self.history[-1]
        result = about | {
            "steps": last["step"],
            "loss": last["loss"],
            "tokens": last.get(TOKENS, 0),
            "tokens_per_second": last.get("tokens_per_second", 0),
            "curve": curve([line["loss"] for line in self.history]),
        }
        replace(path, msgspec.json.format(msgspec.json.encode(result), indent=1) + b"\n")


def _state(history: list[dict[str, Any]], steps: int) -> str:
    last = history[-1]
    parts = [f"step {last['step']}/{steps}", f"loss {last['loss']:.4f}"]
    if rate := last.get("tokens_per_second"):
        parts.append(f"{rate:,.0f} tokens/s")
    if last["step"] < steps and (seconds := last.get("seconds")):
        done = max(1, sum("seconds" in line for line in history))
        parts.append(f"{(steps - last['step']) * seconds / done:.0f} s left")
    return f"{', '.join(parts)}  {curve([line['loss'] for line in history])}"


def curve(losses: list[float], width: int = 40) -> str:
    """Draws losses as bars, the highest full.

    >>> curve([4.0, 2.0, 1.0, 0.0])
    '█▄▂▁'
    """
    size = max(1, -(-len(losses) // width))
    means = [sum(part) / len(part) for part in (losses[n : n + size] for n in range(0, len(losses), size))]
    highest = max(means, default=0.0) or 1.0
    return "".join(BARS[max(0, min(len(BARS), round(mean / highest * len(BARS))) - 1)] for mean in means)
