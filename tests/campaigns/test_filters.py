"""The database finds whom Python finds: cells are read as values.py reads them, and conditions compare alike."""

import operator
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from random import Random
from typing import Any

import pytest
from django.db import connection
from django.http import QueryDict
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from campaigns import filters
from campaigns.filters import Condition
from campaigns.importing import values
from campaigns.lifecycle import AttemptState
from campaigns.models import CampaignContact, Contact, ContactList
from tests import people

pytestmark = pytest.mark.django_db
quick = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

SPACES = " \t\n\r\x1c\x85\xa0\u1680\u2009\u3000"
ODD = "İıſKſ₹−/.,-$£é१"
MONTHS = ("jan", "feb", "Mar", "APR", "may", "june", "september", "oct", "novem", "dec", "foo", "ſep", "decK", "octı")
YEARS = ("2026", "2026", "1900", "2000", "2024", "2100", "9999", "26", "68", "69", "1", "0000", "002026")


def numbers(draw: Random) -> str:
    """A number as somebody may write it, or nearly one."""
    one = draw.choice
    whole = one((str(draw.randrange(10**7)), f"{draw.randrange(10**7):,}", "12,34,567", "1,23", "0", "007", "9" * 39))
    cell = one(("", "", "-", "−", "--")) + one(("", "", "₹", "rs", "Rs.", "INR", "İnr", "ıNr", "rſ", "$", "r s"))
    cell += one(("", " ", "\xa0")) + whole + one(("", ".5", ".50", ".", ",")) + one(("", "", "/-", " /-"))
    return spoilt(draw, cell)


def dates(draw: Random) -> str:
    """A date as somebody may write it, or nearly one."""
    one = draw.choice
    day, month, year = str(draw.randrange(34)), str(draw.randrange(1, 14)), one(YEARS)
    first, second = one("-/. -/_"), one("-/. -/_")
    named = f"{day}{one(('', ' ', '-', 'th '))}{one(MONTHS)}{one(('', ' ', ', ', '--'))}{year}"
    day, month = (part.zfill(draw.randrange(1, 3)) for part in (day, month))
    last = f"{day}{first}{month}{second}{year}"
    plain = f"{year}{first}{month}{second}{day}"
    return spoilt(draw, one((named, last, last, plain)) + one(("", "", " 00:00", "T00:00:00.000", " 00:01")))


def spoilt(draw: Random, cell: str) -> str:
    """The cell, often with a character more, at its ends or inside."""
    place = draw.choice((0, len(cell), draw.randrange(len(cell) + 1)))
    return cell[:place] + draw.choice(("", "", "", "", "", draw.choice(SPACES), draw.choice(ODD))) + cell[place:]


def many(make: Callable[[Random], str]) -> list[str]:
    draw = Random(5)
    return [make(draw) for _ in range(4_000)]


def asked(call: str, cells: Sequence[str], *more: bool) -> list[Any]:
    with connection.cursor() as cursor:
        text = f"SELECT {call} FROM unnest(%s::text[]) WITH ORDINALITY AS given (cell, place) ORDER BY place"
        cursor.execute(text, [*more, list(cells)])
        return [row[0] for row in cursor.fetchall()]


def test_the_database_reads_a_number_as_the_importer_does() -> None:
    edges = ["4,350", "₹ 1,04,500.50", "-7", "−7", "Rs.5", "5/-", "", "1,23", "9" * 40, "9" * 41, "0", "007", "-0.0"]
    cells = [*edges, *many(numbers)]
    plain = [values.number(cell) for cell in cells]
    assert 0.2 < plain.count(None) / len(plain) < 0.9, "both kinds were drawn"
    found = asked("campaigns_cell_number(cell)", cells)
    assert found == [None if number is None else Decimal(number) for number in plain]


@pytest.mark.parametrize("month_first", [False, True])
def test_the_database_reads_a_date_as_the_importer_does(month_first: bool) -> None:
    edges = ["25/11/26", "2026-11-25", "5 March 2026", "29/02/2100", "29/02/2024", "31.12.9999", "0000-01-01", "1-1-69"]
    cells = [*edges, *many(dates)]
    read = values.month_first if month_first else values.day_first
    plain = [read(cell) for cell in cells]
    assert 0.2 < plain.count(None) / len(plain) < 0.9, "both kinds were drawn"
    assert asked("campaigns_cell_date(cell, %s)::text", cells, month_first) == plain


