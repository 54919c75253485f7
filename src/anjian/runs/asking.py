"""Asks a model through the ledger: what is stored is never asked again, and equal calls under way are one call."""

import asyncio

from anjian.errors import AnjianError, UsageError
from anjian.models.base import (
    BAD_REPLY,
    CONNECTION,
    HTTP_ERROR,
    NOT_ASKED,
    RATE_LIMIT,
    TIMEOUT,
    CallError,
    Model,
    Reply,
    Request,
)
from anjian.models.function import PREFIX
from anjian.runs.ledger import Failure, Ledger, entry

FAILURES_OF_A_DEAD_SERVER = 20
"""After this many failures without one reply, the server is taken to be the trouble, not the requests."""
_SERVER_TROUBLE = {BAD_REPLY, CONNECTION, HTTP_ERROR, RATE_LIMIT, TIMEOUT}


class StoppedError(AnjianError):
    """Going on is pointless: the key is refused, the model unknown, the server dead.

    Attributes:
        ever_answered: True if the model had answered before, in this session.
        fatal: True if the server said so itself; False if it is concluded from many failures.
    """

    def __init__(self, model: str, error: CallError, ever_answered: bool) -> None:
        """Words the reason for the user."""
        who = "function" if model.startswith(PREFIX) else "server"
        mend = "check the key, the base URL and the model's name" if error.fatal else f"check the {who}"
        super().__init__(f"{model} does not answer: {error.detail}; {mend}, then run the same command again")
        self.ever_answered = ever_answered
        self.fatal = error.fatal

    def as_remark(self) -> str:
        """Words it for a run that ends early; a model that was never reached at all is wrong usage: UsageError."""
        if self.fatal and not self.ever_answered:
            raise UsageError(str(self)) from None
        return str(self)


class LedgerAsk:
    """Asks one model. Without the model itself, it answers from the ledger alone: that is how runs are replayed."""

    def __init__(self, name: str, ledger: Ledger, model: Model | None) -> None:
        """Binds a ledger and a model, or only the name the model's calls are stored under.

        It counts: `answered` and `refused` calls of this session, `missed` calls of a replay, `tokens` generated.
        """
        self.name = name
        self.ledger = ledger
        self.answered = 0
        self.refused = 0
        self.failed = 0
        self.missed = 0
        self.tokens = 0
        self._model = model
        self._under_way: dict[bytes, asyncio.Future[Reply]] = {}

    async def __call__(self, request: Request) -> Reply:
        """Returns the reply; raises CallError for a failed call and StoppedError where going on is pointless."""
        call = entry(self.name, request)
        if (stored := self.ledger.reply(call.key)) is not None:
            return stored
        if self._model is None:
            self.missed += 1
            failure = self.ledger.failure(call.key) or Failure(NOT_ASKED, "")
            raise CallError(failure.reason, failure.detail)
        if call.key in self._under_way:
            return await asyncio.shield(self._under_way[call.key])
        future: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._under_way[call.key] = future
        try:
            reply = await self._model.complete(request)
        except CallError as error:
            self.refused += 1
            self.ledger.fail(call, Failure(error.reason, error.detail))
            _settle(future, error)
            self._count_failure(error)
            raise
        except BaseException:
            future.cancel()
            raise
        finally:
            del self._under_way[call.key]
        self.ledger.store(call, reply)
        self.answered += 1
        self.tokens += reply.completion_tokens
        future.set_result(reply)
        return reply

    def _count_failure(self, error: CallError) -> None:
        self.failed += error.reason in _SERVER_TROUBLE
        dead = not self.answered and self.failed >= FAILURES_OF_A_DEAD_SERVER
        if error.fatal or dead:
            raise StoppedError(self.name, error, ever_answered=self.answered > 0) from None


def _settle(future: asyncio.Future[Reply], error: CallError) -> None:
    """Hands a failure to whoever waits for the same call, without a warning where nobody does."""
    future.set_exception(error)
    future.exception()
