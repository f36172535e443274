"""What an import did: examples for each reason, and the rejected rows as a CSV to mend and upload again."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from django.db.models import Count, F, Func, IntegerField, Max, Min

from campaigns import spreadsheets
from campaigns.importing.people import REPORT_COLUMNS
from campaigns.models import ContactImport, ImportIssue

PAGE = 2_000


@dataclass(frozen=True)
class Reason:
    """Rejected rows of one reason: how many, and the first of them."""

    reason: str
    count: int
    line: int
    value: str


def reasons(contact_import: ContactImport, limit: int = 20) -> list[Reason]:
    """The reasons for rejection, the most frequent first, each with its first example."""
    rejected = contact_import.issues.filter(kind=ImportIssue.Kind.REJECTED)
    by_reason = rejected.values("reason").annotate(count=Count("id"), line=Min("line"))
    grouped = list(by_reason.order_by("-count", "line")[:limit])
    values = dict(rejected.filter(line__in=[each["line"] for each in grouped]).values_list("line", "value"))
    return [Reason(each["reason"], each["count"], each["line"], values[each["line"]]) for each in grouped]


def examples(contact_import: ContactImport, limit: int = 10) -> list[ImportIssue]:
    """The first rejected rows in the order of the file."""
    return list(contact_import.issues.filter(kind=ImportIssue.Kind.REJECTED).order_by("line")[:limit])


def rejects_csv(contact_import: ContactImport) -> Iterator[str]:
    """The rejected rows as CSV text, a page at a time: the original columns, then line and reason.

    Paged by key in short transactions. Begins with a BOM, without which Excel reads UTF-8 as Western text. A cell
    that a spreadsheet would run as a formula gets a leading apostrophe, which the importer takes off again.
    """
    width = _width(contact_import)
    header = _cells(contact_import.header, width)
    yield spreadsheets.BOM + spreadsheets.written([[*header, *REPORT_COLUMNS]])
    last = 0
    while page := _page(contact_import, last):
        yield spreadsheets.written([*_cells(row, width), str(line), reason] for line, reason, row in page)
        last = page[-1][0]


def _width(contact_import: ContactImport) -> int:
    """Of the widest rejected row: a row with too many cells is among the reasons."""
    cells = Func(F("row"), function="jsonb_array_length", output_field=IntegerField())
    widest = contact_import.issues.filter(kind=ImportIssue.Kind.REJECTED).aggregate(widest=Max(cells))["widest"]
    return max(len(contact_import.header), widest or 0)


def _page(contact_import: ContactImport, last: int) -> list[tuple[int, str, list[str]]]:
    rejected = contact_import.issues.filter(kind=ImportIssue.Kind.REJECTED, line__gt=last).order_by("line")
    return list(rejected.values_list("line", "reason", "row")[:PAGE])


def _cells(row: Sequence[str], width: int) -> list[str]:
    return [*row] + [""] * (width - len(row))
