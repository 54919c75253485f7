"""A Python function as a model: a pipeline, an agent, a product under test."""

import asyncio
import hashlib
import inspect
from collections.abc import Awaitable, Callable, Sequence
from types import CodeType
from typing import Any

from anjian.models.base import BAD_REPLY, FUNCTION_ERROR, CallError, Model, Reply, Request
from anjian.text import one_line

Answer = Callable[[list[dict[str, str]]], str | Awaitable[str]]
"""From messages, `{"role", "content"}` each, to text; may be a coroutine function."""
PREFIX = "python/"
AT_ONCE = 16


class FunctionModel:
    """Asks a function; see `Model`. What it raises, and whatever is no text, fails the call and never the run."""

    def __init__(self, function: Answer, concurrency: int | None = None) -> None:
        """Takes the function, which is called `python/<its qualified name>`, and the most calls at once."""
        self.name = PREFIX + name_of(function)
        self.concurrency = concurrency or AT_ONCE
        self.weights = code_hash(function)
        self.function = function
        self._threads = asyncio.Semaphore(self.concurrency)

    async def __aenter__(self) -> Model:
        """Nothing has to be opened."""
        return self

    async def __aexit__(self, *exc: object) -> None:
        """Nothing has to be closed."""

    async def complete(self, request: Request) -> Reply:
        """Calls the function, in a thread unless it is a coroutine function; see `Model.complete`."""
        messages = [{"role": message.role, "content": message.content} for message in request.messages]
        try:
            if inspect.iscoroutinefunction(_called(self.function)):
                said: Any = await _awaited(self.function(messages))
            else:
                async with self._threads:
                    said = await asyncio.to_thread(self.function, messages)
                if inspect.isawaitable(said):
                    said = await said
        except Exception as error:  # Somebody else's function may raise anything.
            raise CallError(FUNCTION_ERROR, one_line(f"{type(error).__name__}: {error}")) from None
        if not isinstance(said, str):
            raise CallError(BAD_REPLY, f"the function returned {type(said).__name__}, not text")
        return Reply(said.encode("utf-8", "replace").decode())


async def _awaited(said: Any) -> Any:
    return await said


def _called(function: Any) -> Any:
    """What runs when it is called: of an object its `__call__`."""
    while hasattr(function, "func"):
        function = function.func
    return function if inspect.isroutine(function) else type(function).__call__


def name_of(function: Any) -> str:
    """The qualified name of a function, or of the class of an object that is called."""
    routine = _called(function)
    qualified = routine.__qualname__.removesuffix(".__call__").replace("<locals>.", "").replace("<lambda>", "lambda")
    return f"{routine.__module__}.{qualified}"


def code_hash(function: Any) -> str:
    """A short hash of a function's code, so that stored replies of another version are never taken for its own.

    It covers the function and those within it, not what it calls.
    """
    code = getattr(_called(function), "__code__", None)
    return hashlib.sha256(b"".join(_words(code))).hexdigest()[:16] if code else ""


def _words(code: CodeType) -> Sequence[bytes]:
    constants = [one for one in code.co_consts if not isinstance(one, CodeType)]
    within = [word for one in code.co_consts if isinstance(one, CodeType) for word in _words(one)]
    return [code.co_code, repr(constants).encode(), repr((code.co_names, code.co_varnames)).encode(), *within]
