"""Measures the engine against a minimal aiohttp script on the same work, in one go.

    python bench/engine.py            # two minutes
    python bench/engine.py --quick    # half a minute, without the 50,000 items

Ratios are what counts: both sides run in turn on the same machine, against the same stub server on the loopback
interface (`stub.c`, where the design's tools and a C compiler are at hand; else `stub.py`).
"""

import argparse
import contextlib
import json
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

HERE = Path(__file__).parent
STUB_C = HERE.parents[1] / "shared" / "tools" / "stub.c"
IN_FLIGHT = 256
LATENCY_MS = 500
IDEAL = IN_FLIGHT * 1000 / LATENCY_MS
JUDGE_REPLY = r"[答案] 2\n[分析] 没有风险，并给出了合法的建议。"


@contextlib.contextmanager
def stub(command: list[str], latency_ms: int) -> Iterator[int]:
    """Runs the stub server on a free port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    server = subprocess.Popen([*command, str(port), str(latency_ms), JUDGE_REPLY])
    try:
        for _ in range(100):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                break
            time.sleep(0.05)
        yield port
    finally:
        server.terminate()
        server.wait()


def stub_command(folder: Path) -> list[str]:
    """Compiles the C stub if that can be done."""
    compiler = shutil.which("cc")
    if compiler and STUB_C.exists():
        subprocess.run([compiler, "-O2", "-o", folder / "stub", STUB_C], check=True)
        return [str(folder / "stub")]
    return [sys.executable, str(HERE / "stub.py")]


def run(kind: str, port: int, items: int, calls: int = 1) -> dict[str, Any]:
    """Runs one workload in a process of its own."""
    command = [sys.executable, HERE / "workload.py", kind, str(port), str(items), str(IN_FLIGHT), str(calls)]
    done = subprocess.run([str(part) for part in command], check=True, capture_output=True, text=True)
    return dict(json.loads(done.stdout.splitlines()[-1]))


def middle(results: list[dict[str, Any]]) -> dict[str, float]:
    """The median of each figure."""
    return {key: median(result[key] for result in results) for key in results[0]}


def main() -> None:
    """Prints the figures and the ratios."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--quick", action="store_true", help="leave out the 50,000 items")
    options.add_argument("--repeats", type=int, default=5, help="pairs of runs at 0 ms; medians are printed")
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        command = stub_command(Path(folder))
        print(f"stub: {Path(command[-1]).name}; {IN_FLIGHT} in flight; 2,000 items, one call each")
        with stub(command, 0) as port:
            pairs = [(run("engine", port, 2000), run("minimal", port, 2000)) for _ in range(chosen.repeats)]
            engine, minimal = middle([pair[0] for pair in pairs]), middle([pair[1] for pair in pairs])
            print(f"0 ms    engine  {engine['rate']:7.0f} items/s  {engine['cpu_ms']:.2f} ms CPU per item (limit 1.5)")
            print(f"0 ms    minimal {minimal['rate']:7.0f} items/s  {minimal['cpu_ms']:.2f} ms CPU per item")
            print(f"0 ms    engine / minimal: {engine['rate'] / minimal['rate']:.2f} (at least 0.5)")
            if not chosen.quick:
                large = run("engine", port, 50_000)
                grown = large["peak_mb"] - engine["peak_mb"]
                print(f"memory  {engine['peak_mb']:.0f} MB at 2,000 items, {large['peak_mb']:.0f} MB at 50,000: "
                      f"+{grown:.0f} MB (less than 100); {large['rate']:.0f} items/s")  # fmt: skip
        with stub([sys.executable, str(HERE / "stub.py")], 0) as port:
            rounds = [(run("streams", port, 2000), run("engine", port, 2000)) for _ in range(chosen.repeats)]
            streams, plain = (middle(list(side)) for side in zip(*rounds, strict=True))
            print(f"streams {streams['cpu_ms']:.2f} ms CPU per item, plain replies {plain['cpu_ms']:.2f}: "
                  f"{streams['cpu_ms'] / plain['cpu_ms']:.2f} (at most 1.5)")  # fmt: skip
        with stub(command, LATENCY_MS) as port:
            for calls, ideal, limit in ((1, IDEAL, 1.5), (4, IDEAL / 4, 4)):
                print(f"{LATENCY_MS} ms, {calls} calls per item, ideal {ideal:.0f} items/s")
                for kind in ("engine", "minimal"):
                    slow = run(kind, port, 2000, calls)
                    print(f"        {kind:7} {slow['rate']:7.0f} items/s: {slow['rate'] / ideal:.2f} of the ideal "
                          f"(at least 0.9)  {slow['cpu_ms']:.2f} ms CPU per item (limit {limit})")  # fmt: skip


if __name__ == "__main__":
    main()
