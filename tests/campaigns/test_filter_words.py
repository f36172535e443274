"""A filter is an address, a line of text and a phrase; what is wrong with it is said with what it is about."""

import pytest
from django.http import QueryDict

from campaigns import filters
from campaigns.filters import BadFilter, Condition
from campaigns.models import ContactList
from tests import people

pytestmark = pytest.mark.django_db


@pytest.fixture
def borrowers() -> ContactList:
    types = {"Loan amount": "number", "due": "date"}
    return people.contact_list(0, columns=["city", "Loan amount", "due", "over due"], types=types)


def asked(*rows: tuple[str, str, str]) -> QueryDict:
    made = QueryDict(mutable=True)
    for field, op, value in rows:
        made.appendlist("field", field)
        made.appendlist("op", op)
        made.appendlist("value", value)
    return made


# ------------------------------------------------------------------------------------------------------- addresses
def test_a_filter_is_an_address(borrowers: ContactList) -> None:
    given = asked(
        ("var:city", "is", " Pune "), ("var:Loan amount", "gt", "₹ 5,000"), ("var:due", "before", "5 Mar 2026")
    )
    conditions = filters.parse(given, [borrowers])
    assert conditions == (
        Condition("var:city", "is", "Pune"),
        Condition("var:Loan amount", "gt", "5000"),
        Condition("var:due", "before", "2026-03-05"),
    )
    again = asked(*((one.field, one.op, one.value) for one in conditions))
    assert filters.parse(again, [borrowers]) == conditions
    assert [pair for key in ("field", "op", "value") for pair in filters.query_of(conditions) if pair[0] == key] == [
        (key, value) for key in ("field", "op", "value") for value in again.getlist(key)
    ]


def test_it_is_stored_and_comes_back(borrowers: ContactList) -> None:
    conditions = filters.parse(asked(("var:city", "empty", ""), ("language", "one-of", "hi,mr")), [borrowers])
    assert filters.from_json(filters.to_json(conditions)) == conditions


def test_empty_rows_are_no_conditions(borrowers: ContactList) -> None:
    assert filters.parse(asked(("", "is", ""), ("", "", "")), [borrowers]) == ()
    assert filters.parse(QueryDict("q=anil&sort=name"), [borrowers]) == ()


