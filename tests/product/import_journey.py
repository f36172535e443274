"""A list's whole way in the browser: dropped, matched, imported, found by a column, exported, and undone again.

The suite walks it with a few thousand rows. With any number of them, on a screen of any size, by hand:

    python -m tests.product.import_journey --rows 100000 --screen phone

prints one object of JSON: what was counted, and the longest standstill of each progress that was shown.
"""

import argparse
import csv
import io
import json
import random
import re
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

from playwright.sync_api import Download, expect

from campaigns.spreadsheets import plain_cell
from tests.product import operator_acts
from tests.product.browser import LOOK, SIZES, Visitor, visitor
from tests.product.people import BAD, NAMES, spelled
from tests.product.running import Product

HEADER = ("Customer ID", "Customer Name", "Mobile No.", "City", "Amount", "Due date", "Language", "Remark")
CITIES = ("Pune", "Nashik", "Nagpur", "Satara", "Kolhapur", "Thane", "Surat", "इंदौर")
LANGUAGES = ("hi", "mr", "en")
PATIENCE = 300_000  # milliseconds, for a million rows on a busy machine
# Runs before any script of a page: what the progress shows, at each look. A redraw of the part does not disturb it.
WATCH = """
  addEventListener("DOMContentLoaded", () => {
    window.looks = [];
    setInterval(() => {
      const part = document.getElementById("import");
      if (!part) return;
      const bar = part.querySelector("progress");
      const figures = [...part.querySelectorAll(".sum__fig")].map((figure) => figure.textContent);
      looks.push([Math.round(performance.now()), part.querySelector("h1").textContent, `${figures} ${bar?.value}`]);
    }, 250);
  });
"""
# As a hand does it: the file is dropped on the field.
DROP = """
  (field, [name, text]) => {
    const dropped = new DataTransfer();
    dropped.items.add(new File([text], name, { type: "text/csv" }));
    field.dispatchEvent(new DragEvent("drop", { dataTransfer: dropped, bubbles: true, cancelable: true }));
  }
"""


@dataclass(frozen=True)
class Made:
    """A file and what is to become of it: `rejected` by line with the cell at fault, `cities` of who comes in."""

    path: Path
    rows: int
    imported: int
    duplicates: int
    rejected: dict[int, str]
    cities: Counter[str]


@dataclass(frozen=True)
class Moves:
    """A progress as looked at each 250 ms: changes seen, seconds before the first, the longest time between two."""

    looks: int
    steps: int
    waited: float
    standstill: float


@dataclass
class Seen:
    """What a walk has counted, and how the two progresses moved."""

    rows: int = 0
    upload_seconds: float = 0.0
    import_seconds: float = 0.0
    undo_seconds: float = 0.0
    importing: "Moves | None" = None
    undoing: "Moves | None" = None
    figures: dict[str, int] = field(default_factory=dict)


def make(path: Path, rows: int) -> Made:
    """A file of so many rows, 5 % of them duplicates and 2 % bad, in all spellings and in no order."""
    chance = random.Random(7)
    duplicates, bad = rows // 20, rows // 50
    good = rows - duplicates - bad
    cells = [(spelled(str(9_000_000_000 + i), i), i) for i in range(good)]
    cells += [(spelled(str(9_000_000_000 + i), i + 5), i) for i in range(duplicates)]
    cells += [(BAD[i % len(BAD)], -1) for i in range(bad)]
    chance.shuffle(cells)
    known: set[int] = set()
    cities: Counter[str] = Counter()
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        written = csv.writer(file)
        written.writerow(HEADER)
        for at, (cell, who) in enumerate(cells):
            city = CITIES[at % len(CITIES)]
            written.writerow(_row(at, cell, city))
            if who >= 0 and who not in known:
                known.add(who)
                cities[city] += 1
    rejected = {at + 2: cell for at, (cell, who) in enumerate(cells) if who < 0}
    return Made(path, rows, good, duplicates, rejected, cities)


