"""CSV files of people as operators have them. All numbers are in 90000…, which the simulator knows."""

import csv
import itertools
import random
from collections.abc import Sequence
from pathlib import Path

# How the same ten digits are written in real lists.
SPELLINGS = (
    "+91{0}",
    "0{0}",
    "91{0}",
    "{0}",
    "+91 {1} {2}",
    "0{1}-{2}",
    "91-{1}-{2}",
    "+91 ({1}) {2}",
    " {0} ",
    '="{0}"',  # what Excel's CSV export does to keep the zeros
    "'{0}",  # what people type into Excel for the same
    "0091{0}",
    "+91\u00a0{1}\u00a0{2}",
    "{1}\u2013{2}",
)
BAD = ("", "n/a", "12345", "9.00001E+09", "not a number", "+91 900001", "0000000000", "12,13", "ring twice")
NAMES = (
    "Asha Rao",
    "R. Verma",
    "Fatima Sheikh",
    "Jörg Müller",
    "सीता शर्मा",
    'Om "Bunty" Patel',
    "D’Souza, Maria",
    "Li",
)


def spelled(digits: str, spelling: int) -> str:
    return SPELLINGS[spelling % len(SPELLINGS)].format(digits, digits[:5], digits[5:])


def numbers(fates: Sequence[str], count: int, *, first: int = 1) -> list[str]:
    """`count` ten-digit numbers that take the fates in turn, no two alike, each fate's counted from `first`."""
    counters = {fate: itertools.count(first) for fate in fates}
    return [f"90000{fate}{next(counters[fate]):03d}" for fate in itertools.islice(itertools.cycle(fates), count)]


def write_csv(path: Path, digits: Sequence[str], *, duplicates: int = 0, bad: int = 0) -> None:
    """A file with a row for each number, rows that repeat some in another spelling, and rows that are no numbers."""
    chance = random.Random(7)
    cells = [spelled(number, i) for i, number in enumerate(digits)]
    cells += [spelled(digits[i], i + 5) for i in range(duplicates)]
    cells += [BAD[i % len(BAD)] for i in range(bad)]
    chance.shuffle(cells)
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["Sr No", "Customer Name", "Mobile No.", "amount", "due date"])
        for i, cell in enumerate(cells):
            rows.writerow([i + 1, NAMES[i % len(NAMES)], cell, f"{100 + i},50", f"{1 + i % 28:02d}/12/2026"])
