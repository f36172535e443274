"""What the columns of a file are: several numbers of a person, zone, language, id, consent, and values with a kind."""

from typing import Any

import pytest

from campaigns.importing import loading, mapping, report, values
from campaigns.importing.loading import Counts
from campaigns.importing.options import MERGE, REJECT, Options
from campaigns.importing.people import ANOTHER_COLUMN, NO_CONSENT
from campaigns.models import Contact, ContactImport, ContactList, Suppression
from tests.importing.conftest import Upload

pytestmark = pytest.mark.django_db


def imported(upload: Upload, content: str, options: Options, name: str = "People") -> ContactImport:
    contact_import = upload(content, name)
    ContactImport.objects.filter(pk=contact_import.pk).update(options=options.stored())
    loading.run(contact_import.pk)
    contact_import.refresh_from_db()
    return contact_import


def test_the_first_number_to_dial_is_called_and_the_others_are_kept(upload: Upload) -> None:
    imported(
        upload,
        "Name,Mobile,Home phone,Office phone\nRavi,9876543210,9123456780,9876543210\nAsha,12,91234 56781,9123456782\n",
        Options(other_phones=("Home phone", "Office phone")),
    )
    ravi, asha = Contact.objects.order_by("line")
    assert (ravi.phone, ravi.alternatives) == ("+919876543210", ["+919123456780"])
    assert (asha.phone, asha.alternatives) == ("+919123456781", ["+919123456782"])
    assert ravi.variables == asha.variables == {}


def test_a_row_without_any_number_to_dial_is_told_by_its_first_filled_cell(upload: Upload) -> None:
    told = imported(upload, "Mobile,Home phone\n9876543210,\n,12345\n", Options(other_phones=("Home phone",)))
    (issue,) = told.issues.all()
    assert (issue.line, issue.column, issue.value) == (3, "Home phone", "12345")


def test_only_mobiles_leaves_landlines_out_and_takes_a_mobile_beside_one(upload: Upload) -> None:
    content = "Name,Mobile,Home phone\nRavi,020 2553 1234,\nAsha,020 2553 1234,9123456780\n"
    told = imported(upload, content, Options(other_phones=("Home phone",), only_mobiles=True))
    assert loading.counts(told) == Counts(rows=2, imported=1, rejected=1)
    assert Contact.objects.get().phone == "+919123456780"
    assert "mobiles only" in told.issues.get().reason


def test_zone_language_id_and_consent_have_places_of_their_own(upload: Upload) -> None:
    told = imported(
        upload,
        "Name,Mobile,TZ,Lang,Loan,OK\n"
        "Ravi,9876543210,Asia/Dubai,hi,LN1,yes\nAsha,9123456780,Mars,mr,LN2,\nOm,9123456781,,,,No\n",
        Options(time_zone="TZ", language="Lang", external_id="Loan", consent="OK"),
    )
    ravi, asha = Contact.objects.order_by("line")
    assert (ravi.time_zone, ravi.language, ravi.external_id, ravi.consent) == ("Asia/Dubai", "hi", "LN1", "yes")
    assert ravi.variables == {"Lang": "hi", "Loan": "LN1", "OK": "yes"}
    assert (asha.time_zone, asha.flag) == ("", "TZ: “Mars” is no time zone like Asia/Kolkata")
    rejected = told.issues.get(kind="rejected")
    assert (rejected.reason, rejected.column, rejected.value) == (NO_CONSENT, "OK", "No")


def test_a_value_that_is_not_of_its_kind_is_taken_and_flagged_or_rejected_as_chosen(upload: Upload) -> None:
    content = 'Mobile,Amount,Due\n9876543210,"₹ 1,04,500",25/11/26\n9123456780,soon,31-02-2026\n'
    kinds = {"Amount": "number", "Due": "date"}
    taken = imported(upload, content, Options(types=kinds))
    assert loading.counts(taken) == Counts(rows=2, imported=2)
    good, odd = Contact.objects.order_by("line")
    assert good.variables == {"Amount": "₹ 1,04,500", "Due": "25/11/26"}  # a bot says them as they were written
    assert (good.flag, taken.repairs) == ("", {})
    assert odd.variables == {"Amount": "soon", "Due": "31-02-2026"}
    assert odd.flag == "Amount: “soon” is no number; Due: “31-02-2026” is no date"
    issue = taken.issues.get()
    assert (issue.kind, issue.line, issue.column, issue.value, taken.flagged) == ("flagged", 3, "Amount", "soon", 1)
    assert ContactList.objects.get().types == kinds
    refused = imported(upload, content, Options(types=kinds, wrong_values=REJECT), "Other")
    assert loading.counts(refused) == Counts(rows=2, imported=1, rejected=1)
    assert refused.issues.get().reason == "Amount: “soon” is no number"