# ---------------------------------------------------------------------------------------------------- conditions
CITIES = ("Pune", "pune ", " PUNE", "Mumbai", "Navi Mumbai", "", " ", "पुणे", "100%", "a_b", "O'Hara", "{city}", "%s")
AMOUNTS = ("5000", "5,000", "₹ 4,350", "-10", "99.50", "", "n/a", "1e5", "5000.00", "Rs. 12,00,000")
DUE = ("5 March 2026", "05/03/2026", "3/5/2026", "2026-03-05", "", "soon", "31/12/25", "1-1-2027 00:00")
LANGUAGES = ("", "hi", "mr", "Hi")
FIELDS = ("var:city", "var:amount", "var:due", "language", "name")
OPERATORS: Mapping[str, Callable[[Any, Any], bool]] = {
    **{code: getattr(operator, code) for code in ("eq", "ne", "lt", "le", "gt", "ge")},
    "on": operator.eq,
    "not-on": operator.ne,
    "before": operator.lt,
    "after": operator.gt,
    "until": operator.le,
    "since": operator.ge,
}
TEXTS: Mapping[str, Callable[[str, str], bool]] = {
    "is": lambda cell, value: cell == value,
    "is-not": lambda cell, value: cell != value,
    "one-of": lambda cell, value: cell in [part.strip() for part in value.split(",")],
    "contains": lambda cell, value: value in cell,
    "lacks": lambda cell, value: value not in cell,
    "empty": lambda cell, _: not cell,
    "filled": lambda cell, _: bool(cell),
}


def a_list(region: str = "IN", **fields: Any) -> ContactList:
    """A list with a column of each kind and a person for each cell that there is."""
    made = people.contact_list(
        0, region=region, columns=["city", "amount", "due"], types={"amount": "number", "due": "date"}, **fields
    )
    Contact.objects.bulk_create(
        Contact(
            contact_list=made,
            phone=f"+9198{region == 'US':d}{place:07d}",
            name=CITIES[-place % len(CITIES)],
            language=LANGUAGES[place % len(LANGUAGES)],
            variables={
                "city": CITIES[place % len(CITIES)],
                "amount": AMOUNTS[place % len(AMOUNTS)],
                **({"due": DUE[place % len(DUE)]} if place % 11 else {}),
            },
        )
        for place in range(130)
    )
    return made


def query(*rows: tuple[str, str, str]) -> QueryDict:
    """The address of a filter."""
    made = QueryDict(mutable=True)
    for row in rows:
        for name, value in zip((filters.FIELD, filters.OP, filters.VALUE), row, strict=True):
            made.appendlist(name, value)
    return made


def meets(person: Contact, condition: Condition, region: str) -> bool:
    """The same in Python."""
    own = getattr(person, condition.field, "")
    cell = person.variables.get(condition.variable, "") if condition.variable else own
    if condition.op in TEXTS:
        return TEXTS[condition.op](cell.strip(" ").lower(), condition.value.lower())
    kind = values.NUMBER if condition.op in ("eq", "ne", "lt", "le", "gt", "ge", "between") else values.DATE
    read = values.reading(kind, region)
    assert read
    plain = read(cell)
    if plain is None:
        return False
    make: Callable[[str], Any] = Decimal if kind == values.NUMBER else str
    ends = [make(end) for end in condition.value.split(" to ")]
    if len(ends) == 2:
        return bool(ends[0] <= make(plain) <= ends[1])
    return OPERATORS[condition.op](make(plain), ends[0])


def pick(kind: str, given: Sequence[str], likely: Sequence[str]) -> st.SearchStrategy[tuple[str, str]]:
    """(operation, value) of a kind."""
    codes = [op.code for op in filters.OPS[kind] if op.code not in ("between", "within")]
    one = st.tuples(st.sampled_from(codes), st.sampled_from([cell for cell in (*given, *likely) if cell.strip()]))
    if kind == values.TEXT:
        return one
    code = "between" if kind == values.NUMBER else "within"
    both = st.tuples(st.sampled_from(likely), st.sampled_from(likely))
    return st.one_of(one, both.map(lambda ends: (code, " to ".join(ends))))


VALUES: Mapping[str, st.SearchStrategy[tuple[str, str]]] = {
    "var:city": pick(values.TEXT, CITIES, ["u", "pune, mumbai", "%", "_", "'; DROP TABLE x; --", "\\"]),
    "var:amount": pick(values.NUMBER, ["5,000"], ["5000", "4350", "-10", "99.5", "0", "1200000"]),
    "var:due": pick(values.DATE, [], ["2026-03-05", "2026-05-03", "2025-12-31", "2027-01-01"]),
    "language": pick(values.TEXT, LANGUAGES, ["HI", "hi, mr"]),
    "name": pick(values.TEXT, CITIES, ["mumbai"]),
}
ROWS = st.sampled_from(FIELDS).flatmap(lambda code: st.tuples(st.just(code), VALUES[code]))


