"""A row that says no: nobody comes in, and whoever is on the list already is not called any more."""

import pytest

from campaigns import enrolling, off_list
from campaigns.importing import loading
from campaigns.importing.loading import Counts
from campaigns.importing.options import APPEND, MERGE, REPLACE, Options
from campaigns.models import Campaign, CampaignContact, Contact, ContactImport
from campaigns.off_list import REFUSED, REFUSED_CODE
from tests import people
from tests.importing.conftest import Upload
from tests.importing.test_roles import imported

pytestmark = pytest.mark.django_db
YES = "Name,Mobile,Consent\nRavi,9876543210,yes\nAsha,9123456780,yes\nOm,9123456781,yes\n"
NO = "Name,Mobile,Consent\nRavi,9876543210,no\nAsha,9123456780,Opt_Out\n"


def asked(upload: Upload, content: str) -> ContactImport:
    return imported(upload, content, Options(consent="Consent"))


def test_who_says_no_in_a_later_file_is_not_called_any_more(upload: Upload) -> None:
    first = asked(upload, YES)
    campaign = people.campaign(lists=[first.contact_list])
    while enrolling.enrol_chunk(campaign.pk):
        pass
    CampaignContact.objects.filter(phone="+919123456780").update(state="retry", tries=1)
    assert loading.counts(asked(upload, NO)) == Counts(rows=2, rejected=2)
    states = CampaignContact.objects.order_by("pk").values_list("state", "reason_code")
    assert list(states) == [("skipped", REFUSED_CODE), ("skipped", REFUSED_CODE), ("pending", "")]
    assert list(Contact.objects.order_by("name").values_list("name", "kept", "flag")) == [
        ("Asha", True, REFUSED),
        ("Om", False, ""),
        ("Ravi", True, REFUSED),  # was never called, and yet what he said must be known
    ]


def on_the_list() -> set[str]:
    return set(Contact.objects.filter(kept=False).values_list("name", flat=True))


@pytest.mark.parametrize("how", [APPEND, MERGE])
def test_a_file_that_says_nothing_brings_nobody_back_who_refused_before_any_call(how: str, upload: Upload) -> None:
    asked(upload, YES)
    asked(upload, NO)
    imported(upload, "Name,Mobile\nOm,9123456781\n", Options(how=REPLACE))
    imported(upload, "Name,Mobile\nRavi,9876543210\nAsha,9123456780\n", Options(how=how))
    assert on_the_list() == {"Om"}


@pytest.mark.parametrize(
    "word",
    ["opt_out", "Opt-Out", "DECLINED", "not given", "No consent", "unsubscribe", "Do Not Call", "stop", "0", "नहीं"],
)
def test_a_no_is_understood_in_many_words(word: str, upload: Upload) -> None:
    assert asked(upload, f"Name,Mobile,Consent\nRavi,9876543210,{word}\n").imported == 0


@pytest.mark.parametrize("word", ["yes", "no objection", "given", ""])
def test_other_words_are_no_no(word: str, upload: Upload) -> None:
    assert asked(upload, f"Name,Mobile,Consent\nRavi,9876543210,{word}\n").imported == 1


def test_who_refused_after_a_call_comes_back_only_with_a_file_that_says_what_they_want_now(upload: Upload) -> None:
    first = asked(upload, YES)
    campaign = people.campaign(lists=[first.contact_list])
    while enrolling.enrol_chunk(campaign.pk):
        pass
    CampaignContact.objects.update(state="done", tries=1)
    asked(upload, NO)
    imported(upload, "Name,Mobile\nRavi,9876543210\n", Options(how=REPLACE, leaving=9))
    silent = imported(upload, "Name,Mobile\nRavi,9876543210\n", Options())
    assert (silent.imported, silent.duplicates, Contact.objects.get(name="Ravi").kept) == (0, 1, True)
    told = asked(upload, "Name,Mobile,Consent\nRavi,9876543210,yes\n")
    assert (told.imported, told.updated, Contact.objects.get(name="Ravi").kept) == (1, 1, False)


def called(upload: Upload, content: str) -> Campaign:
    """A campaign that has everybody of the file in its line."""
    campaign = people.campaign(lists=[imported(upload, content, BY_IDS).contact_list])
    while enrolling.enrol_chunk(campaign.pk):
        pass
    return campaign


BY_IDS = Options(consent="Consent", external_id="Id")
WITH_IDS = "Name,Mobile,Consent,Id\nRavi,9876543210,yes,L1\nAsha,9123456780,yes,L2\n"


def test_a_no_further_down_in_the_same_file_counts(upload: Upload) -> None:
    told = asked(upload, YES + "Ravi,9876543210,no\n")
    assert loading.counts(told) == Counts(rows=4, imported=3, rejected=1)
    assert on_the_list() == {"Asha", "Om"}


def test_a_no_further_up_does_not_count_against_a_later_yes(upload: Upload) -> None:
    asked(upload, "Name,Mobile,Consent\nRavi,9876543210,no\nRavi,9876543210,yes\n")
    assert Contact.objects.get().name == "Ravi"


@pytest.mark.parametrize("number", ["9000000009", "none", ""])
def test_a_no_is_told_by_the_id_whatever_the_number(upload: Upload, number: str) -> None:
    campaign = called(upload, WITH_IDS)
    imported(upload, f"Name,Mobile,Consent,Id\nRavi,{number},no,L1\n", BY_IDS)
    assert on_the_list() == {"Asha"}
    states = dict(campaign.contacts.values_list("name", "state"))
    assert states == {"Ravi": "skipped", "Asha": "pending"}


@pytest.mark.parametrize("how", [APPEND, MERGE])
def test_who_refused_does_not_come_back_under_another_number(how: str, upload: Upload) -> None:
    imported(upload, WITH_IDS, BY_IDS)
    imported(upload, "Name,Mobile,Consent,Id\nRavi,9876543210,no,L1\n", BY_IDS)
    silent = imported(upload, "Name,Mobile,Id\nRavi,9000000009,L1\n", Options(external_id="Id", how=how))
    assert (silent.imported, silent.rejected, on_the_list()) == (0, 1, {"Asha"})
    imported(upload, "Name,Mobile,Consent,Id\nRavi,9000000009,yes,L1\n", BY_IDS)
    assert on_the_list() == {"Asha", "Ravi"}


def test_a_no_holds_for_a_campaign_that_has_the_person_through_another_list_too(upload: Upload) -> None:
    other = people.contact_list(["+919876543210"])
    first = asked(upload, YES)
    campaign = people.campaign(lists=[other, first.contact_list])
    while enrolling.enrol_chunk(campaign.pk):
        pass
    asked(upload, NO)
    assert set(campaign.contacts.filter(state="pending").values_list("phone", flat=True)) == {"+919123456781"}


def test_a_no_holds_for_who_is_in_a_call_or_not_in_line_yet_through_another_list(upload: Upload) -> None:
    first = asked(upload, YES)
    other = people.contact_list(["+919876543210", "+919123456780"])
    campaign = people.campaign(lists=[first.contact_list])
    talking = people.contact(campaign, contact=other.contacts.get(phone="+919876543210"), phone="+919876543210")
    asked(upload, NO)
    assert off_list.is_off(talking)
    later = people.campaign(lists=[other, first.contact_list])
    while enrolling.enrol_chunk(later.pk):
        pass
    assert list(later.contacts.values_list("phone", flat=True)) == ["+919123456781"]
