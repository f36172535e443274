"""What an import did: examples for each reason, and the rejected rows as a CSV to mend and upload again."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from django.db import connection
from django.db.models import Count, F, Func, IntegerField, Max, Min

from campaigns import spreadsheets
from campaigns.importing.headings import REPORT_COLUMNS
from campaigns.models import ContactImport, ContactList, ImportIssue

PAGE = 2_000


LOOKED_AT = 6_000  # people of an import that are looked for on other lists
OTHER_LISTS = 20  # the newest


@dataclass(frozen=True)
class Reason:
    """Rejected rows of one reason: how many, and the first of them."""

    column: str
    reason: str
    count: int
    line: int
    value: str


def reasons(contact_import: ContactImport, limit: int = 20) -> list[Reason]:
    """The reasons for rejection, the most frequent first, each with its first example."""
    rejected = contact_import.issues.filter(kind=ImportIssue.Kind.REJECTED)
    by_reason = rejected.values("reason", "column").annotate(count=Count("id"), line=Min("line"))
    grouped = list(by_reason.order_by("-count", "line")[:limit])
    values = dict(rejected.filter(line__in=[each["line"] for each in grouped]).values_list("line", "value"))
    return [
        Reason(each["column"], each["reason"], each["count"], each["line"], values[each["line"]]) for each in grouped
    ]


@dataclass(frozen=True)
class RepairKind:
    """Rows that were repaired in one way: how many, and the first of them before and after."""

    kind: str
    rows: int
    line: int
    before: str
    after: str


def repairs(contact_import: ContactImport) -> list[RepairKind]:
    """What was repaired, the most frequent first."""
    kinds = [RepairKind(kind=kind, **given) for kind, given in contact_import.repairs.items()]
    return sorted(kinds, key=lambda each: (-each.rows, each.kind))


@dataclass(frozen=True)
class OtherList:
    """A list that has people of an import too; `exact` is false when only its first people were looked for."""

    pk: int
    name: str
    people: int
    exact: bool


def on_other_lists(contact_import: ContactImport) -> list[OtherList]:
    """The newest other lists that share people with an import, the most first. Nobody is left out for it."""
    others = ContactList.objects.exclude(pk=contact_import.contact_list_id).order_by("-pk")
    names = dict(others.values_list("pk", "name")[:OTHER_LISTS])
    if not names:
        return []
    at = contact_import.contact_list_id
    each, brought = LOOKED_AT // len(names), contact_import.imported - contact_import.updated
    sought = min(each, brought - contact_import.undone)
    if sought <= 0:
        return []
    with connection.cursor() as cursor:
        cursor.execute(_ELSEWHERE, {"list": at, "import": contact_import.pk, "each": sought, "others": list(names)})
        found = cursor.fetchall()
    exact = brought <= each
    return [OtherList(pk, names[pk], people, exact) for pk, people in found]


# a range of one list: with "=" the planner drops it from the order, and may walk over all other lists
_ELSEWHERE = """
    SELECT other.contact_list_id, count(*) FROM (
        SELECT phone FROM campaigns_contact
        WHERE contact_list_id BETWEEN %(list)s AND %(list)s AND contact_import_id = %(import)s
        ORDER BY contact_list_id DESC, id DESC LIMIT %(each)s) AS person,
    LATERAL (SELECT contact_list_id FROM campaigns_contact AS one
        WHERE one.contact_list_id = ANY(%(others)s) AND one.phone = person.phone) AS other
    GROUP BY 1 ORDER BY 2 DESC, 1"""


def examples(contact_import: ContactImport, limit: int = 10) -> list[ImportIssue]:
    """The first rejected rows in the order of the file."""
    return list(contact_import.issues.filter(kind=ImportIssue.Kind.REJECTED).order_by("line")[:limit])


def rejects_csv(contact_import: ContactImport) -> Iterator[str]:
    """The rejected rows as CSV text, a page at a time: the original columns, then line and reason.

    Paged by key in short transactions. Begins with a BOM, without which Excel reads UTF-8 as Western text. A cell
    that a spreadsheet would run as a formula gets a leading apostrophe, which the importer takes off again. Rejects
    of rejects carry line and reason once, those of the later file.
    """
    header, width = contact_import.header, _width(contact_import)
    yield spreadsheets.BOM + spreadsheets.written([[*_cells(header, header, width), *REPORT_COLUMNS]])
    last = 0
    while page := _page(contact_import, last):
        yield spreadsheets.written([*_cells(row, header, width), str(line), reason] for line, reason, row in page)
        last = page[-1][0]


def _width(contact_import: ContactImport) -> int:
    """Of the widest rejected row: a row with too many cells is among the reasons."""
    cells = Func(F("row"), function="jsonb_array_length", output_field=IntegerField())
    widest = contact_import.issues.filter(kind=ImportIssue.Kind.REJECTED).aggregate(widest=Max(cells))["widest"]
    header = contact_import.header
    return widest if widest and widest > len(header) else sum(name not in REPORT_COLUMNS for name in header)


def _page(contact_import: ContactImport, last: int) -> list[tuple[int, str, list[str]]]:
    rejected = contact_import.issues.filter(kind=ImportIssue.Kind.REJECTED, line__gt=last).order_by("line")
    return list(rejected.values_list("line", "reason", "row")[:PAGE])


def _cells(row: Sequence[str], header: Sequence[str], width: int) -> list[str]:
    """Without the columns of ours; nobody knows where those are in a row with too many cells, which stays whole."""
    if len(row) <= len(header):
        row = [cell for cell, name in zip(row, header, strict=False) if name not in REPORT_COLUMNS]
    return [*row] + [""] * (width - len(row))