def _row(at: int, cell: str, city: str) -> Sequence[str]:
    day = f"{1 + at % 28:02d}/12/2026"
    name, language = NAMES[at % len(NAMES)], LANGUAGES[at % len(LANGUAGES)]
    return f"C-{at}", name, cell, city, f"{100 + at % 9000}.50", day, language, "-" if at % 7 else "=note"


# ------------------------------------------------------------------------------------------------------------- walk
def walk(visit: Visitor, product: Product, made: Made, name: str) -> Seen:
    """The whole of it; whatever is not as `made` says fails. Leaves an undone import, and nobody on the list."""
    seen = Seen(made.rows)
    _upload(visit, made, name, seen)
    _import(visit, made, seen)
    _rejects(visit, made)
    list_id = _list_page(visit, product, made, name)
    _undo(visit, product, made, list_id, seen)
    return seen


def _upload(visit: Visitor, made: Made, name: str, seen: Seen) -> None:
    page = visit.page
    visit.go("/lists/upload")
    if made.rows <= 20_000:
        text = made.path.read_text(encoding="utf-8-sig")
        page.locator(".drop").evaluate(DROP, [made.path.name, text])
    else:
        page.locator(".drop input").focus()  # a keyboard reaches it, and its space bar opens the dialog
        page.locator(".drop input").set_input_files(made.path)
    expect(page.locator(".drop__title")).to_contain_text(made.path.name)
    page.get_by_label("Name of the new list").fill(name)
    visit.look("journey-upload")
    begun = time.monotonic()
    page.get_by_role("button", name="Upload and match the columns").click()
    if made.rows > 20_000:
        expect(page.locator(".upload p")).to_contain_text(re.compile("MB uploaded"))
        visit.look("journey-uploading")
    expect(page.get_by_role("heading", name="Match the columns")).to_be_visible(timeout=PATIENCE)
    seen.upload_seconds = round(time.monotonic() - begun, 2)
    expect(page.locator("#id_phone_column")).to_have_value("Mobile No.")
    expect(page.locator("#id_name_column")).to_have_value("Customer Name")
    expect(page.locator("#preview tbody tr")).to_have_count(20)
    visit.look("journey-match")


def _import(visit: Visitor, made: Made, seen: Seen) -> None:
    page = visit.page
    begun = time.monotonic()
    page.get_by_role("button", name="Import the people of this file").click()
    ended = page.get_by_role("heading", name=re.compile("^Imported"), level=1)
    expect(page.get_by_text(re.compile("a second, about")).or_(ended).first).to_be_visible(timeout=PATIENCE)
    if LOOK:
        visit.picture("journey-importing")
    expect(ended).to_be_visible(timeout=PATIENCE)
    seen.import_seconds = round(time.monotonic() - begun, 2)
    seen.importing = _progress(visit, "Importing")
    labels, figures = page.locator(".sum__lab").all_inner_texts(), page.locator(".sum__fig").all_inner_texts()
    seen.figures = {label: int(figure.replace(",", "")) for label, figure in zip(labels, figures, strict=True)}
    assert seen.figures == {
        "rows in the file": made.rows,
        "imported": made.imported,
        "duplicates": made.duplicates,
        "rejected": len(made.rejected),
    }
    visit.look("journey-report")


def _progress(visit: Visitor, heading: str) -> Moves:
    """From the first look with this heading to the first without it."""
    visit.page.wait_for_timeout(600)  # for the look that sees the end
    looks: list[tuple[int, str, str]] = visit.page.evaluate("window.looks")
    first = next((place for place, (_, shown, _) in enumerate(looks) if shown.startswith(heading)), len(looks))
    last = next((place for place, look in enumerate(looks) if place >= first and not look[1].startswith(heading)), -1)
    part = looks[first : last + 1]
    moments = [now for (now, *shown), (_, *before) in zip(part[1:], part, strict=False) if shown != before]
    gaps = [later - sooner for sooner, later in pairwise(moments)]
    waited = moments[0] - part[0][0] if moments else 0
    return Moves(len(part), len(moments), waited / 1000, max(gaps, default=0) / 1000)


