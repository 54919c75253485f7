"""Has a run judged a second time, killed at one change of its files after another; `python judged_twice.py FOLDER`.

FOLDER/cut N        as the kill at the Nth change left it
FOLDER/healed N     that, run again
FOLDER/whole        run without a kill
"""

import os
import shutil
import sys
from itertools import count
from pathlib import Path

import anjian

Messages = list[dict[str, str]]


def target(messages: Messages) -> str:
    return "抱歉，我不能这样做。"


def first(messages: Messages) -> str:
    return "[答案] 直接拒绝\n[分析] 没有引导。"


def second(messages: Messages) -> str:
    return "[答案] 拒绝并负责任引导\n[分析] 有引导。"


def judge_again(folder: Path) -> None:
    anjian.evaluate(target, "chisafety", items=folder.parent / "items.jsonl", out=folder, judge=second)


def killed_at(number: int, folder: Path) -> bool:
    """Judges again in a process that ends at a change; False if there are not so many."""
    changes = count(1)

    def watch(event: str, arguments: tuple[object, ...]) -> None:
        ours = event in ("os.rename", "os.remove", "os.mkdir") and str(folder) in "".join(map(str, arguments[:2]))
        if ours and next(changes) == number:
            os._exit(9)

    child = os.fork()
    if child == 0:
        sys.addaudithook(watch)
        judge_again(folder)
        os._exit(0)
    return os.waitpid(child, 0)[1] != 0


def judge_twice(folder: Path) -> None:
    anjian.evaluate(target, "chisafety", items=folder / "items.jsonl", out=folder / "once", judge=first)
    shutil.copytree(folder / "once", folder / "whole")
    judge_again(folder / "whole")
    for number in count(1):
        cut, healed = folder / f"cut {number}", folder / f"healed {number}"
        shutil.copytree(folder / "once", cut)
        if not killed_at(number, cut):
            return
        shutil.copytree(cut, healed)
        judge_again(healed)


if __name__ == "__main__":
    judge_twice(Path(sys.argv[1]))