def test_an_operation_of_another_kind_is_taken_for_the_like_one(borrowers: ContactList) -> None:
    given = asked(("var:Loan amount", "is", "5"), ("var:due", "gt", "2026-03-05"), ("var:city", "eq", "Pune"))
    assert [one.op for one in filters.parse(given, [borrowers])] == ["eq", "after", "is"]


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (
            ("var:town", "is", "Pune"),
            "No column of these lists is named “town” (there are: Loan amount, city, due, over due).",
        ),
        (("var:Loan amount", "gt", "many"), "Loan amount is compared with a number, and “many” is none."),
        (("var:due", "before", "31/02/2026"), "due is compared with a date, and “31/02/2026” is none."),
        (("var:Loan amount", "between", "5"), "Loan amount: write both ends, like 5,000 to 10,000.50."),
        (("var:city", "gt", "5"), "city: there is no “gt” for a text."),
        (("var:city", "is", ""), "city is what? Write a value, or choose “is empty”."),
        (("var:city", "is", "a\x00b"), "city: a value has at most 200 characters that can be seen."),
        (("var:city", "one-of", ", ,"), "city is one of what?"),
        (("", "is", "Pune"), "Choose what is compared: a column, or a campaign."),
        (("phone", "ends", "98765 43210"), "Phone number ends with: give at most 8 digits, no whole number."),
        (("phone", "contains", "abc"), "Phone number contains what? “abc” is no part of a number."),
        (("campaign:999", "answered", ""), "There is no campaign 999 (any more)"),
        (("campaign:x", "answered", ""), "No column of these lists is named “campaign:x”"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(borrowers: ContactList, row: tuple[str, str, str], said: str) -> None:
    with pytest.raises(BadFilter) as refused:
        filters.parse(asked(row), [borrowers])
    assert str(refused.value).startswith(said)


def test_everything_that_is_wrong_is_said_at_once(borrowers: ContactList) -> None:
    given = asked(("var:town", "is", "x"), ("var:city", "is", "Pune"), ("var:due", "on", "soon"))
    with pytest.raises(BadFilter) as refused:
        filters.parse(given, [borrowers])
    assert len(refused.value.problems) == 2
    assert list(refused.value.at) == [0, 2]


def test_too_many_conditions_are_refused(borrowers: ContactList) -> None:
    with pytest.raises(BadFilter, match="At most 12 conditions"):
        filters.parse(asked(*[("var:city", "is", "Pune")] * 13), [borrowers])


def test_a_column_is_of_the_kind_that_the_lists_agree_on(borrowers: ContactList) -> None:
    other = people.contact_list(0, columns=["due"], types={"due": "number"})
    plain = people.contact_list(0, columns=["Loan amount"])
    kinds = {field.label: field.kind for field in filters.fields_of([borrowers, other, plain])}
    assert kinds["Loan amount"] == "number"
    assert kinds["due"] == "text"


# ------------------------------------------------------------------------------------------------------------ text
@pytest.mark.parametrize(
    ("text", "condition"),
    [
        ("city = Pune", Condition("var:city", "is", "Pune")),
        ("CITY=Navi  Mumbai", Condition("var:city", "is", "Navi Mumbai")),
        ("city is not Pune", Condition("var:city", "is-not", "Pune")),
        ("city != Pune", Condition("var:city", "is-not", "Pune")),
        ("city is one of Pune, Mumbai", Condition("var:city", "one-of", "Pune, Mumbai")),
        ("city contains = sign", Condition("var:city", "contains", "= sign")),
        ("city is not empty", Condition("var:city", "filled")),
        ("name is empty", Condition("name", "empty")),
        ("External id is 7", Condition("external_id", "is", "7")),
        ("Loan amount > 5,000", Condition("var:Loan amount", "gt", "5000")),
        ("loan amount is over 5000", Condition("var:Loan amount", "gt", "5000")),
        ("loan amount at most ₹ 99.50", Condition("var:Loan amount", "le", "99.50")),
        ("loan amount >= -5", Condition("var:Loan amount", "ge", "-5")),
        ("loan amount between 1,000 and 5,000", Condition("var:Loan amount", "between", "1000 to 5000")),
        ("due = 5 March 2026", Condition("var:due", "on", "2026-03-05")),
        ("due before 5/3/26", Condition("var:due", "before", "2026-03-05")),
        ("due >= 2026-03-05", Condition("var:due", "since", "2026-03-05")),
        ("due between 2026-03-05 to 2026-04-05", Condition("var:due", "within", "2026-03-05 to 2026-04-05")),
        ("over due is yes", Condition("var:over due", "is", "yes")),
    ],
)
def test_a_line_of_text_is_a_condition(borrowers: ContactList, text: str, condition: Condition) -> None:
    assert filters.read_text(text, [borrowers]) == condition


def test_a_line_of_text_names_a_campaign_or_gives_its_number(borrowers: ContactList) -> None:
    diwali = people.campaign(name="Diwali reminders")
    answered = Condition(f"campaign:{diwali.pk}", "answered")
    assert filters.read_text("answered in Diwali reminders", [borrowers]) == answered
    assert filters.read_text(f"answered in campaign {diwali.pk}", [borrowers]) == answered
    assert filters.read_text("not called in Diwali reminders", [borrowers]).op == "not-called"
    assert filters.read_text("called and not answered in Diwali reminders", [borrowers]).op == "not-answered"
    people.campaign(name="Diwali reminders")
    with pytest.raises(BadFilter, match="more than one; give its number"):
        filters.read_text("answered in Diwali reminders", [borrowers])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("town = Pune", "No column of these lists is named “town”"),
        ("city", "city: “” is not a comparison."),
        ("city Pune", "city: “Pune” is not a comparison."),
        ("cityscape = x", "No column of these lists is named “cityscape”"),
        ("", "Choose what is compared"),
        ("answered in nowhere", "Which campaign is “nowhere”? There is none."),
    ],
)
def test_a_line_that_is_no_condition_says_why(borrowers: ContactList, text: str, said: str) -> None:
    with pytest.raises(BadFilter) as refused:
        filters.read_text(text, [borrowers])
    assert str(refused.value).startswith(said)


# ----------------------------------------------------------------------------------------------------------- words
def test_a_condition_is_told_in_an_operators_words() -> None:
    diwali = people.campaign(name="Diwali reminders")
    conditions = [
        Condition("var:city", "is", "Pune"),
        Condition("var:amount", "gt", "5000"),
        Condition("var:amount", "between", "1000 to 99999.50"),
        Condition("var:due", "before", "2026-03-05"),
        Condition("external_id", "filled"),
        Condition(f"campaign:{diwali.pk}", "answered"),
        Condition("campaign:999", "not-called"),
    ]
    assert filters.describe_all(conditions) == [
        "city is Pune",
        "amount over 5,000",
        "amount from 1,000 to 99,999.50",
        "due before 5 March 2026",
        "external id is not empty",
        "answered in Diwali reminders",
        "not called in campaign 999, which is gone",
    ]
    assert filters.together(conditions[:2]) == "city is Pune and amount over 5,000"
    assert filters.describe(conditions[5]) == "answered in Diwali reminders"
