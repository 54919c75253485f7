"""`anjian eval --dry-run`: what would be asked, and how many calls that takes."""

from collections import Counter
from pathlib import Path

from rich.table import Table

from anjian.console import plain_console
from anjian.dialogue.scripted import questions_of
from anjian.runs.evaluate import Prepared
from anjian.runs.seats import RULES
from anjian.suites.base import LIVE_ROUNDS


def describe(prepared: Prepared, folder: Path) -> None:
    """Prints counts by task and area, the calls needed at least, and a few prompts. Nothing is opened or written."""
    console, suite, plan = plain_console(), prepared.suite, prepared.plan
    table = Table("task", "group", "items", title=f"{suite.name} {suite.version}: {prepared.selection.origin}")
    counts = Counter((suite.task_of(item), suite.group_of(item)) for item in prepared.items)
    for (task, group), count in counts.items():
        table.add_row(task, group, str(count))
    console.print(table)
    judges = sum(judge != RULES for judge in plan.judges)
    rounds = (plan.rounds or LIVE_ROUNDS) if plan.adversary else None
    calls = [suite.calls(item, judges, rounds) for item in prepared.items]
    target, judging, attacking = (plan.epochs * sum(column) for column in zip(*calls, strict=True))
    for line in (
        f"{len(prepared.items)} items × {plan.epochs} epochs; calls that the run folder holds are not repeated",
        f"{target} calls to {plan.model}",
        f"{judging} calls to judge {plan.judge}" if judges else f"judge {plan.judge}: no calls",
        *([f"{attacking} calls to adversary {plan.adversary}"] if plan.adversary else []),
        f"run folder: {folder}",
        *(f"note: {note}" for note in prepared.selection.notes),
    ):
        console.print(line)
    for task in dict.fromkeys(task for task, _ in counts):
        item = next(item for item in prepared.items if suite.task_of(item) == task)
        console.rule(f"{task}: {item.id}")
        for message in item.history:
            console.print(f"[{message.role}] {message.content}")
        for turn in questions_of(item):
            console.print(f"[user] {turn}")
