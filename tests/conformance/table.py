"""The conformance table of docs/exotel.md as data, and what is wrong with it.

`python -m tests.conformance.table` prints the counts; with --tests it prints the pytest ids of all tests that the
table names, for `pytest $(python -m tests.conformance.table --tests)`.
"""

import ast
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TABLE = ROOT / "docs" / "exotel.md"
SEEDS = ("S0", "S1", "S2", "S3", "S4")
LATER = "later"
_PLACE = re.compile(r"`([^`]+)`")
_ROW = re.compile(r"\|\s*([0-9]+)\s*\|")
_CELLS = re.compile(r"(?<!\\)\|")
COLUMNS = 6


@dataclass(frozen=True)
class Row:
    """One statement. `code` and `tests` as written: `path.py:name` or `page.md#heading`, `path.py::test_name`."""

    number: int
    statement: str
    seeds: tuple[str, ...]
    code: tuple[str, ...]
    tests: tuple[str, ...]
    wire: str

    @property
    def later(self) -> bool:
        """Whether the statement is about the Legs API, which is not built yet."""
        return self.wire.startswith(LATER)


def read(text: str) -> list[Row]:
    """The numbered rows of all tables of the page. Raises ValueError for a row with another number of cells."""
    return [_row(line) for line in text.splitlines() if _ROW.match(line)]


def _row(line: str) -> Row:
    cells = [cell.strip().replace("\\|", "|") for cell in _CELLS.split(line)[1:-1]]
    if len(cells) != COLUMNS:
        raise ValueError(f"row {cells[0]} has {len(cells)} cells instead of {COLUMNS}")
    number, statement, seeds, code, tests, wire = cells
    return Row(
        int(number),
        statement,
        tuple(re.findall(r"S[0-9]+", seeds)),
        tuple(_PLACE.findall(code)),
        tuple(_PLACE.findall(tests)),
        wire,
    )


def faults(row: Row) -> Iterator[str]:
    """What is wrong with a row, one sentence each."""
    if not row.statement:
        yield "it says nothing"
    if not row.seeds or not set(row.seeds) <= set(SEEDS):
        yield f"it names no seed, or one there is not: {row.seeds}"
    if row.later:
        return
    if not row.code:
        yield "it names no place in the code"
    if not row.tests:
        yield "it names no test"
    yield from (f"there is no {place}" for place in row.code if not exists(place))
    yield from (trouble for test in row.tests if (trouble := why_no_proof(test)))


def exists(place: str) -> bool:
    """Whether `path.py:name`, `path.py:Class.name`, `page.md#heading` or a plain path is there."""
    path, _, name = place.partition(":") if ".md" not in place else place.partition("#")
    file = ROOT / path
    if not file.is_file():
        return False
    if not name:
        return True
    return name in (names(file) if file.suffix == ".py" else headings(file))


def why_no_proof(test: str) -> str:
    """Why a test proves nothing: '' if it is there and is run."""
    path, _, name = test.partition("::")
    file = ROOT / path
    if not (path.startswith("tests/") and Path(path).name.startswith("test_") and file.is_file()):
        return f"there is no {path}"
    found = tests(file).get(name)
    if found is None:
        return f"there is no test {test}"
    return f"{test} is not run" if any(re.search(r"\b(skip|skipif|xfail)\b", mark) for mark in found) else ""


@cache
def names(file: Path) -> frozenset[str]:
    """Functions, classes, methods and assigned names of a module; inner ones as Class.name."""
    return frozenset(_names(ast.parse(file.read_text(encoding="utf-8")).body))


def _names(body: list[ast.stmt], prefix: str = "") -> Iterator[str]:
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield prefix + node.name
        if isinstance(node, ast.ClassDef):
            yield from _names(node.body, f"{prefix}{node.name}.")
        elif isinstance(node, ast.Assign):
            yield from (prefix + target.id for target in node.targets if isinstance(target, ast.Name))
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            yield prefix + node.target.id


@cache
def tests(file: Path) -> dict[str, tuple[str, ...]]:
    """Test functions of a module, each with its decorators as source, those of the module (pytestmark) included."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    marks = [
        ast.unparse(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and any(ast.unparse(target) == "pytestmark" for target in node.targets)
    ]
    return dict(_tests(tree.body, marks))


def _tests(body: list[ast.stmt], marks: list[str], prefix: str = "") -> Iterator[tuple[str, tuple[str, ...]]]:
    for node in body:
        if isinstance(node, ast.ClassDef) and node.name.startswith("Test"):
            own = [ast.unparse(one) for one in node.decorator_list]
            yield from _tests(node.body, marks + own, f"{prefix}{node.name}::")
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
            yield prefix + node.name, tuple(marks + [ast.unparse(one) for one in node.decorator_list])


@cache
def headings(file: Path) -> frozenset[str]:
    """The headings of a page as links name them."""
    found = re.findall(r"^#+ +(.+)$", file.read_text(encoding="utf-8"), re.MULTILINE)
    return frozenset(re.sub(r"[^\w -]", "", heading).strip().lower().replace(" ", "-") for heading in found)


def summary(rows: list[Row]) -> str:
    """The counts in one line."""
    now = [row for row in rows if not row.later]
    proven = [row for row in now if not list(faults(row))]
    distinct = {test for row in now for test in row.tests}
    return (
        f"{len(rows)} statements of the seeds: {len(proven)} proven by {len(distinct)} tests, "
        f"{len(now) - len(proven)} not, {len(rows) - len(now)} later (Legs API)."
    )


def main(arguments: list[str]) -> int:
    """Print the counts and what is wrong; 1 if anything is."""
    rows = read(TABLE.read_text(encoding="utf-8"))
    if "--tests" in arguments:
        sys.stdout.write("\n".join(sorted({test for row in rows for test in row.tests})) + "\n")
        return 0
    found = [f"{row.number}: {fault}" for row in rows for fault in faults(row)]
    sys.stdout.write("\n".join([*found, summary(rows)]) + "\n")
    return 1 if found else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
