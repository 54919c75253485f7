"""What was learned of one model at its server: what it refuses, and how it wants to be asked instead.

Everybody is asked in the plain form of the API first. A refusal that blames something that was sent is a lesson: the
call is made again without it, and once that is answered the lesson holds for the rest of the session; for this call
alone where the same has been answered in another. A lesson that does not help is dropped, nothing is blamed twice in a
call, and then the server's error stands.
"""

from collections.abc import Callable, Container, Iterator, Sequence
from typing import Any, Literal

import msgspec

from anjian.items.records import Message
from anjian.models.base import HTTP_ERROR, TOO_LONG, CallError, Request
from anjian.models.http import complaints
from anjian.models.http.complaints import BUDGETS

SAMPLING = ("temperature", "top_p", "seed")
SCHEMA = "response_format"
LOGPROBS = ("logprobs", "top_logprobs")
PLAIN_REFUSALS = {400, 422}
"""Where it is enough that something is refused; what else may be at fault must be named by the error."""
SCHEMA_REFUSALS = PLAIN_REFUSALS | {406, 415, 501}
"""Where a schema may be at fault, whatever is said."""
MAY_TEACH = {403, 404, 405}
"""Fatal, as a rule, and now and then said of something that was sent; then the error must name it."""

VALUED = {"temperature", "top_p", *BUDGETS}
NAMED = {"seed", SCHEMA, "stream_options", *LOGPROBS}
"""What servers may refuse: some for its value, others altogether."""

Mark = tuple[str, object]
"""Something that was sent, with its value where servers take one and refuse another."""


class Lesson(msgspec.Struct, frozen=True):
    """One thing to do otherwise.

    Attributes:
        what: The key of the body that it is about; `messages` are joined.
        way: What is done with it.
        said: The same for people.
        limit: Most tokens of a reply, where that is the lesson.
        once: True if it holds for this call alone.
        also: Further keys that are left out with it.
        why: The server's words.
        blamed: What was sent that it does otherwise.
    """

    what: str
    way: Literal["drop", "rename", "limit", "stream", "join"]
    said: str
    limit: int = 0
    once: bool = False
    also: tuple[str, ...] = ()
    why: str = ""
    blamed: frozenset[Mark] = frozenset()

    @property
    def key(self) -> str:
        """What may be tried once in a call."""
        return f"{self.way} {self.what}"

    def apply(self, body: dict[str, Any]) -> None:
        """Changes a body."""
        if self.way == "drop":
            for name in (self.what, *self.also):
                body.pop(name, None)
        elif self.way == "rename":
            if self.what in body:
                body[other_name(self.what)] = body.pop(self.what)
        elif self.way == "limit":
            for name in BUDGETS:
                if name in body:
                    body[name] = min(body[name], self.limit)
        elif self.way == "stream":
            body["stream"] = True
            body.setdefault("stream_options", {"include_usage": True})
        else:
            body["messages"] = joined(body["messages"])


class Dialect:
    """The lessons of a session."""

    def __init__(self, tell: Callable[[str], None] = print) -> None:
        """Takes who is told of each lesson, once."""
        self._tell = tell
        self._lessons: dict[tuple[str, int, bool], Lesson] = {}
        self._answered: set[Mark] = set()

    @property
    def learned(self) -> list[str]:
        """Each lesson in words, with the server's own."""
        return [self._said(lesson) for lesson in self._lessons.values()]

    def apply(self, body: dict[str, Any]) -> None:
        """Changes a plain body into what the server takes."""
        for lesson in self._lessons.values():
            if not lesson.once and not self.knows_better(lesson):
                lesson.apply(body)

    def answered(self, body: dict[str, Any]) -> None:
        """Remembers what was sent in a call that was answered."""
        self._answered |= marks(body)

    def knows_better(self, lesson: Lesson) -> bool:
        """True if all that a lesson blames was answered in some call: then it is single calls that suffer from it."""
        return bool(lesson.blamed) and lesson.blamed <= self._answered

    def keep(self, lesson: Lesson) -> None:
        """Remembers a lesson that helped."""
        once = lesson.once or self.knows_better(lesson)
        if once and lesson.what == SCHEMA:
            return
        known = (lesson.key, 0 if once else lesson.limit, once)
        if known not in self._lessons:
            self._lessons[known] = lesson
            self._tell(self._said(lesson))

    def _said(self, lesson: Lesson) -> str:
        some = " in some calls" if self.knows_better(lesson) else ""
        return f"{lesson.said}{some}: {lesson.why}"


