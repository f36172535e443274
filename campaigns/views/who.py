"""Who of some lists a campaign shall call: rows of conditions, and how many people meet them, while they are written.

The rows work without a script: whatever a button of theirs asks for comes back with the page, and nothing is lost.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.views.decorators.http import require_POST

from campaigns import audiences, filters, tallies
from campaigns.audiences import Matching
from campaigns.filters import BadFilter, Condition, Field, Op, Row
from campaigns.filters.conditions import ALIKE, CAMPAIGN, MOST, OPS, PHONE, VARIABLE
from campaigns.importing.values import DATE, NUMBER, TEXT
from campaigns.models import Campaign, Contact, ContactList

CAMPAIGNS = 50  # the newest, whose calls can be asked about
ADD, DROP = "add", "drop-"  # what the buttons of the rows ask for; drop-0, drop-1 …
LIKE: Mapping[str, str] = {TEXT: "Pune", NUMBER: "5,000", DATE: "2026-03-05", PHONE: "some digits"}
LIKE_MANY = {"between": "5,000 to 10,000", "within": "2026-03-01 to 2026-03-31", "one-of": "Pune, Mumbai"}


@dataclass(frozen=True)
class Shown:
    """A row of the form. `ops` fit the field; with none chosen they are those of a text."""

    row: Row
    op: str
    ops: Sequence[Op]
    takes: bool
    like: str
    problem: str = ""


@dataclass(frozen=True)
class Example:
    """Somebody who matches, and what was asked about them: (what, how)."""

    contact: Contact
    said: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Audience:
    """All that the part of the page shows. `found` is None while something is wrong, or no list is chosen."""

    lists: Sequence[ContactList]
    rows: Sequence[Shown]
    groups: Sequence[tuple[str, Sequence[Field]]]
    found: Matching | None
    examples: Sequence[Example]
    problems: Sequence[str]
    conditions: Sequence[Condition]

    @property
    def asks_campaigns(self) -> bool:
        return any(one.campaign_id for one in self.conditions)

    @property
    def full(self) -> bool:
        return len(self.rows) >= MOST


@require_POST
def count(request: HttpRequest) -> HttpResponse:
    """The part of the page alone, for a form that is being filled in. Nothing is kept."""
    return render(request, "campaigns/_audience.html", {"audience": of_form(request.POST, live=True), "live": True})


def of_form(data: QueryDict, *, live: bool = False) -> Audience:
    """As a form gives it, after what its button asks for. `live`: rows that are still without a value do not count."""
    chosen = [pk for pk in data.getlist("lists") if pk.isascii() and pk.isdecimal() and len(pk) < 19]
    lists = list(ContactList.objects.filter(pk__in=chosen).order_by("pk"))
    rows = after(filters.rows_of(data, blank=True), data.get("act", ""))
    judged = [row for row in rows if not live or _complete(row, lists)]
    try:
        conditions = filters.parse(_query(judged), lists) if lists else ()
    except BadFilter as refused:
        return _audience(lists, rows, (), refused, judged)
    return _audience(lists, rows, conditions)


def _query(rows: Iterable[Row]) -> QueryDict:
    asked = QueryDict(mutable=True)
    for row in rows:
        for name, value in ((filters.FIELD, row.field), (filters.OP, row.op), (filters.VALUE, row.value)):
            asked.appendlist(name, value)
    return asked


def _complete(row: Row, lists: Sequence[ContactList]) -> bool:
    return bool(row.field and (row.value or not _row(row, lists, "").takes))


def of_draft(lists: Sequence[ContactList], conditions: Sequence[Condition]) -> Audience:
    """As it was kept."""
    return _audience(lists, [Row(one.field, one.op, one.value) for one in conditions], conditions)


def after(rows: Sequence[Row], act: str) -> list[Row]:
    """The rows with one more, or one less."""
    place = act.removeprefix(DROP)
    dropped = int(place) if act.startswith(DROP) and place.isascii() and place.isdecimal() else None
    left = [row for at, row in enumerate(rows) if at != dropped]
    return [*left, Row()][:MOST] if act == ADD else left


def _audience(
    lists: Sequence[ContactList],
    rows: Sequence[Row],
    conditions: Sequence[Condition],
    refused: BadFilter | None = None,
    judged: Sequence[Row] = (),
) -> Audience:
    found = None
    if lists and not refused:
        found = audiences.matching(lists, conditions, tallies.people_on(one.pk for one in lists))
    wrong = _by_row(refused.at, judged) if refused else {}
    return Audience(
        lists=lists,
        rows=[_row(row, lists, wrong.get(id(row), "")) for row in rows],
        groups=_groups(lists, rows),
        found=found,
        examples=[Example(one, _said(one, conditions)) for one in audiences.examples(found)] if found else [],
        problems=refused.problems if refused else [],
        conditions=conditions,
    )


def _by_row(wrong: Mapping[int, str], judged: Sequence[Row]) -> dict[int, str]:
    """What is wrong by the row itself: two may be alike. `wrong` counts the rows that are not empty."""
    asked = [row for row in judged if row.field or row.value]
    return {id(asked[place]): problem for place, problem in wrong.items()}


def _row(row: Row, lists: Sequence[ContactList], problem: str) -> Shown:
    field = filters.field_of(row.field, lists)
    of_op = next((kind for kind, ops in OPS.items() if row.op in [op.code for op in ops]), TEXT)
    kind = field.kind if field else of_op  # a column that these lists do not have: as it was asked
    alike = next((words for words in ALIKE if row.op in words.values() and kind in words), {kind: row.op})
    op = next((one for one in OPS[kind] if one.code == alike[kind]), OPS[kind][0])
    return Shown(row, op.code, OPS[kind], op.takes, LIKE_MANY.get(op.code, LIKE.get(kind, "")), problem)


def _groups(lists: Sequence[ContactList], rows: Iterable[Row]) -> list[tuple[str, list[Field]]]:
    """What can be asked about, under its headings; a campaign that is asked about is there, however old."""
    launched = Campaign.objects.filter(is_test=False, launched_at__isnull=False)
    named = dict(launched.order_by("-pk").values_list("pk", "name")[:CAMPAIGNS])
    named |= filters.names_of(Condition(row.field, row.op) for row in rows if row.field.startswith(CAMPAIGN))
    fields = filters.fields_of(lists, named.items())
    known = {field.code for field in fields}
    asked = dict.fromkeys(row.field for row in rows if row.field and row.field not in known)
    fields += [Field(code, code.removeprefix(VARIABLE), group="Not on these lists") for code in asked]
    return [(group, list(some)) for group, some in groupby(fields, key=lambda field: field.group)]


def _said(person: Contact, conditions: Iterable[Condition]) -> list[tuple[str, str]]:
    """What their list says of the columns that were asked about."""
    names = dict.fromkeys(one.variable for one in conditions if one.variable)
    return [(name, str(person.variables.get(name, ""))) for name in names]
