"""A model as judge: the prompt names the classes, the material is quoted, and one class must come back.

The material is one JSON object: whatever a reply holds (instructions, verdicts, quotation marks, line breaks), it stays
inside a JSON string and cannot end the quotation.
"""

from collections.abc import Sequence

from anjian.items.records import Item, Message
from anjian.judges.base import JUDGE_UNPARSED, NO_ANSWER, Verdict, silence
from anjian.judges.kinds import REFUSAL, Kind
from anjian.judges.parse import read_closing, read_verdict, schema_of
from anjian.judges.rubric import quote, rubric_prompt
from anjian.models.base import Ask, CallError, Reply, Request, Sampling
from anjian.models.thinking import split_thinking
from anjian.prompts import render


class ModelJudge:
    """Judges by asking a model, at temperature 0; a reply out of form is asked again once, then left unscored."""

    def __init__(self, name: str, ask: Ask, kind: Kind = REFUSAL) -> None:
        """Binds a kind of judging to a model.

        Args:
            name: The judging model, for the ledger and the report.
            ask: Asks that model.
            kind: What is judged.
        """
        self.name = name
        self._ask = ask
        self._kind = kind
        self._points = kind.points
        self._schema = schema_of(list(self._points))

    async def judge(self, item: Item, dialogue: Sequence[Message], answer: str) -> Verdict:
        """Judges one answer; see `Judge.judge`."""
        if not answer.strip():
            return Verdict(unscored=NO_ANSWER)
        question = Message("user", self._prompt(item, dialogue, answer))
        messages: tuple[Message, ...] = (question,)
        said = (answer, *(message.content for message in dialogue))

        def readable(reply: Reply) -> bool:
            return self._read(reply, said) is not None

        try:
            for usable in (_anything, readable):
                reply = await self._ask(Request(messages, Sampling(temperature=0), schema=self._schema), usable)
                if found := self._read(reply, said):
                    return Verdict(found[0], self._points[found[0]], found[1])
                reminder = render("anjian.judges", "reminder", labels=list(self._points))
                messages = (question, Message("assistant", reply.text or "…"), Message("user", reminder))
        except CallError as error:
            return Verdict(unscored=f"judge_{error.reason}", analysis=error.detail)
        return Verdict(unscored=JUDGE_UNPARSED, analysis=split_thinking(reply).answer[:200] or silence(reply))

    def _read(self, reply: Reply, said: Sequence[str]) -> tuple[str, str] | None:
        """The verdict of a reply; some servers put all of it with the reasoning."""
        labels, thought = self._points, split_thinking(reply)
        if thought.answer or reply.finish_reason == "length":
            return read_verdict(thought.answer, labels, said)
        return read_closing(thought.thinking, labels, said)

    def _prompt(self, item: Item, dialogue: Sequence[Message], answer: str) -> str:
        if self._kind.prompt:
            return rubric_prompt(self._kind, item, dialogue, answer)
        return render("anjian.judges", self._kind.name, material=quote(dialogue, answer))


def _anything(_: Reply) -> bool:
    """A first reply out of form stands: what is asked again is the reminder that follows it."""
    return True
