"""From a file that has arrived to a list that is ready, beside COPY of the same people into an equally indexed table.

The file has eight columns, 5 % duplicates and 2 % bad rows, with numbers in the spellings that people use. The importer
is a process of its own, whose peak memory is told too. COPY gets the finished rows, one of each person, from disk.
"""

import csv
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from django.db import connection

from bench.table import Row
from campaigns.models import Contact

HEADER = ("Name", "Mobile", "City", "Amount", "Due date", "Loan ID", "Branch", "Email")
BLOCK = 1 << 18
MOST_MEMORY = 300.0  # MiB
MOST = 2.5  # times as long as COPY
_CITIES = ("Pune", "Nashik", "Indore", "Chennai", "Surat", "मुंबई", "Bengaluru", "Kolkata")
_SPELLINGS = ("{}", "{}", "{}", "{}", "+91{}", "0{}", "91{}", "+91 {}")
_BAD = ("9.19877E+11", "12345", "", "call him", "98765 43210 / 98765 43211")


def measure(runs: int) -> list[Row]:
    """The rows of the part; for a million rows about a minute a run."""
    rows = int(os.environ.get("BENCH_ROWS", "1000000"))
    with TemporaryDirectory(prefix="dialer-bench-list-") as folder:
        people = Path(folder) / "people.csv"
        _write(people, rows)
        found = [(_import(people, f"List {run}"), _copy(Path(folder) / "rows.tsv")) for run in range(runs)]
    anchor = f"COPY of the {rows:,} rows' people into an equally indexed table"
    for imported, _ in found:
        assert imported["rows"] == rows == imported["people"] + imported["left out"], imported
    return [
        Row(anchor, "s", [copied for _, copied in found]),
        Row("import, file arrived to list ready", "s", [one["seconds"] for one, _ in found], of=anchor),
        Row("of it, before the first row is stored", "s", [one["looking"] for one, _ in found]),
        Row("CPU of the importing process", "s", [one["cpu"] for one, _ in found]),
        Row(f"its peak memory (at most {MOST_MEMORY:.0f})", "MiB", [one["peak"] for one, _ in found]),
    ]


def _write(path: Path, rows: int) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(HEADER)
        writer.writerows(_people(rows))


def _people(rows: int) -> Iterator[list[object]]:
    chance = random.Random(5)
    for place in range(rows):
        draw = chance.random()
        who = chance.randrange(place) if draw < 0.05 and place else place
        number = chance.choice(_SPELLINGS).format(6_000_000_000 + who * 2_654_435_761 % 3_999_999_979)
        yield [
            f"Person {place}",
            chance.choice(_BAD) if draw > 0.98 else number,
            chance.choice(_CITIES),
            chance.randrange(500, 90_000),
            f"{chance.randrange(1, 29):02}-11-2026",
            f"LN{place:09}",
            f"Branch {place % 300}",
            f"person{place}@example.org",
        ]


def _import(people: Path, name: str) -> dict[str, float]:
    command = [sys.executable, "-m", "bench.import_one", str(people), name]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    answer: dict[str, float] = json.loads(done.stdout)
    return answer


def _copy(rows: Path) -> float:
    """Seconds of COPY for what the import has stored; the list is emptied afterwards."""
    names = [field.column for field in Contact._meta.concrete_fields if not field.primary_key]
    columns = ", ".join(f'"{name}"' for name in names)
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
        with rows.open("wb") as out, cursor.copy(f"COPY campaigns_contact ({columns}) TO STDOUT") as copy:
            out.writelines(bytes(block) for block in copy)
        cursor.execute("CREATE TABLE anchor (LIKE campaigns_contact INCLUDING ALL)")
        began = time.monotonic()
        with rows.open("rb") as file, cursor.copy(f"COPY anchor ({columns}) FROM STDIN") as copy:
            while block := file.read(BLOCK):
                copy.write(block)
        took = time.monotonic() - began
        cursor.execute("DROP TABLE anchor")
        cursor.execute("TRUNCATE campaigns_contact, campaigns_contactlist, campaigns_contactimport CASCADE")
    return took
