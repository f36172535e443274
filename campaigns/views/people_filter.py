"""Who of a list is shown: the conditions, the search and the order that an address asks for."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any
from urllib.parse import urlencode

from django.db.models import F, QuerySet
from django.db.models.expressions import RawSQL
from django.db.models.functions import Lower
from django.http import QueryDict

from campaigns import digits, filters
from campaigns.filters import BadFilter, Condition, Field, Row
from campaigns.filters.conditions import ALIKE, CAMPAIGN, LONGEST, MOST, MOST_DIGITS, OPS, VARIABLE
from campaigns.importing.values import DATE, MONTH_FIRST, NUMBER
from campaigns.models import Campaign, Contact, ContactList

CAMPAIGNS = 50  # the newest, whose answers can be asked for
# One list of words for columns of every kind, as the page may run without scripts: "over" of a date is "after".
COMPARE = {
    "is": "is",
    "is-not": "is not",
    "one-of": "is one of (with commas)",
    "contains": "contains",
    "lacks": "does not contain",
    "gt": "over, after",
    "ge": "at least, since",
    "lt": "under, before",
    "le": "at most, until",
    "between": "between (a to b)",
    "empty": "is empty",
    "filled": "is not empty",
    "starts": "begins with (digits)",
    "ends": "ends with (digits)",
}


@dataclass(frozen=True)
class Filtered:
    """`conditions` with the one that the search `q` is; `rows` as they were given, each with what is wrong with it.

    `sort`: name, phone or the code of a column, with "-" before it from the end; '' is the order of the files.
    """

    contact_list: ContactList
    conditions: tuple[Condition, ...]
    rows: Sequence[tuple[Row, str]]
    q: str
    sort: str
    problems: Sequence[str] = ()

    @property
    def words(self) -> list[str]:
        """The conditions as people say them."""
        return filters.describe_all(self.conditions)

    def query(self, sort: str | None = None) -> str:
        """The parameters of an address that shows the same, or the same in another order."""
        sort = self.sort if sort is None else sort
        asked = [pair for row, _ in self.rows for pair in _pairs(row)]
        return urlencode([(name, value) for name, value in (("q", self.q), ("sort", sort)) if value] + asked)

    def campaign_query(self) -> str:
        """The parameters of the address of a new campaign to the same people."""
        return urlencode([("list", self.contact_list.pk), *filters.query_of(self.conditions)])

    def people(self) -> QuerySet[Contact]:
        """Whoever of the list meets the conditions, in the order of the list's own index."""
        pk = self.contact_list.pk
        bounds: dict[str, Any] = {"contact_list__gte": pk, "contact_list__lte": pk}  # a range of one: see paging
        of_list = Contact.objects.filter(**bounds).order_by("contact_list", "pk")
        return filters.apply(of_list, self.conditions, [self.contact_list])


def _pairs(row: Row) -> list[tuple[str, str]]:
    return [(filters.FIELD, row.field), (filters.OP, row.op), (filters.VALUE, row.value)]


def read(query: QueryDict, contact_list: ContactList) -> Filtered:
    """What an address asks for. What is wrong stands in `problems`, and then there are no conditions."""
    rows, q = filters.rows_of(query)[: MOST + 1], query.get("q", "").strip()[:LONGEST]
    sort = query.get("sort", "")
    sort = sort if sort.removeprefix("-") in sortable(contact_list) else ""
    wrong: dict[int, str] = {}
    problems: list[str] = []
    conditions: tuple[Condition, ...] = ()
    try:
        conditions = (*_search(q), *filters.parse(query, [contact_list]))
    except BadFilter as refused:
        wrong, problems = dict(refused.at), [said for said in refused.problems if said not in refused.at.values()]
    return Filtered(
        contact_list,
        conditions,
        [(row, wrong.get(place, "")) for place, row in enumerate(rows)],
        q,
        sort,
        [*wrong.values(), *problems],
    )