def test_repairs_are_counted_by_kind_with_the_first_of_each(upload: Upload) -> None:
    told = imported(upload, "Mobile,Amount\n098765 43210,5\n9123456780,5\n91234-56781,1000\n", Options())
    found = {each.kind: (each.rows, each.line, each.before, each.after) for each in report.repairs(told)}
    assert found["spaces and dashes"] == (2, 2, "098••• •••10", "+919•••••••10")


def test_a_repair_shows_the_cell_that_was_taken_also_where_the_row_ends_before_the_first_column(upload: Upload) -> None:
    options = Options(other_phones=("Mobile",))
    contact_import = upload("Name,Mobile,Main phone\nRavi,91234-56780\n")
    ContactImport.objects.filter(pk=contact_import.pk).update(phone_column="Main phone", options=options.stored())
    assert loading.run_due()
    contact_import.refresh_from_db()
    found = {each.kind: (each.before, each.after) for each in report.repairs(contact_import)}
    shown = ("912••-•••80", "+919•••••••80")
    assert found == {"spaces and dashes": shown, ANOTHER_COLUMN: shown}


def test_repairs_of_several_chunks_add_up(upload: Upload) -> None:
    contact_import = upload("Mobile\n" + "".join(f"90000-{place:05}\n" for place in range(10)))
    loading.run(contact_import.pk, chunk_rows=3)
    contact_import.refresh_from_db()
    assert [(each.rows, each.line) for each in report.repairs(contact_import)] == [(10, 2)]


def test_numbers_on_do_not_call_and_on_other_lists_are_imported_and_told(upload: Upload) -> None:
    loading.run(upload("Mobile\n9876543210\n9123456780\n", "Pune").pk)
    Suppression.objects.create(phone="+919123456780", reason="Asked")
    told = imported(upload, "Mobile\n9876543210\n9123456780\n9123456781\n", Options(), "All")
    assert (told.imported, told.suppressed) == (3, 1)
    (other,) = report.on_other_lists(told)
    assert (other.name, other.people, other.exact) == ("Pune", 2, True)


def test_few_new_people_on_a_long_list_are_found_at_its_end(upload: Upload, django_assert_max_num_queries: Any) -> None:
    loading.run(upload("Mobile\n9123456781\n", "Pune").pk)
    loading.run(upload("Mobile\n" + "".join(f"90000{place:05}\n" for place in range(3000)), "All").pk)
    told = imported(upload, "Mobile\n9123456781\n", Options(), "All")
    (other,) = report.on_other_lists(told)
    assert (other.name, other.people, other.exact) == ("Pune", 1, True)
    again = imported(upload, "Mobile\n9123456781\n", Options(how=MERGE), "All")
    with django_assert_max_num_queries(1):
        assert report.on_other_lists(again) == []  # it brought nobody: the list is not walked


def test_roles_and_kinds_are_guessed_by_headings_and_values(upload: Upload) -> None:
    guess = mapping.guess(
        upload(
            "Customer name,Mobile,Alt mobile,Loan ID,PIN code,EMI amount,Due date,Language,TZ,Consent\n"
            'Ravi,9876543210,9123456780,001,411001,"1,200",25-11-2026,hi,Asia/Kolkata,yes\n'
            "Asha,9876543211,9123456781,002,411002,950,26-11-2026,hi,Asia/Kolkata,no\n"
        )
    )
    assert (guess.phone, guess.name) == ("Mobile", "Customer name")
    assert guess.options == Options(
        other_phones=("Alt mobile",),
        time_zone="TZ",
        language="Language",
        external_id="Loan ID",
        consent="Consent",
        types={"EMI amount": "number", "Due date": "date"},
    )


@pytest.mark.parametrize(
    ("cell", "plain"),
    [
        ("4350", "4350"), ("₹ 1,04,500.50", "104500.50"), ("Rs. 500/-", "500"), ("-5", "-5"), ("007", "7"),
        ("1e5", None), ("12 apples", None), ("1,2,3", None), ("12,50", None), ("1,234,567", "1234567"), ("", None),
        ("nan", None), ("4" * 41, None),
    ],
)  # fmt: skip
def test_a_number_is_read_plainly(cell: str, plain: str | None) -> None:
    assert values.number(cell) == plain


@pytest.mark.parametrize(
    ("cell", "iso"),
    [
        ("25-11-2026", "2026-11-25"), ("3/4/26", "2026-04-03"), ("2026-11-25 00:00:00", "2026-11-25"),
        ("5 Nov 2026", "2026-11-05"), ("05-November-26", "2026-11-05"), ("2026-11-25", "2026-11-25"),
        ("31-02-2026", None), ("11-25-2026", None), ("tomorrow", None), ("4350", None),
        ("25/11/85", "1985-11-25"), (f"5 Nov{' ' * 40}2026", None),
        ("5 Foo 2026", None),
    ],
)  # fmt: skip
def test_a_date_is_read_as_year_month_day(cell: str, iso: str | None) -> None:
    assert values.day_first(cell) == iso
    if iso:
        assert values.day_first(iso) == iso
    assert values.month_first("11/25/2026") == "2026-11-25"
