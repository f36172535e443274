"""How a bug is planted in a copy of the tree, and whether something catches it. The bugs are in `mutants`.

A mutant is a textual change to a copy of the tree; a text that is not there (any more) fails loudly. The judge that
looks at a mutated product comes from this tree, never from the copy.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from dialer import env
from tests.chaos.faults import Fault
from tests.chaos.run import Plan, Run

LEFT_OUT = shutil.ignore_patterns(".git", ".venv", ".state*", ".*_cache", "__pycache__", ".hypothesis", "staticfiles")
PYTEST_FAILED = 1  # the exit status of a run with failures; other numbers are errors
MACHINE = "tests/dialing/test_protocol_machine.py"


class NotFound(Exception):
    """The text that a mutant changes is not in the tree."""


@dataclass(frozen=True)
class Edit:
    path: str
    old: str
    new: str

    def apply(self, tree: Path) -> None:
        """Raises NotFound unless the text is there exactly once."""
        file = tree / self.path
        text = file.read_text(encoding="utf-8")
        if text.count(self.old) != 1:
            raise NotFound(f"{self.path} has {text.count(self.old)} times {self.old!r}")
        file.write_text(text.replace(self.old, self.new), encoding="utf-8")


@dataclass(frozen=True)
class Mutant:
    """`tests` are pytest's words; without them `plan` is run.

    `breaks` are the invariants that must object: all of them in a run of the harness; of a test, those it stands for.
    """

    name: str
    bug: str
    breaks: tuple[str, ...]
    edits: tuple[Edit, ...]
    tests: tuple[str, ...] = ()
    plan: Plan | None = None


def short(*faults: Fault, calls: int = 60, seed: int = 5) -> Plan:
    return Plan(calls=calls, seed=seed, rate=10.0, proof=False, chosen=faults, patience=150.0)


def caught_by(mutant: Mutant, servers: Mapping[str, str]) -> str:
    """What caught it, '' if nothing did. `servers` are for the tests; the harness starts its own."""
    with tempfile.TemporaryDirectory(prefix="dialer-mutant-") as folder:
        tree = Path(folder) / "tree"
        shutil.copytree(env.ROOT, tree, ignore=LEFT_OUT)
        for edit in mutant.edits:
            edit.apply(tree)
        return _by_tests(mutant, tree, servers) if mutant.tests else _by_harness(mutant, tree, Path(folder))


def _by_tests(mutant: Mutant, tree: Path, servers: Mapping[str, str]) -> str:
    command = [sys.executable, "-m", "pytest", *mutant.tests, "-q", "-x", "--reuse-db", "-p", "no:cacheprovider"]
    done = subprocess.run(command, cwd=tree, env=os.environ | servers, capture_output=True, text=True, check=False)
    if done.returncode not in (0, PYTEST_FAILED):
        raise RuntimeError(f"{mutant.name}: pytest ended with {done.returncode}\n{done.stdout[-2000:]}{done.stderr}")
    lines = done.stdout.splitlines()
    failed = [line.split(" - ")[0].split("::")[-1] for line in lines if line.startswith("FAILED")]
    if not failed:
        return ""
    said = [line.split("AssertionError: ")[1] for line in lines if line.startswith("E ") and "AssertionError: " in line]
    return f"state machine: {said[0][:80]}" if said and mutant.tests[0] == MACHINE else f"`{failed[0]}`"


def _by_harness(mutant: Mutant, tree: Path, folder: Path) -> str:
    assert mutant.plan
    run = Run(mutant.plan, folder / "run", root=tree)
    violated = {violation.rule for violation in run.go().violations}
    return f"chaos: {', '.join(sorted(violated))}" if violated.issuperset(mutant.breaks) else ""
