"""How models are to be reached: what a user settles beside a model's name, and to which kinds of model it can apply."""

import re
import shlex
from collections.abc import Callable
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
    "extra_body": ("provider", "url", "launched"),
    "headers": ("provider", "url", "launched"),
    "batch": ("provider", "url"),
}
OF_THE_TARGET = (*APPLIES, "prefilled", "system")
"""What belongs to the target alone; `system` goes with every model."""
OPTIONS = {"headers": "header"}
"""Options that are called otherwise on the command line."""
WHERE: dict[tuple[Kind, ...], str] = {
    ("hf", "tiny"): "hf/ and tiny/ models",
    ("hf", "launched"): "hf/, vllm/ and sglang/ models",
    ("launched",): "vllm/ and sglang/ models",
    ("provider", "url", "launched"): "models behind a server",
    ("provider", "url"): "models that are served elsewhere",
}
BUDGET_OF_OTHERS = 4096
"""Longest reply of a judge or adversary, thinking included, where nobody says otherwise: some ramble for ever."""
_SECRET = re.compile(r"key|token|secret|passw|auth|cookie|credential|extra_headers", re.IGNORECASE)
_LIKE_A_KEY = re.compile(r"\b(?:sk|ak|key|pk)-[\w-]{12,}|Bearer\s+\S+")
_NO_SECRET = re.compile(r"max_|_tokens\b|^tokens?$|budget", re.IGNORECASE)
ADAPTER_CONFIG = "adapter_config.json"
OWN_ARGUMENTS = ("--host", "--port", "--served-model-name", "--model-path", "--model", "--api-key")
"""Arguments of a launched server that are settled here; a key would only stand in its log."""


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
        extra_body: Put into the body of every request.
        headers: Sent with every request; `env:NAME` stands for an environment variable.
        system: A system prompt, put before every conversation.
        max_tokens: Longest reply where the request sets no limit.
        budget: Longest reply where nothing else sets a limit; judges and adversaries have one.
        batch: Calls go through the server's Batch API.
        may_batch: They do if it has one; judges and adversaries of a target in batches.
        keyed: The addresses that ANJIAN_API_KEY is for; None means whatever is asked.
        tell: Takes one line for the user, such as a parameter that a server refuses.
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
    extra_body: dict[str, Any] = {}
    headers: dict[str, str] = {}
    system: str = ""
    max_tokens: int | None = None
    budget: int | None = None
    batch: bool = False
    may_batch: bool = False
    keyed: tuple[str, ...] | None = None
    tell: Callable[[str], None] | None = None

    @property
    def others(self) -> "Access":
        """For judges, adversaries and teachers: without what belongs to the target alone, their replies bounded."""
        plain = _without(self, list(OF_THE_TARGET))
        return msgspec.structs.replace(plain, budget=BUDGET_OF_OTHERS, may_batch=self.batch or self.may_batch)

    @property
    def of_functions(self) -> "Access":
        """For functions that are asked beside models, which the other options are for."""
        return _without(self, list(APPLIES))

    def fitting(self, spec: Spec) -> "Access":
        """Without what cannot apply to a model; for several models that share their options."""
        return _without(self, [name for name in self._given if not _fits(name, spec)])

    def check(self, *specs: Spec) -> None:
        """Refuses what can apply to none of the models; raises UsageError."""
        if self.batch and self.concurrency:
            raise UsageError("--batch puts all calls into batches; leave --concurrency out")
        for name in self._given:
            if not any(_fits(name, spec) for spec in specs):
                where = "hf/ and vllm/ models" if name == "lora" else WHERE[APPLIES[name]]
                option = OPTIONS.get(name, name).replace("_", "-")
                raise UsageError(f"--{option} is for {where}, not for {specs[0].public}")

    @property
    def told(self) -> dict[str, Any]:
        """What was asked for and may change replies, for `run.toml`."""
        found = {name: getattr(self, name) for name in OF_THE_TARGET if getattr(self, name)}
        if self.headers:
            found["headers"] = sorted(self.headers)  # Their values may be secrets.
        if self.extra_body:
            found["extra_body"] = shown_body(self.extra_body)
        return {name: str(value) if isinstance(value, Path) else value for name, value in found.items()}

    @property
    def _given(self) -> list[str]:
        return [name for name in APPLIES if getattr(self, name)]


def shown_body(body: dict[str, Any]) -> str:
    """An extra body as JSON for files: the values of keys that look like secrets are struck out.

    >>> shown_body({"max_tokens": 5, "user": {"api_key": "abc"}})
    '{"max_tokens":5,"user":{"api_key":"***"}}'
    """
    return msgspec.json.encode(_without_secrets(body), order="deterministic").decode()


def _without_secrets(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: "***" if _is_secret(k, v) else _without_secrets(v) for k, v in value.items()}
    if isinstance(value, str):
        return _LIKE_A_KEY.sub("***", value)
    return [_without_secrets(one) for one in value] if isinstance(value, list | tuple) else value


def _is_secret(key: str, value: Any) -> bool:
    told = isinstance(value, bool | int | float) or value is None
    return not told and bool(_SECRET.search(key)) and not _NO_SECRET.search(key)


def server_arguments(text: str) -> tuple[str, ...]:
    """Splits the arguments of a launched server as a shell does; raises UsageError."""
    try:
        arguments = tuple(shlex.split(text))
    except ValueError as error:
        raise UsageError(f"--server-args is not a command line: {error}") from None
    if own := next((name for one in arguments if (name := one.partition("=")[0]) in OWN_ARGUMENTS), None):
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
