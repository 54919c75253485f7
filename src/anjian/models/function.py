"""A Python function as a model: a pipeline, an agent, a product under test."""

import asyncio
import contextlib
import contextvars
import functools
import inspect
import threading
from collections.abc import Awaitable, Callable
from traceback import format_exception_only
from typing import Any

from anjian.errors import UsageError
from anjian.models.access import APPLIES, OPTIONS, WHERE, Access
from anjian.models.base import FUNCTION_ERROR, PREFIX, TIMEOUT, CallError, Model, Reply, Request
from anjian.models.function_code import code_hash
from anjian.models.settled import with_system
from anjian.text import one_line

Messages = list[dict[str, str]]
"""`{"role", "content"}` each."""
Answer = Callable[[Messages], str | Awaitable[str]]
"""From messages to text; may be a coroutine function."""
AT_ONCE = 16


class FunctionModel:
    """Asks a function; see `Model`. What it raises, and whatever is no text, fails the call and never the run.

    A coroutine function runs in the event loop, any other in a thread of its own. A call that takes longer than the
    timeout has failed; its thread cannot be ended, but nobody waits for it, not even the end of the process.
    """

    def __init__(self, function: Answer, access: Access | None = None) -> None:
        """Takes the function, which is called `python/MODULE.NAME`.

        Args:
            function: From messages to text.
            access: Concurrency, timeout, and whether replies start inside the thinking.

        Raises:
            UsageError: `access` has what is for other models.
        """
        access = access or Access()
        if given := next((name for name in APPLIES if getattr(access, name)), None):
            option = OPTIONS.get(given, given).replace("_", "-")
            raise UsageError(f"--{option} is for {WHERE[APPLIES[given]]}, not for a function")
        self.name = PREFIX + name_of(function)
        self.concurrency = access.concurrency or AT_ONCE
        self.weights = code_hash(function)
        self.function = function
        self._access = access
        self._slots = asyncio.Semaphore(self.concurrency)

    async def __aenter__(self) -> Model:
        """Nothing has to be opened."""
        return self

    async def __aexit__(self, *exc: object) -> None:
        """Nothing has to be closed."""

    def about(self) -> dict[str, Any]:
        """Nothing was settled here; see `Model.about`."""
        return {}

    def waiting(self) -> str:
        """Nothing holds it up; see `Model.waiting`."""
        return ""

    async def complete(self, request: Request) -> Reply:
        """Calls the function; see `Model.complete`."""
        asked = with_system(request, self._access.system).messages
        messages = [{"role": message.role, "content": message.content} for message in asked]
        async with self._slots:
            said = await self._said(messages)
        if isinstance(said, CallError):
            raise said
        if not isinstance(said, str):
            raise CallError(FUNCTION_ERROR, f"the function returned {type(said).__name__}, not text")
        return Reply(said.encode("utf-8", "replace").decode(), prefilled=self._access.prefilled)

    async def _said(self, messages: Messages) -> Any:
        """What the function returned, in a task of its own: it may hang, or cancel itself."""
        call = asyncio.create_task(_outcome(self.function, messages))
        try:
            done, _ = await asyncio.wait({call}, timeout=self._access.timeout)
        finally:
            call.cancel()
        if not done:
            return CallError(TIMEOUT, f"the function gave no answer within {self._access.timeout:g} s")
        return CallError(FUNCTION_ERROR, "the function cancelled itself") if call.cancelled() else call.result()


async def _outcome(function: Answer, messages: Messages) -> Any:
    """What a function returned, or the CallError that came of it."""
    try:
        said = function(messages) if _is_coroutine(function) else await _in_thread(function, messages)
        return await said if inspect.isawaitable(said) else said
    except (asyncio.CancelledError, KeyboardInterrupt):  # Somebody pressed Ctrl-C.
        raise
    except BaseException as error:  # Somebody else's function may raise anything, SystemExit too.
        return _failed(error)


async def _in_thread(function: Answer, messages: Messages) -> Any:
    """As `asyncio.to_thread`, but nobody waits for a thread that hangs."""
    loop = asyncio.get_running_loop()
    outcome: asyncio.Future[Any] = loop.create_future()
    context = contextvars.copy_context()

    def settle(said: Any) -> None:
        if not outcome.done():
            outcome.set_result(said)

    def work() -> None:
        try:
            said: Any = context.run(function, messages)
        except BaseException as error:
            said = _failed(error)
        with contextlib.suppress(RuntimeError):  # The run has ended without it.
            loop.call_soon_threadsafe(settle, said)

    threading.Thread(target=work, name="anjian function", daemon=True).start()
    return await outcome


def _failed(error: BaseException) -> CallError:
    return CallError(FUNCTION_ERROR, one_line("".join(format_exception_only(error))))


def _is_coroutine(function: Any) -> bool:
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(type(function).__call__)


def name_of(function: Any) -> str:
    """The module and qualified name of a function, a method, or the class of an object that is called."""
    while isinstance(function, functools.partial):
        function = function.func
    named = function if inspect.isroutine(function) else type(function)
    qualified = named.__qualname__
    if inspect.ismethod(function):
        owner = function.__self__ if inspect.isclass(function.__self__) else type(function.__self__)
        qualified = f"{owner.__qualname__}.{function.__name__}"
    return f"{named.__module__}.{qualified}".replace("<locals>.", "").replace("<lambda>", "lambda")
