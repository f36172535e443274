"""A call counts as never dialled, and Exotel speaks of it all the same: somebody decides about the person."""

import pytest
from django.test import Client

from campaigns import control, deciding, pacing, sweeping
from campaigns.audit import COMMAND_LINE
from campaigns.models import AuditEntry, CallAttempt, Campaign, CampaignContact, Contact
from campaigns.refusals import NotAllowed
from tests import people
from tests.callbacks import carrier
from tests.callbacks.test_disproofs import LONG_AGO, is_dialled, proved_absent, tell


@pytest.fixture
def exotel(db: None) -> Client:
    return Client()


@pytest.fixture
def disputed(exotel: Client) -> CallAttempt:
    attempt = proved_absent("redial")
    tell(exotel, attempt, "busy")
    return carrier.fresh(attempt)


def test_it_is_asked_on_the_calls_page_and_who_is_called_again_is_dialled(
    client_of_meera: Client, disputed: CallAttempt
) -> None:
    page = client_of_meera.get(f"/calls/{disputed.pk}/").content.decode()
    assert "nobody dials this person again before you decide" in page
    assert f'action="/calls/{disputed.pk}/decide"' in page
    answer = client_of_meera.post(f"/calls/{disputed.pk}/decide", {"then": "again"}, follow=True).content.decode()
    assert "is in line again." in answer
    assert "before you decide" not in answer
    person = carrier.person(disputed)
    assert (person.state, person.reason_code, person.reason) == ("pending", "", "")
    assert AuditEntry.objects.get(action="call again").actor_name == "Meera Kulkarni"
    assert is_dialled(disputed)


def test_who_is_not_to_be_called_again_is_done(client_of_meera: Client, disputed: CallAttempt) -> None:
    answer = client_of_meera.post(f"/calls/{disputed.pk}/decide", {"then": "never"}, follow=True).content.decode()
    assert "is not called again in this campaign." in answer
    person = carrier.person(disputed)
    assert (person.state, person.reason) == ("done", deciding.LEFT)
    assert AuditEntry.objects.filter(action="not again").exists()
    assert not is_dialled(disputed)


@pytest.mark.parametrize("said", [{}, {"then": ""}, {"then": "perhaps"}])
def test_nothing_else_decides(client_of_meera: Client, disputed: CallAttempt, said: dict[str, str]) -> None:
    assert client_of_meera.post(f"/calls/{disputed.pk}/decide", said).status_code == 400
    assert client_of_meera.get(f"/calls/{disputed.pk}/decide").status_code == 405
    assert carrier.person(disputed).state == "uncertain"


def test_a_second_click_is_told_so(client_of_meera: Client, disputed: CallAttempt) -> None:
    deciding.leave(disputed.pk, by=COMMAND_LINE)
    answer = client_of_meera.post(f"/calls/{disputed.pk}/decide", {"then": "again"}, follow=True).content.decode()
    assert "That was decided already" in answer
    assert carrier.person(disputed).state == "done"


def test_nobody_decides_about_a_call_that_may_go_on(exotel: Client) -> None:
    attempt = proved_absent("redial")
    CallAttempt.objects.filter(pk=attempt.pk).update(slot_expires_at=pacing.db_now() + LONG_AGO)
    tell(exotel, attempt, "answered")
    with pytest.raises(NotAllowed, match="may still go on"):
        deciding.call_again(attempt.pk, by=COMMAND_LINE)
    assert carrier.person(attempt).state == "uncertain"
    CallAttempt.objects.filter(pk=attempt.pk).update(slot_expires_at=pacing.db_now() - LONG_AGO)
    sweeping.expire_slots()
    assert deciding.call_again(attempt.pk, by=COMMAND_LINE)


def test_who_has_left_the_list_is_skipped(disputed: CallAttempt) -> None:
    person = carrier.person(disputed)
    left = people.contact_list([person.phone]).contacts.get()
    CampaignContact.objects.filter(pk=person.pk).update(contact=left)
    Contact.objects.filter(pk=left.pk).update(kept=True)
    assert not deciding.call_again(disputed.pk, by=COMMAND_LINE)
    assert carrier.person(disputed).state == "skipped"


def test_a_campaign_that_was_complete_goes_on(disputed: CallAttempt) -> None:
    Campaign.objects.update(enrolled_at=pacing.db_now())
    control.finish(disputed.campaign_id)
    assert Campaign.objects.get().status == "completed"
    deciding.call_again(disputed.pk, by=COMMAND_LINE)
    assert Campaign.objects.get().status == "running"


def test_in_a_campaign_that_was_stopped_nobody_is_called_again_and_may_be_closed(disputed: CallAttempt) -> None:
    control.stop(disputed.campaign_id, by=COMMAND_LINE)
    with pytest.raises(NotAllowed, match="nobody is called any more"):
        deciding.call_again(disputed.pk, by=COMMAND_LINE)
    deciding.leave(disputed.pk, by=COMMAND_LINE)
    assert carrier.person(disputed).state == "done"


def test_a_later_word_of_the_same_call_asks_again(exotel: Client) -> None:
    attempt, sid = proved_absent("redial"), carrier.new_sid()
    tell(exotel, attempt, "answered", sid)
    deciding.call_again(attempt.pk, by=COMMAND_LINE)
    tell(exotel, attempt, "busy", sid)
    disputed = carrier.fresh(attempt)
    assert carrier.person(disputed).state == "uncertain"
    assert not is_dialled(disputed)


def test_other_calls_are_nobodys_to_decide(client_of_meera: Client) -> None:
    attempt = people.attempt(people.contact(people.campaign()), "unknown")
    assert "/decide" not in client_of_meera.get(f"/calls/{attempt.pk}/").content.decode()
    answer = client_of_meera.post(f"/calls/{attempt.pk}/decide", {"then": "again"}, follow=True).content.decode()
    assert "another source has settled it" in answer
    assert carrier.person(attempt).state == "uncertain"
