"""`anjian eval --dry-run`: what would be asked, and how many calls that takes."""

from collections import Counter
from pathlib import Path

from rich.console import Console
from rich.table import Table

from anjian.dialogue.scripted import questions_of
from anjian.runs.evaluate import RULES, Prepared


def describe(prepared: Prepared, folder: Path) -> None:
    """Prints counts by task and area, the calls needed at least, and a few prompts. Nothing is opened or written."""
    console, suite, plan = Console(), prepared.suite, prepared.plan
    table = Table("task", "group", "items", title=f"{suite.name} {suite.version}: {prepared.selection.origin}")
    counts = Counter((suite.task_of(item), suite.group_of(item)) for item in prepared.items)
    for (task, group), count in counts.items():
        table.add_row(task, group, str(count))
    console.print(table)
    judges = 0 if plan.judge == RULES else 1
    calls = [suite.calls(item, judges) for item in prepared.items]
    target, judging = (plan.epochs * sum(column) for column in zip(*calls, strict=True))
    for line in (
        f"{len(prepared.items)} items × {plan.epochs} epochs",
        f"{target} calls to {plan.model}, {judging} to judge {plan.judge} (a run folder's stored calls are not repeated)",
        f"run folder: {folder}",
        *(f"note: {note}" for note in prepared.selection.notes),
    ):
        console.print(line, markup=False, highlight=False)
    for task in dict.fromkeys(task for task, _ in counts):
        item = next(item for item in prepared.items if suite.task_of(item) == task)
        console.rule(f"{task}: {item.id}")
        for message in item.history:
            console.print(f"[{message.role}] {message.content}", markup=False, highlight=False)
        for turn in questions_of(item):
            console.print(f"[user] {turn}", markup=False, highlight=False)
