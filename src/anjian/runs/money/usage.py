"""What the calls in a ledger used: counted for each model as replies are stored, and kept beside them.

A reply that is asked for again was paid for twice: counts only grow, whatever becomes of the reply.
"""

import sqlite3
from pathlib import Path

import msgspec

TOKENS_PER_BYTE = 0.23
"""For texts that nobody has counted. A Chinese character has three bytes in UTF-8 and a Latin letter one: that makes
0.7 tokens for the one and 0.23 for the other, which is about what today's Chinese tokenizers need."""
TABLE = """
CREATE TABLE usage (model TEXT PRIMARY KEY, calls INTEGER, prompt_tokens INTEGER, completion_tokens INTEGER,
longest INTEGER, silent INTEGER, silent_in INTEGER, silent_out INTEGER) WITHOUT ROWID
"""
_READ = "SELECT * FROM usage"
# A ledger of an earlier version has no such table: its counts are made from its calls, once.
_COUNT = """
WITH counted AS (
    SELECT model, length(CAST(request AS BLOB)) AS asked, length(CAST(reply AS BLOB)) AS said,
        coalesce(json_extract(reply, '$.prompt_tokens'), 0) AS prompt,
        coalesce(json_extract(reply, '$.completion_tokens'), 0) AS completion
    FROM calls WHERE json_valid(reply)
)
SELECT model, count(*), sum(prompt), sum(completion), max(completion), sum(prompt + completion = 0),
    sum(asked * (prompt + completion = 0)), sum(said * (prompt + completion = 0))
FROM counted GROUP BY model
"""


class Usage(msgspec.Struct):
    """What the stored calls of one model used.

    Attributes:
        calls: How many there are.
        prompt_tokens: As the model's side counted them.
        completion_tokens: The same of the replies, thinking included.
        longest: Most tokens of one reply.
        silent: Calls whose tokens nobody counted.
        silent_in: Bytes of what was asked in them.
        silent_out: Bytes of what was said in them.
    """

    calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    longest: int = 0
    silent: int = 0
    silent_in: int = 0
    silent_out: int = 0

    def add(self, prompt: int, completion: int, asked: int, said: int) -> None:
        """Counts one call: its tokens, and the bytes of what was asked and said."""
        self.calls += 1
        self.prompt_tokens += prompt
        self.completion_tokens += completion
        self.longest = max(self.longest, completion)
        if not prompt and not completion:
            self.silent += 1
            self.silent_in += asked
            self.silent_out += said

    def joined(self, other: "Usage") -> "Usage":
        """The sum of both."""
        summed = {name: getattr(self, name) + getattr(other, name) for name in self.__struct_fields__}
        return Usage(**{**summed, "longest": max(self.longest, other.longest)})

    @property
    def tokens(self) -> tuple[float, float]:
        """Tokens of all prompts and of all replies; those that nobody counted are estimated from their bytes."""
        return (
            self.prompt_tokens + TOKENS_PER_BYTE * self.silent_in,
            self.completion_tokens + TOKENS_PER_BYTE * self.silent_out,
        )


def usage_in(db: sqlite3.Connection) -> dict[str, Usage]:
    """What the calls of each model used, by the name that the ledger knows it by; raises what damaged rows raise."""
    has_table = db.execute("SELECT 1 FROM sqlite_master WHERE name = 'usage'").fetchone()
    rows = db.execute(_READ if has_table else _COUNT)
    return {
        model: msgspec.convert(dict(zip(Usage.__struct_fields__, counts, strict=True)), Usage)
        for model, *counts in rows
    }


def read_usage(ledger: Path) -> dict[str, Usage]:
    """The same of a ledger that is not open, without writing to it; empty for what is no ledger."""
    try:
        db = sqlite3.connect(f"{ledger.absolute().as_uri()}?mode=ro", uri=True)
    except sqlite3.Error:
        return {}
    try:
        return usage_in(db)
    except (sqlite3.Error, msgspec.MsgspecError, ValueError, TypeError):
        return {}
    finally:
        db.close()
