"""The loss curve of a training run: saved step by step, shown while it runs."""

import time
from pathlib import Path
from typing import Any

import msgspec

from anjian.console import plain_console
from anjian.files import replace
from anjian.runs.progress import PLAIN_SECONDS, duration

SAVE_SECONDS = 2.0
"""The whole log is written anew each time; a step of a small model is shorter than that."""
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
        self._console = plain_console(stderr=True)
        self._started = self._shown = time.monotonic()
        self._first: dict[str, Any] | None = None
        self._saved = 0.0

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
        if self._first is None:
            # The first step also allocates and reads; it is left out of the rate.
            self._first, self._started = dict(last), time.monotonic()
            return
        seconds = time.monotonic() - self._started
        rate = (last.get(TOKENS, 0) - self._first.get(TOKENS, 0)) / seconds
        last |= {"seconds": round(seconds, 2), "tokens_per_second": round(rate, 1)}

    def keep(self, state: Any) -> None:
        """Takes over the history; now and then saves it, and shows the newest step."""
        if "loss" in state.log_history[-1]:
            self._time(state.log_history[-1])
        now, ended = time.monotonic(), state.global_step == state.max_steps
        if ended or now - self._saved > SAVE_SECONDS:
            self._saved = now
            self._save(state)
        if self.history and "loss" in state.log_history[-1] and (ended or now - self._shown > PLAIN_SECONDS):
            self._shown = now
            text = self._state(state.log_history[-1], state.max_steps)
            self._console.print(text, soft_wrap=True)

    def _save(self, state: Any) -> None:
        lines = [line for line in state.log_history if "loss" in line]
        self.history = [{"step": line["step"]} | {key: line[key] for key in KEPT if key in line} for line in lines]
        replace(self._path, b"".join(msgspec.json.encode(line) + b"\n" for line in self.history))

    def _state(self, last: dict[str, Any], steps: int) -> str:
        parts = [f"step {last['step']}/{steps}", f"loss {last['loss']:.4f}"]
        if rate := last.get("tokens_per_second"):
            parts.append(f"{rate:,.0f} tokens/s")
        if self._first and (left := steps - last["step"]) and (done := last["step"] - self._first["step"]):
            parts.append(f"{duration(left * last['seconds'] / done)} left")
        return f"{', '.join(parts)}  {curve([line['loss'] for line in self.history])}"

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


def curve(losses: list[float], width: int = 40) -> str:
    """Draws losses as bars, the highest full.

    >>> curve([4.0, 2.0, 1.0, 0.0])
    '█▄▂▁'
    """
    size = max(1, -(-len(losses) // width))
    means = [sum(part) / len(part) for part in (losses[n : n + size] for n in range(0, len(losses), size))]
    highest = max(means, default=0.0) or 1.0
    return "".join(BARS[max(0, min(len(BARS), round(mean / highest * len(BARS))) - 1)] for mean in means)