class Talk:
    """One call's talk with its server, until it is understood."""

    def __init__(self, dialect: Dialect, request: Request, own: Container[str]) -> None:
        """Takes what is known, what is asked, and the user's own keys of the body, which are never blamed."""
        self._dialect = dialect
        self._soft = request.sampling.max_tokens is None
        self._own = own
        self._trials: list[Lesson] = []
        self._spent: set[str] = set()
        self._last = ""
        self._broken = 0

    def apply(self, body: dict[str, Any]) -> None:
        """Changes a body by what this call has tried so far."""
        for lesson in self._trials:
            lesson.apply(body)

    def learn(self, error: CallError, said: bytes, body: dict[str, Any]) -> bool:
        """Takes an error in; returns whether there is something to try otherwise.

        Args:
            error: What the answer stands for.
            said: The whole answer, masked.
            body: What was sent.
        """
        words = complaints.words_of(said)
        if self._trials and complaints.alike(words) == self._last:
            self._trials.pop()
        self._last = complaints.alike(words)
        self._broken += error.status >= 500
        sent = {name: value for name, value in body.items() if name not in self._own}
        found = self._lessons(error, words, sent, streams="stream" in body)
        lesson = next((lesson for lesson in found if lesson.key not in self._spent), None)
        return self._try(lesson, error.detail, body)

    def learn_from_nothing(self, body: dict[str, Any]) -> bool:
        """Takes in an empty reply, which may come of a schema."""
        offered = SCHEMA in body and SCHEMA not in self._own and f"drop {SCHEMA}" not in self._spent
        return self._try(_without(SCHEMA) if offered else None, "the reply was empty", body)

    def understood(self, body: dict[str, Any]) -> None:
        """Remembers what was tried, since it was answered."""
        self._dialect.answered(body)
        for lesson in self._trials:
            self._dialect.keep(lesson)

    def _try(self, lesson: Lesson | None, why: str, body: dict[str, Any]) -> bool:
        if lesson is None:
            return False
        self._spent.add(lesson.key)
        blamed = frozenset(mark for mark in marks(body) if mark[0] in (lesson.what, *lesson.also))
        self._trials.append(msgspec.structs.replace(lesson, why=why, blamed=blamed))
        return True

    def _lessons(self, error: CallError, words: str, sent: dict[str, Any], streams: bool) -> Iterator[Lesson]:
        """What may help, the likeliest first."""
        if error.reason == TOO_LONG:
            yield from _shorter(words, sent, self._soft)
            return
        if not streams and complaints.wants_stream(words):
            yield Lesson("stream", "stream", "replies come as a stream, as the model demands")
        if complaints.wants_one_of_both(words) and "temperature" in sent and "top_p" in sent:
            yield _without("top_p")
        for name in complaints.named_in(words):
            if name == BUDGETS[0]:
                yield from _shorter(words, sent, self._soft)
            elif name in sent:
                yield _without(name)
        messages = sent.get("messages", ())
        if not error.fatal and complaints.blames_roles(words) and joined(messages) != messages:
            yield Lesson("messages", "join", "system prompts stand in the first user turn, and roles alternate")
        yield from _unnamed(error, words, sent)
        if SCHEMA in sent and (error.status in SCHEMA_REFUSALS or self._broken > 1):
            yield _without(SCHEMA)


def may_teach(error: CallError) -> bool:
    """True if an error may be about something that was sent."""
    return error.reason in (HTTP_ERROR, TOO_LONG) and (not error.fatal or error.status in MAY_TEACH)


def marks(body: dict[str, Any]) -> set[Mark]:
    """What of a body servers may refuse."""
    found: set[Mark] = {("messages", any(message.role == "system" for message in body.get("messages", ())))}
    for name, value in body.items():
        if name in VALUED:
            found.add((name, value))
        elif name in NAMED:
            found.add((name, None))
    return found


def other_name(budget: str) -> str:
    """The other of the two names of a reply's limit."""
    return BUDGETS[budget == BUDGETS[0]]


def joined(messages: Sequence[Message]) -> tuple[Message, ...]:
    """The same dialogue without system messages, which go before the first user turn, and with roles that alternate."""
    system = [message.content for message in messages if message.role == "system" and message.content]
    turns = [message for message in messages if message.role != "system"]
    first = next((place for place, turn in enumerate(turns) if turn.role == "user"), 0)
    if system:
        turns.insert(first, Message("user", "\n\n".join(system)))
    found: list[Message] = []
    for turn in turns:
        if found and found[-1].role == turn.role:
            found[-1] = Message(turn.role, f"{found[-1].content}\n\n{turn.content}")
        else:
            found.append(turn)
    return tuple(found)


def _without(name: str) -> Lesson:
    also = LOGPROBS[1:] if name == LOGPROBS[0] else ()
    return Lesson(name, "drop", f"{name} is not sent", also=also)


def _unnamed(error: CallError, words: str, sent: dict[str, Any]) -> Iterator[Lesson]:
    """What can be done where some parameter is at fault, and the words do not say which."""
    if not complaints.is_vague(words) or error.status not in PLAIN_REFUSALS | {404}:
        return
    if error.status == 404 and SCHEMA in sent:
        yield _without(SCHEMA)
    if LOGPROBS[0] in sent:
        yield _without(LOGPROBS[0])
    sampling = [name for name in SAMPLING if name in sent]
    if sampling:
        yield Lesson(sampling[0], "drop", f"{', '.join(sampling)} are not sent", also=tuple(sampling[1:]))


def _shorter(words: str, sent: dict[str, Any], soft: bool) -> Iterator[Lesson]:
    """What can be done about the limit of a reply; a soft one is nobody's wish and may be left out."""
    name = next((name for name in BUDGETS if name in sent), None)
    if name is None:
        return
    crowded = complaints.speaks_of_context(words)
    room = complaints.room_in(words)
    if room and room < sent[name]:
        said = f"{name} is lowered where the context has less room"
        yield Lesson(name, "limit", said, limit=room, once=True)
    too_large = not crowded and complaints.speaks_of_limit(words)
    if too_large:
        limit = complaints.limit_in(words, sent[name])
        if limit:
            yield Lesson(name, "limit", f"{name} is at most {limit}", limit=limit)
    elif not crowded and (other_name(name) in words or not soft):
        yield Lesson(name, "rename", f"{name} is sent as {other_name(name)}")
    if soft or too_large:
        # Left to itself, the server gives as much as it has, which is less than what was asked for.
        yield Lesson(name, "drop", f"{name} is not sent", once=crowded)
