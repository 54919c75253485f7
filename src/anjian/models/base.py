"""The vocabulary of asking: a request, the reply to it, the ways a call fails, and who can be asked."""

from collections.abc import Awaitable, Callable
from typing import Any, Protocol

import msgspec

from anjian.errors import AnjianError
from anjian.items.records import Message

PREFIX = "python/"
"""What the names of functions begin with that are asked as models."""

# Why a call failed. A failed call is never a verdict: the item is unscored with one of these reasons.
TIMEOUT = "timeout"
CONNECTION = "connection"
HTTP_ERROR = "http_error"
BAD_REPLY = "bad_reply"
CONTENT_FILTER = "content_filter"
RATE_LIMIT = "rate_limit"
TOO_LONG = "too_long"
NOT_ASKED = "not_asked"
FUNCTION_ERROR = "function_error"


class Sampling(msgspec.Struct, frozen=True, omit_defaults=True):
    """How a reply is drawn; None leaves the choice to the model's own defaults.

    Attributes:
        temperature: 0 is greedy.
        top_p: Share of the probability mass that is kept.
        max_tokens: Longest reply, in tokens, thinking included.
        seed: Makes sampling repeatable where the model supports it.
        budget: Longest reply where neither `max_tokens` nor the model itself sets a limit; a server that cannot give so
            much gives what it has.
        likeliest: So many of the likeliest first tokens are told with the reply, by models that can tell them.
    """

    temperature: float | None = None
    top_p: float | None = None
    max_tokens: int | None = None
    seed: int | None = None
    budget: int | None = None
    likeliest: int | None = None


class Request(msgspec.Struct, frozen=True):
    """One call: what is asked, how the reply is drawn, and which repetition it is (`epoch`, from 0).

    `schema` is a JSON schema that the reply should follow; a model that cannot be held to one ignores it. Defaults are
    not left out of its JSON, which names the call in the ledger: equal requests must read the same.
    """

    messages: tuple[Message, ...]
    sampling: Sampling = Sampling()
    epoch: int = 0
    schema: dict[str, Any] | None = None


class Reply(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a model said, as it came.

    Attributes:
        text: The reply's content, with inline thinking if there is any.
        reasoning: Thinking that the server sent in a field of its own.
        finish_reason: `stop`, `length` or what the server says.
        prompt_tokens: Tokens of the prompt, as counted by the model's side; 0 if it does not say.
        completion_tokens: Tokens of the reply, thinking included.
        prefilled: True if the prompt ended by opening the thinking, so that `text` starts inside it.
        before: Tokens of the prompt and the reply that earlier attempts at the same call used, which came to nothing.
        first: The likeliest first tokens, each with the logarithm of its probability; empty where nobody told.
    """

    text: str
    reasoning: str = ""
    finish_reason: str = "stop"
    prompt_tokens: int = 0
    completion_tokens: int = 0
    prefilled: bool = False
    before: tuple[int, int] = (0, 0)
    first: tuple[tuple[str, float], ...] = ()


Usable = Callable[[Reply], bool]
"""Tells whether a stored reply is of any use; one that is not is asked for again by the next run."""


class Ask(Protocol):
    """Asks one model through the ledger."""

    def __call__(self, request: Request, usable: Usable | None = None) -> Awaitable[Reply]:
        """Returns the reply to a request; raises CallError.

        Args:
            request: What is asked.
            usable: Which stored replies stand; without it, those that hold an answer.
        """
        ...


class CallError(Exception):
    """A call that failed for good, after its retries: `reason` is one of the constants above.

    `fatal` marks what every further call would meet too: a refused key, an unknown model, no server at all. `status` is
    the HTTP status that says so, 0 where there is none: firewalls answer single prompts with 403, 404 or 405, too.
    `used` are the tokens of prompt and reply where the server counted them all the same: they are paid for.
    """

    def __init__(self, reason: str, detail: str, fatal: bool = False, status: int = 0) -> None:
        """Keeps the reason, a one-line detail without secrets, and whether going on is pointless."""
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail
        self.fatal = fatal
        self.status = status
        self.used = (0, 0)


class ServerError(AnjianError):
    """A launched server or a local model that cannot be started."""


class Model(Protocol):
    """Somebody who can be asked. Enter it as an async context manager before the first call."""

    name: str
    """Who is asked, as in `provider/model`; part of the ledger's key."""
    concurrency: int
    """How many calls in flight suit it when the user does not say."""

    async def __aenter__(self) -> "Model":
        """Opens connections, loads weights or starts a server."""
        ...

    async def __aexit__(self, *exc: object) -> None:
        """Frees what was opened, whatever happened."""
        ...

    def about(self) -> dict[str, Any]:
        """What was settled at opening, for `run.toml`, such as device and dtype; empty where nothing was."""
        ...

    def waiting(self) -> str:
        """What it waits for at present, such as `waiting: 429, next try in 20 s`; empty while nothing holds it up."""
        ...

    async def complete(self, request: Request) -> Reply:
        """Answers one request.

        Raises:
            CallError: The call failed for good.
        """
        ...