def _rejects(visit: Visitor, made: Made) -> None:
    with visit.page.expect_download() as kept:
        visit.page.get_by_role("link", name="Download rejects").click()
    header, *rows = _table(kept.value)
    assert header == [*HEADER, "Dialer line", "Dialer reason"]
    assert {int(row[8]): plain_cell(row[2]) for row in rows} == made.rejected
    assert all(row[9] for row in rows)
    assert {row[7] for row in rows} <= {"'-", "'=note"}


def _table(download: Download) -> list[list[str]]:
    return list(csv.reader(io.StringIO(Path(download.path()).read_text(encoding="utf-8-sig"))))


def _list_page(visit: Visitor, product: Product, made: Made, name: str) -> int:
    """Who is in Pune is found, sorted and exported; returns the list."""
    page = visit.page
    page.get_by_role("link", name="See the list").click()
    expect(page.get_by_role("heading", name=name)).to_be_visible()
    list_id = int(page.url.rstrip("/").rpartition("/")[2])
    if not page.get_by_label("Column", exact=True).is_visible():
        page.get_by_text("Find and filter").click()
    page.get_by_label("Column", exact=True).select_option("var:City")
    page.get_by_label("Value").fill("pune")
    page.get_by_label("Sorted by").select_option("-var:Amount")
    page.get_by_role("button", name="Show", exact=True).click()
    expect(page).to_have_url(re.compile(r"\?sort=-var%3AAmount&field=var%3ACity&op=is&value=pune$"))
    expect(page.locator("#h-people")).to_contain_text(
        re.compile(rf"\b{_said(made.cities['Pune'])} of {_said(made.imported)}:")
    )
    visit.look("journey-filtered")
    with page.expect_download() as kept:
        page.get_by_role("button", name="Export these").click()
    header, *rows = _table(kept.value)
    assert header == list(HEADER)
    assert len(rows) == made.cities["Pune"]
    assert product.query("SELECT count(*) FROM campaigns_contact WHERE contact_list_id = %s", list_id) == [
        (made.imported,)
    ]
    return list_id


def _said(n: int) -> str:
    """A pattern of it, grouped as in India or elsewhere."""
    return ",?".join(str(n))


def _undo(visit: Visitor, product: Product, made: Made, list_id: int, seen: Seen) -> None:
    page = visit.page
    visit.go(f"/lists/{list_id}/")
    page.get_by_role("link", name=made.path.name).click()
    page.get_by_text("Undo this import").click()
    begun = time.monotonic()
    page.get_by_role("button", name="Undo the import").click()
    expect(page.get_by_role("heading", name="The import was undone")).to_be_visible(timeout=PATIENCE)
    seen.undo_seconds = round(time.monotonic() - begun, 2)
    seen.undoing = _progress(visit, "Undoing")
    expect(page.get_by_text(re.compile(rf"\b{_said(made.imported)}\s+people are off the list again"))).to_be_visible()
    visit.look("journey-undone")
    left = product.query("SELECT count(*) FROM campaigns_contact WHERE contact_list_id = %s", list_id)
    columns = product.query("SELECT columns FROM campaigns_contactlist WHERE id = %s", list_id)
    assert (left, columns) == ([(0,)], [([],)])


# ---------------------------------------------------------------------------------------------------------- by hand
@contextmanager
def _running(folder: Path) -> Iterator[Product]:
    product = Product(folder, {})
    try:
        product.wait_until_up()
        yield product
        assert product.trouble() == []
    finally:
        product.kill()


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rows", type=int, default=100_000)
    options.add_argument("--screen", choices=SIZES, default="wide")
    asked = options.parse_args()
    with tempfile.TemporaryDirectory() as folder, _running(Path(folder)) as product:
        made = make(Path(folder) / "people.csv", asked.rows)
        with visitor(product.address, f"journey-{asked.screen}", asked.screen) as visit:
            visit.page.add_init_script(WATCH)
            operator_acts.sign_in(visit, product.password())
            seen = walk(visit, product, made, "A long list")
            assert visit.wrong == []
        told: dict[str, Any] = {"screen": asked.screen, **asdict(seen)}
        sys.stdout.write(json.dumps(told, indent=1) + "\n")


if __name__ == "__main__":
    main()
