"""`anjian eval --dry-run`: what would be asked, and how many calls that takes."""

from collections import Counter
from pathlib import Path

from rich.table import Table

from anjian.console import plain_console
from anjian.dialogue.holding import LIVE_ROUNDS
from anjian.dialogue.scripted import questions_of
from anjian.runs.plan import Prepared
from anjian.runs.seats import model_names
from anjian.text import plain, visible


def describe(prepared: Prepared, folder: Path) -> None:
    """Prints counts by task and area, the calls needed at least, and a few prompts. Nothing is opened or written."""
    console, suite, plan = plain_console(), prepared.suite, prepared.plan
    title = plain(f"{suite.name} {suite.version}: {prepared.selection.origin}")
    table = Table("task", "group", "items", title=title)
    counts = Counter((suite.task_of(item), suite.group_of(item)) for item in prepared.items)
    for (task, group), count in counts.items():
        table.add_row(plain(task), plain(group), str(count))
    console.print(table)
    judges = len(model_names(plan.judges))
    target, judging, attacking = _calls(prepared, judges)
    for line in (
        f"{len(prepared.items)} items × {plan.epochs} epochs; calls that the run folder holds are not repeated",
        f"{target} calls to {plan.model}",
        f"{judging} calls to judge {plan.judge}" if judges else f"judge {plan.judge}: no calls",
        *([f"{attacking} calls to adversary {plan.adversary}"] if plan.adversary else []),
        f"run folder: {folder}",
        *(plain(f"note: {note}") for note in prepared.selection.notes),
    ):
        console.print(plain(line))
    for task in dict.fromkeys(task for task, _ in counts):
        item = next(item for item in prepared.items if suite.task_of(item) == task)
        console.rule(plain(f"{task}: {item.id}"))
        for message in item.history:
            console.print(f"[{message.role}] {visible(message.content)}")
        for turn in questions_of(item):
            console.print(f"[user] {visible(turn)}")


def _calls(prepared: Prepared, judges: int) -> tuple[int, int, int]:
    """Calls at most to the target, to so many judging models, and to the adversary."""
    suite, plan = prepared.suite, prepared.plan
    rounds = (plan.rounds or LIVE_ROUNDS) if plan.adversary else None
    own = {task.name for task in suite.tasks if task.kind and task.kind.by}
    target = judging = attacking = 0
    for item in prepared.items:
        asked, turns = suite.holding.calls(item, rounds)
        target += asked
        attacking += turns
        judging += 0 if suite.task_of(item) in own else asked * judges
    return plan.epochs * target, plan.epochs * judging, plan.epochs * attacking
