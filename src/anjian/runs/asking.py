"""Asks a model through the ledger: what was answered is never asked again, and equal calls under way are one call.

What an earlier run stored and nobody can use (no answer in it, no verdict) is asked for again, and stays where the new
call fails.
"""

import asyncio
import re

from anjian.errors import AnjianError, UsageError
from anjian.models.base import (
    BAD_REPLY,
    CONNECTION,
    HTTP_ERROR,
    NOT_ASKED,
    PREFIX,
    RATE_LIMIT,
    TIMEOUT,
    CallError,
    Model,
    Reply,
    Request,
    Usable,
)
from anjian.models.thinking import has_answer
from anjian.runs.ledger import Entry, Failure, Ledger, entry
from anjian.runs.money.purse import Purse
from anjian.runs.money.spending import named

FAILURES_OF_A_DEAD_SERVER = 20
"""After this many failures without one reply, the server is taken to be the trouble, not the requests."""
PERHAPS_ONE_REQUEST = {301, 302, 303, 307, 308, 403, 404, 405}
"""Status codes with which firewalls answer single prompts, and servers every call to a model that they do not know."""
REFUSED_IN_A_ROW = 5
"""So many of them without a reply between are no longer single prompts; or twice those before, where that is more."""
ABOUT_ALL = re.compile(
    r"\bmodels?\b.{0,80}(?:not|n't|unknown|no such|invalid|unavailable)\b"
    r"|(?:no such|unknown|invalid|unsupported) (?:model|deployment)"
    r"|model_?not|deployment|模型.{0,40}(?:不存在|未|无|没有|下线|错误)|no endpoints"
    r"|api.?key|\bkey\b|\bauth|unauthori|credential|\btoken\b|(?<!have )permission|密钥|鉴权|认证|授权|权限|令牌",
    re.IGNORECASE,
)
"""What is said of the model or the key holds for every call."""
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
        if error.status == 402 or error.reason == RATE_LIMIT:
            mend = "top up the account, or wait for its limit to pass"
        super().__init__(f"{named(model)} does not answer: {error.detail}; {mend}, then run the same command again")
        self.ever_answered = ever_answered
        self.fatal = error.fatal

    def as_remark(self) -> str:
        """Words it for a run that ends early; a model that was never reached at all is wrong usage: UsageError."""
        if self.fatal and not self.ever_answered:
            raise UsageError(str(self)) from None
        return str(self)


class LedgerAsk:
    """Asks one model. Without the model itself, it answers from the ledger alone: that is how runs are replayed."""

    def __init__(self, name: str, ledger: Ledger, model: Model | None, purse: Purse | None = None) -> None:
        """Binds a ledger and a model, or only the name the model's calls are stored under; a purse keeps to a budget.

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
        self._purse = purse if purse and purse.budget is not None else None
        self._under_way: dict[bytes, asyncio.Future[Reply]] = {}
        self._refused_in_a_row = self._refused_before = 0
        self._given_up = False
        self._last_refusal: CallError | None = None

    def waiting(self) -> str:
        """What the model waits for at present."""
        return self._model.waiting() if self._model else ""

    @property
    def unanswered(self) -> StoppedError | None:
        """Why going on is pointless after all: every single call was refused, now and before."""
        if self._last_refusal is None or self.answered or self.ledger.answered_by(self.name):
            return None
        return StoppedError(self.name, self._last_refusal, ever_answered=False)

    async def __call__(self, request: Request, usable: Usable | None = None) -> Reply:
        """Returns the reply; raises CallError for a failed call and StoppedError where going on is pointless."""
        call = entry(self.name, request)
        usable = usable or has_answer
        stored = self.ledger.reply(call.key)
        if self._model is None:
            if stored is not None:
                return stored
            self.missed += 1
            failure = self.ledger.failure(call.key) or Failure(NOT_ASKED, "")
            raise CallError(failure.reason, failure.detail)
        if stored is None:
            return await self._made(self._model, call, request, usable)
        if self._given_up or call.key in self.ledger.tried or usable(stored):
            return stored
        try:
            return await self._made(self._model, call, request, usable)
        except CallError:
            self.ledger.tried.add(call.key)
        except AnjianError:
            self._given_up = True  # Nobody is there to be asked: what is stored has to do.
        return stored

    async def _made(self, model: Model, call: Entry, request: Request, usable: Usable) -> Reply:
        """Makes a call, or waits for the same call under way."""
        if call.key in self._under_way:
            return await asyncio.shield(self._under_way[call.key])
        future: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._under_way[call.key] = future
        try:
            if self._purse:
                reply = await self._purse.paid(model, self.name, request, len(call.request))
            else:
                reply = await model.complete(request)
        except CallError as error:
            self.refused += 1
            if any(error.used):
                prompt, completion = error.used
                self.ledger.used(call, Reply("", prompt_tokens=prompt, completion_tokens=completion))
            before = self.ledger.failure(call.key)
            self.ledger.fail(call, Failure(error.reason, error.detail))
            _settle(future, error)
            self._count_failure(error, before)
            raise
        except AnjianError as error:
            _settle(future, error)
            raise
        except BaseException:
            future.cancel()
            raise
        finally:
            del self._under_way[call.key]
        self._keep(call, reply, usable)
        future.set_result(reply)
        return reply

    def _keep(self, call: Entry, reply: Reply, usable: Usable) -> None:
        self.ledger.store(call, reply)
        if not usable(reply):
            self.ledger.tried.add(call.key)
        self.answered += 1
        self.tokens += reply.completion_tokens
        self._refused_before += self._refused_in_a_row
        self._refused_in_a_row = 0

    def _count_failure(self, error: CallError, before: Failure | None) -> None:
        single = not error.fatal or error.status in PERHAPS_ONE_REQUEST
        if single and before and before.reason == error.reason and self.ledger.answered_by(self.name):
            return  # It failed so in an earlier run, too: that tells nothing of other calls.
        self.failed += error.reason in _SERVER_TROUBLE
        dead = not self.answered and self.failed >= FAILURES_OF_A_DEAD_SERVER
        if dead or (error.fatal and not self._only_this_one(error)):
            ever = self.answered > 0 or (error.status in PERHAPS_ONE_REQUEST and self.ledger.answered_by(self.name))
            raise StoppedError(self.name, error, ever) from None

    def _only_this_one(self, error: CallError) -> bool:
        """True if what every call might meet is taken to be the trouble of one request."""
        if error.status not in PERHAPS_ONE_REQUEST:
            return False
        self._refused_in_a_row += 1
        self._last_refusal = error
        if self._refused_in_a_row >= max(REFUSED_IN_A_ROW, 2 * self._refused_before):
            return False
        others = len(self._under_way) > 1 or self.answered > 0 or self.ledger.answered_by(self.name)
        return others or not ABOUT_ALL.search(error.detail)


def _settle(future: asyncio.Future[Reply], error: Exception) -> None:
    """Hands a failure to whoever waits for the same call, without a warning where nobody does."""
    future.set_exception(error)
    future.exception()