@given(rows=st.lists(ROWS, min_size=1, max_size=3))
@settings(quick, max_examples=40)
def test_the_database_finds_whom_python_finds(rows: list[tuple[str, tuple[str, str]]]) -> None:
    lists = [ContactList.objects.filter(region=region).first() or a_list(region) for region in ("IN", "US")]
    conditions = filters.parse(query(*((field, op, value) for field, (op, value) in rows)), lists)
    found = filters.apply(Contact.objects.filter(contact_list__in=lists), conditions, lists)
    expected = {
        person.pk
        for one in lists
        for person in one.contacts.all()
        if all(meets(person, condition, one.region) for condition in conditions)
    }
    assert set(found.values_list("pk", flat=True)) == expected


# ----------------------------------------------------------------------------------------------------- campaigns
def called(**fields: Any) -> tuple[Condition, Contact]:
    """Somebody of a list who is in another campaign with these fields, and a condition about it."""
    one = people.contact_list(1)
    person = one.contacts.get()
    before = people.campaign()
    CampaignContact.objects.create(campaign=before, phone=person.phone, **fields)
    return Condition(f"campaign:{before.pk}", ""), person


def groups(about: Condition, person: Contact) -> set[str]:
    """In which groups of the campaign the person is."""
    return {
        op.code
        for op in filters.OPS["campaign"]
        if filters.apply(
            Contact.objects.filter(pk=person.pk), [Condition(about.field, op.code)], [person.contact_list]
        ).exists()
    }


def test_who_is_not_in_the_campaign_was_not_called() -> None:
    person = people.contact_list(1).contacts.get()
    assert groups(Condition(f"campaign:{people.campaign().pk}", ""), person) == {"not-called"}


def test_who_waits_in_the_campaign_was_not_called() -> None:
    assert groups(*called(state="pending")) == {"not-called"}


def test_who_did_not_pick_up_was_called_and_did_not_answer() -> None:
    assert groups(*called(state="retry", tries=1, last_outcome="busy")) == {"called", "not-answered", "busy"}


def test_who_is_in_call_has_neither_answered_nor_not_answered() -> None:
    assert groups(*called(state="in-call", tries=1)) == {"called"}


def test_who_may_have_been_called_is_uncertain() -> None:
    assert groups(*called(state="uncertain", tries=1)) == {"called", "uncertain"}


def test_who_picked_up_once_answered_whatever_came_later() -> None:
    about, person = called(state="done", tries=2, last_outcome="no-answer", disposition_kind="objection")
    people.attempt(CampaignContact.objects.get(), state=AttemptState.ENDED, outcome="answered")
    assert groups(about, person) == {"called", "answered", "no-answer", "objection", "not-goal"}


def test_another_campaign_tells_nothing() -> None:
    about, person = called(state="done", tries=1, last_outcome="busy")
    other = Condition(f"campaign:{people.campaign().pk}", "")
    assert about != other
    assert groups(other, person) == {"not-called"}


# --------------------------------------------------------------------------------------------------------- people
def test_who_has_no_zone_of_their_own_lives_by_the_clock_of_the_list() -> None:
    one = people.contact_list(1, region="SG")
    there = [Condition("zone", "is", "Asia/Singapore")]
    assert filters.apply(Contact.objects.filter(contact_list=one), there, [one]).count() == 1


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("phone begins with +91 98", ["+919876543210", "+919876543211"]),
        ("phone ends with 211", ["+919876543211"]),
        ("phone contains 98", ["+919876543210", "+919876543211"]),
        ("phone does not contain 98", ["+6591234567"]),
    ],
)
def test_numbers_are_found_by_a_part(text: str, found: list[str]) -> None:
    one = people.contact_list(["+919876543210", "+919876543211", "+6591234567"])
    condition = filters.read_text(text, [one])
    rows = filters.apply(Contact.objects.filter(contact_list=one), [condition], [one])
    assert [person.phone for person in rows.order_by("pk")] == found


def test_the_same_is_asked_under_another_name() -> None:
    one = people.contact_list(["+919876543210", "+6591234567"])
    text, values = filters.named([filters.read_text("phone ends with 67", [one])], [one], "person")
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT phone FROM campaigns_contact AS person WHERE {text}", values)
        assert cursor.fetchall() == [("+6591234567",)]


def test_no_condition_leaves_everybody() -> None:
    one = people.contact_list(2)
    assert filters.apply(Contact.objects.filter(contact_list=one), [], [one]).count() == 2
    assert filters.where([], [one]) == ("TRUE", [])
