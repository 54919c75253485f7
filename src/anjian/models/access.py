"""How models are to be reached: what a user settles beside a model's name, and to which kinds of model it can apply."""

import re
import shlex
from pathlib import Path
from typing import Any, Literal

import msgspec

from anjian.errors import UsageError
from anjian.models.spec import Kind, Spec
from anjian.text import one_line

Dtype = Literal["auto", "float32", "bfloat16", "float16"]

# The settings of the target alone: where each can apply.
APPLIES: dict[str, tuple[Kind, ...]] = {
    "device": ("hf", "tiny"),
    "dtype": ("hf", "tiny"),
    "batch_size": ("hf", "tiny"),
    "trust_remote_code": ("hf", "launched"),
    "server_args": ("launched",),
    "lora": ("hf", "launched"),
    "chat_template": ("hf", "launched"),
}
WHERE: dict[tuple[Kind, ...], str] = {
    ("hf", "tiny"): "hf/ and tiny/",
    ("hf", "launched"): "hf/, vllm/ and sglang/",
    ("launched",): "vllm/ and sglang/",
}
ADAPTER_CONFIG = "adapter_config.json"
OWN_ARGUMENTS = ("--host", "--port", "--served-model-name", "--model-path", "--model")
"""Arguments of a launched server that are settled here."""


class Access(msgspec.Struct, frozen=True):
    """How models are to be reached; see the options of `anjian eval` with the same names.

    Attributes:
        concurrency: Most requests in flight; None leaves it to the model.
        timeout: Seconds for one attempt.
        prefilled: The server's template opens the thinking (models behind a server only).
        trust_remote_code: Lets a checkpoint run its own Python code.
        log: Where a launched server's output goes.
        device: As torch names it; None takes the GPUs if there are any, else the CPU.
        dtype: Type of the weights; None takes the checkpoint's own where the device is fast with it.
        batch_size: Most replies under way at once in this process; halved as often as memory demands.
        server_args: Further arguments of a launched server.
        lora: The folder of a LoRA adapter (peft), put on top of the model.
        chat_template: A Jinja file that takes the place of the checkpoint's template.
    """

    concurrency: int | None = None
    timeout: float = 600.0
    prefilled: bool = False
    trust_remote_code: bool = False
    log: Path = Path("server.log")
    device: str | None = None
    dtype: Dtype | None = None
    batch_size: int | None = None
    server_args: tuple[str, ...] = ()
    lora: Path | None = None
    chat_template: Path | None = None

    @property
    def others(self) -> "Access":
        """For judges, adversaries and teachers: without what belongs to the target alone."""
        return _without(self, list(APPLIES))

    def fitting(self, spec: Spec) -> "Access":
        """Without what cannot apply to a model; for several models that share their options."""
        return _without(self, [name for name in self._given if not _fits(name, spec)])

    def check(self, *specs: Spec) -> None:
        """Refuses what can apply to none of the models; raises UsageError."""
        for name in self._given:
            if not any(_fits(name, spec) for spec in specs):
                where = "hf/ and vllm/" if name == "lora" else WHERE[APPLIES[name]]
                raise UsageError(f"--{name.replace('_', '-')} is for {where} models, not for {specs[0].public}")

    @property
    def told(self) -> dict[str, Any]:
        """What was asked for and may change replies, for `run.toml`."""
        found = {name: getattr(self, name) for name in (*APPLIES, "prefilled") if getattr(self, name)}
        return {name: str(value) if isinstance(value, Path) else value for name, value in found.items()}

    @property
    def _given(self) -> list[str]:
        return [name for name in APPLIES if getattr(self, name)]


def server_arguments(text: str) -> tuple[str, ...]:
    """Splits the arguments of a launched server as a shell does; raises UsageError."""
    try:
        arguments = tuple(shlex.split(text))
    except ValueError as error:
        raise UsageError(f"--server-args is not a command line: {error}") from None
    if own := next((one for one in arguments if one.partition("=")[0] in OWN_ARGUMENTS), None):
        raise UsageError(f"--server-args: {own} is settled by anjian; leave it out")
    return arguments


def adapted(spec: Spec, access: Access) -> tuple[Spec, Access]:
    """What an adapter's folder means as a model: its base with the adapter on it; all others are left as they are.

    Raises:
        UsageError: The adapter names no base, or another one is put on it.
    """
    folder = spec.folder
    if folder is None or not (folder / ADAPTER_CONFIG).exists() or (folder / "config.json").exists():
        return spec, access
    base = adapter_config(folder).get("base_model_name_or_path")
    if access.lora or not base or spec.provider == "sglang":
        mend = "leave --lora out" if access.lora else f"name its base and --lora {folder}"
        raise UsageError(f"{spec.name} is an adapter itself; {mend}")
    return msgspec.structs.replace(spec, model=str(base)), msgspec.structs.replace(access, lora=folder)


def adapter_config(folder: Path) -> dict[str, Any]:
    """The configuration of a LoRA adapter; raises UsageError for what is none."""
    path = folder / ADAPTER_CONFIG
    if not path.is_file() or not (folder / "adapter_model.safetensors").is_file():
        raise UsageError(f"--lora {folder}: no adapter; it wants adapter_config.json and adapter_model.safetensors")
    try:
        config = msgspec.json.decode(path.read_bytes(), type=dict[str, Any])
    except (msgspec.DecodeError, OSError) as error:
        raise UsageError(f"--lora: cannot read {path}: {one_line(str(error))}") from None
    if config.get("peft_type") != "LORA":
        raise UsageError(f"--lora {folder} is a {config.get('peft_type')} adapter; only LORA can be used")
    return config


def has_tokenizer(adapter: Path) -> bool:
    """True if the adapter has a tokenizer of its own, with further tokens or another template."""
    return (adapter / "tokenizer_config.json").exists()


def read_template(file: Path) -> str:
    """The text of a chat template; raises UsageError where it cannot be read or is no Jinja."""
    from jinja2 import Environment, TemplateSyntaxError

    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"--chat-template: cannot read {file}: {one_line(str(error))}") from None
    # A tag of transformers that marks what is trained on; it prints what is in it.
    plain = re.sub(r"\{%-?\s*(end)?generation\s*-?%\}", "", text)
    try:
        Environment(extensions=["jinja2.ext.loopcontrols"], autoescape=False).parse(plain)  # noqa: S701
    except TemplateSyntaxError as error:
        raise UsageError(f"--chat-template {file}, line {error.lineno}: {one_line(error.message or '')}") from None
    if not text.strip():
        raise UsageError(f"--chat-template {file} is empty")
    return text


def _fits(name: str, spec: Spec) -> bool:
    return spec.kind in APPLIES[name] and not (name == "lora" and spec.provider == "sglang")


def _without(access: Access, names: list[str]) -> Access:
    plain = Access()
    return msgspec.structs.replace(access, **{name: getattr(plain, name) for name in names})
