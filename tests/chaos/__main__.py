"""`python -m tests.chaos --calls 2000 --seed 1`, what `make chaos` runs. Exit status 1 if a rule was violated.

With --mutant NAME (or `all`) a bug is planted in a copy of the tree first, and the status is 1 if nothing caught it.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path

from dialer import env
from tests.chaos.run import Plan, Report, Run

RESULTS = env.ROOT / "docs" / "reliability.md"
ROWS_END = "<!-- the end of the runs -->"


def main() -> int:
    words = _words()
    if words.mutant:
        from tests.chaos import mutants

        return mutants.main(words.mutant, _say)
    plan = Plan(calls=words.calls, seed=words.seed, rate=words.rate, speed=words.speed, slots=words.slots)
    with tempfile.TemporaryDirectory(prefix="dialer-chaos-") as folder:
        report = Run(plan, Path(folder), say=_say).go()
    summary = json.dumps(asdict(report), indent=2)
    _say(summary)
    if words.out:
        Path(words.out).write_text(summary + "\n", encoding="utf-8")
    _say(markdown(report))
    if words.record:
        record(markdown(report))
    return 1 if report.violations else 0


def _words() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--calls", type=int, default=2_000, help="people to call")
    parser.add_argument("--seed", type=int, default=int(time.time()), help="decides people, faults and moments")
    parser.add_argument("--rate", type=float, default=20.0, help="calls a second of the account")
    parser.add_argument("--speed", type=float, default=30.0, help="how many times faster the carrier's clock runs")
    parser.add_argument("--slots", type=int, default=60, help="calls that may be open at once")
    parser.add_argument("--out", default="", metavar="FILE", help="write the summary there too, as JSON")
    parser.add_argument("--record", action="store_true", help="append a row to docs/reliability.md")
    parser.add_argument("--mutant", default="", metavar="NAME", help="plant this bug (or all, one by one)")
    return parser.parse_args()


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def markdown(report: Report) -> str:
    """The run as one row of the table in docs/reliability.md."""
    done = report.done.get
    cells = [
        time.strftime("%Y-%m-%d %H:%M", time.gmtime()),
        _commit(),
        f"{platform.machine()}, {os.cpu_count()} cores",
        report.plan["seed"],
        f"{report.people:,}",
        f"{report.accepted:,}",
        f"{report.seconds:,.0f} s",
        done("kill -9", 0),
        done("PostgreSQL crashes", 0),
        done("Redis losses", 0),
        done("freezes", 0),
        done("failpoints", 0),
        " + ".join(str(done(act, 0)) for act in ("pauses", "suppressions", "edits", "hang-ups")),
        f"{report.most_in_second} ({report.plan['rate']:g})",
        f"{report.most_open} ({report.plan['slots']})",
        len(report.violations),
    ]
    return "| " + " | ".join(map(str, cells)) + " |"


def _commit() -> str:
    """The commit of the tree that ran, with + if something was not committed. A tree without git has CHAOS_COMMIT."""
    if named := os.environ.get("CHAOS_COMMIT"):
        return named
    head = _git("rev-parse", "--short", "HEAD")
    return head + ("+" if _git("status", "--porcelain") else "")


def _git(*words: str) -> str:
    return subprocess.run(["git", *words], cwd=env.ROOT, capture_output=True, text=True, check=False).stdout.strip()


def record(row: str) -> None:
    """Append the row to the table of runs."""
    text = RESULTS.read_text(encoding="utf-8")
    RESULTS.write_text(text.replace(ROWS_END, f"{row}\n{ROWS_END}"), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