def _search(q: str) -> Iterator[Condition]:
    """A search is for the last digits of a number, or for a part of a name."""
    if not q:
        return
    last = digits.in_number(q)
    if len(last) > MOST_DIGITS:
        raise BadFilter(
            f"Search for at most the last {MOST_DIGITS} digits: whole numbers stay out of addresses. "
            "“Find a person” on the page of calls takes a whole one."
        )
    yield Condition("phone", "ends", last) if last else Condition("name", "contains", q.replace("\0", ""))


# ------------------------------------------------------------------------------------------------------------ order
def sortable(contact_list: ContactList) -> list[str]:
    """What a list can be sorted by."""
    return ["name", "phone", *(VARIABLE + name for name in contact_list.columns)]


def sort_choices(contact_list: ContactList) -> list[tuple[str, str]]:
    """The same for a form, from both ends."""
    labels = [("name", "Name"), ("phone", "Phone number"), *((VARIABLE + one, one) for one in contact_list.columns)]
    ways = [way for code, label in labels for way in ((code, label), (f"-{code}", f"{label}, from the end"))]
    return [("", "The order of the files"), *ways]


def in_order(people: QuerySet[Contact], filtered: Filtered) -> QuerySet[Contact]:
    """The same people in the order that was asked for; whoever has nothing to sort by comes last."""
    code, down = filtered.sort.removeprefix("-"), filtered.sort.startswith("-")
    if not code:
        return people
    key: Any = {"name": Lower("name"), "phone": F("phone")}.get(code) or _cell(code, filtered.contact_list)
    keyed: Any = people.alias(sort_key=key)  # the stubs lose the row's type here
    order = F("sort_key").desc(nulls_last=True) if down else F("sort_key").asc(nulls_last=True)
    found: QuerySet[Contact] = keyed.order_by(order, "pk")
    return found


def _cell(code: str, contact_list: ContactList) -> RawSQL:
    """A column's cells: numbers and dates as such, texts without regard to capitals, nothing for an empty one."""
    name = code.removeprefix(VARIABLE)
    kind = contact_list.types.get(name, "")
    cell = "campaigns_contact.variables ->> %s::text"
    if kind == NUMBER:
        return RawSQL(f"campaigns_cell_number({cell})", [name])  # noqa: S611 (our words; the name is a parameter)
    if kind == DATE:
        month_first = contact_list.region in MONTH_FIRST
        return RawSQL(f"campaigns_cell_date({cell}, %s)", [name, month_first])  # noqa: S611
    return RawSQL(f"nullif(lower({cell}), '')", [name])  # noqa: S611


# ------------------------------------------------------------------------------------------------------------- form
def field_choices(contact_list: ContactList) -> list[tuple[str, list[Field]]]:
    """What can be asked about, by group."""
    newest = Campaign.objects.filter(is_test=False).order_by("-pk").values_list("pk", "name")[:CAMPAIGNS]
    fields = filters.fields_of([contact_list], newest)
    return [(group, list(some)) for group, some in groupby(fields, key=lambda field: field.group)]


def op_choices() -> list[tuple[str, list[tuple[str, str]]]]:
    """How it can be asked, by group."""
    answers = [(op.code, op.label) for op in OPS[CAMPAIGN]]
    return [("Columns", list(COMPARE.items())), ("Calls in a campaign", answers)]


def form_rows(filtered: Filtered) -> list[tuple[Row, str]]:
    """The rows of the form: what was asked, in the words of `op_choices`, and an empty one."""
    asked = [(Row(row.field, _in_form(row.op), row.value), wrong) for row, wrong in filtered.rows]
    return [*asked, (Row(), "")] if len(asked) < MOST else asked


def _in_form(op: str) -> str:
    alike: Iterable[str] = next((words.values() for words in ALIKE if op in words.values()), [op])
    return next((code for code in alike if code in COMPARE), op)
