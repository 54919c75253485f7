"""`anjian eval --dry-run`: what would be asked, how many calls and tokens that takes, and what it costs."""

from collections import Counter
from pathlib import Path

from rich.table import Table

from anjian.console import plain_console
from anjian.dialogue.scripted import questions_of
from anjian.runs.loop import run_async
from anjian.runs.money.estimate import Estimate, Part, estimate
from anjian.runs.money.spending import money
from anjian.runs.plan import Prepared
from anjian.runs.seats import model_names
from anjian.text import plain, visible


def describe(prepared: Prepared, folder: Path) -> None:
    """Prints counts by task and area, calls, tokens and cost, and a few prompts. Nothing is opened or written."""
    console, suite, plan = plain_console(), prepared.suite, prepared.plan
    title = plain(f"{suite.name} {suite.version}: {prepared.selection.origin}")
    table = Table("task", "group", "items", title=title)
    counts = Counter((suite.task_of(item), suite.group_of(item)) for item in prepared.items)
    for (task, group), count in counts.items():
        table.add_row(plain(task), plain(group), str(count))
    console.print(table)
    for line in (
        f"{len(prepared.items)} items × {plan.epochs} epochs",
        *_lines(prepared, run_async(estimate(prepared, folder))),
        f"run folder: {folder}",
        *(f"note: {note}" for note in prepared.selection.notes),
    ):
        console.print(plain(line))
    for task in dict.fromkeys(task for task, _ in counts):
        item = next(item for item in prepared.items if suite.task_of(item) == task)
        console.rule(plain(f"{task}: {item.id}"))
        for message in item.history:
            console.print(f"[{message.role}] {visible(message.content)}")
        for turn in questions_of(item):
            console.print(f"[user] {visible(turn)}")


def _lines(prepared: Prepared, found: Estimate) -> list[str]:
    plan, costs = prepared.plan, dict[str, float]()
    most = "at most " if plan.adversary else ""
    lines = [f"{'' if part.most else most}{_called(part)}{_tokens(part)}" for part in found.parts]
    if not model_names(plan.judges):
        lines.insert(1, f"judge {plan.judge}: no calls")
    for part in found.parts:
        if part.price and part.cost:
            costs[part.price.currency] = costs.get(part.price.currency, 0.0) + part.cost
    if costs:
        lines.append(f"in all about {money(costs)}")
    if found.spent:
        lines.append(f"spent so far: {money(found.spent)}")
    if any(part.left and part.reply is None for part in found.parts):
        hint = "run with --limit 5 into the same folder first, then this again"
        lines.append(f"how long replies are is not known yet{_most(prepared, found.parts[0])}: {hint}")
    if found.fault:
        lines.append(f"note: the run folder's calls are not counted: {found.fault}")
    return lines


def _called(part: Part) -> str:
    whom = {"target": "to", "judge": "to judge", "adversary": "to adversary"}[part.role]
    most = "at most " if part.most and part.left else ""
    return f"{most}{part.left} calls {whom} {part.model}{f' ({part.stored:,} are stored)' if part.stored else ''}"


def _tokens(part: Part) -> str:
    if not part.left or part.prompt is None:
        return ""
    prompts = f", about {part.left * part.prompt:,.0f}"
    if part.reply is None:
        return f"{prompts} tokens of prompts"
    cost = f", {money({part.price.currency: part.cost or 0.0})}" if part.price else ""
    return f"{prompts} + {part.left * part.reply:,.0f} tokens{cost}"


def _most(prepared: Prepared, target: Part) -> str:
    """The bound that --max-tokens sets to the replies of the target."""
    most = prepared.plan.sampling.max_tokens
    if most is None or target.reply is not None:
        return ""
    tokens = target.left * most
    bound = f"; the target's have at most {tokens:,} tokens"
    if target.price:
        bound += f", {money({target.price.currency: target.price.of(target.left * (target.prompt or 0.0), tokens)})}"
    return f"{bound} with --max-tokens {most:,}"
