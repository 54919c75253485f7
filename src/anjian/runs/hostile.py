"""Tries hostile replies on a live judge, each beside its plain twin; what was asked once is not asked again."""

from contextlib import AsyncExitStack
from pathlib import Path

import msgspec
from rich.console import Console

from anjian.judges.hostile import Moved, hostile_replies, tried
from anjian.judges.kinds import REFUSAL
from anjian.judges.named import members
from anjian.judges.prompting import Prompt, settled
from anjian.models.base import Sampling
from anjian.models.resolve import Access
from anjian.models.settled import versions_in_book
from anjian.runs.folder import LEDGER, Identity, opened, write_run
from anjian.runs.ledger import Ledger
from anjian.runs.money.purse import Purse
from anjian.runs.money.spending import Spent
from anjian.runs.seats import Seats, describe_models, lazily, model_names
from anjian.runs.session import carry_out


class Tried(msgspec.Struct, frozen=True):
    """What came of it: each hostile reply with both verdicts, why it stopped early, and what the judge used."""

    cases: list[Moved]
    stopped: str | None
    spent: list[Spent]


async def try_hostile(
    judge: str, prompts: tuple[Prompt, ...], access: Access, budget: float | None, folder: Path, console: Console
) -> Tried:
    """Has all hostile replies and their twins judged by the four labels.

    Args:
        judge: A name, as `--judge` takes it.
        prompts: What it reads, if not the usual prompt.
        access: How it is reached.
        budget: The most that it may cost.
        folder: Where the ledger is.
        console: Where progress is shown.

    Raises:
        UsageError: The judge, a prompt or the folder cannot be used.
    """
    chosen = settled(prompts, [REFUSAL], [judge])
    models = describe_models((None, judge), msgspec.structs.replace(access, log=folder / "server.log"))
    versions, purse = versions_in_book(model_names([judge])), Purse(model_names([judge]), budget)
    cases = hostile_replies()
    with opened(folder, Identity("hostile", judge, 1, Sampling(), "")):
        write_run(folder, Identity("hostile", judge, 1, Sampling(), ""), {}, [], [])
        with Ledger(folder / LEDGER) as ledger:
            purse.enter(folder / LEDGER, ledger.usage)
            async with AsyncExitStack() as stack:
                seats = Seats([judge], ledger, lazily(models, stack, console), versions, purse)
                asked = seats.judge([judge], REFUSAL, prompts=chosen)

                async def act(number: int) -> int:
                    return not (await tried(asked, cases[number])).judged

                stopped = await carry_out(range(len(cases)), act, seats, access.concurrency or 16, console)
            ledger.commit()
            replay = Seats([judge], ledger, {}, versions).judge([judge], REFUSAL, prompts=chosen)
            found = [await tried(replay, case) for case in cases]
    return Tried(found, stopped, purse.spent(dict.fromkeys(members([judge]), "judge")))
