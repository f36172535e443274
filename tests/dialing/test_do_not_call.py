"""Nobody is called after the commit that put them on the do-not-call list."""

import pytest

from campaigns import intents, suppressing
from campaigns.audit import COMMAND_LINE
from campaigns.intents import Intent, Wait
from campaigns.models import CallAttempt, CampaignContact, Contact
from tests import people
from tests.dialing.driving import racing


@pytest.mark.django_db
def test_a_suppressed_person_is_skipped_with_the_reason_and_the_next_one_is_called(owner: int) -> None:
    campaign = people.campaign()
    gone, next_one = people.contacts(campaign, 2)
    suppressing.suppress([gone.phone], reason="Complained on Monday", by=COMMAND_LINE)
    step = intents.next_intent(campaign.account_id, owner)
    assert isinstance(step, Intent)
    assert step.request.number == next_one.phone
    gone.refresh_from_db()
    assert (gone.state, gone.reason_code) == ("skipped", "suppressed")
    assert gone.reason == "On the do-not-call list: Complained on Monday"


@pytest.mark.django_db
def test_people_of_a_list_who_are_suppressed_together_are_skipped_and_the_next_one_is_called(owner: int) -> None:
    campaign = people.campaign()
    *gone, next_one = people.contacts(campaign, 4)
    listed = Contact.objects.filter(contact_list=people.contact_list([each.phone for each in gone]))
    suppressing.suppress_people(listed, reason="They moved", by=COMMAND_LINE, subject="list:1")
    step = intents.next_intent(campaign.account_id, owner)
    assert isinstance(step, Intent)
    assert step.request.number == next_one.phone
    assert CampaignContact.objects.filter(state="skipped", reason__endswith="They moved").count() == 3


@pytest.mark.django_db(transaction=True)
def test_no_intent_is_granted_after_a_suppression_is_committed(owner: int) -> None:
    """Twenty times at once with an intent for that very person: either it was before, or there is none."""
    for _ in range(20):
        campaign = people.campaign()
        contact = people.contact(campaign)

        def suppressed(phone: str = contact.phone) -> int:
            suppressing.suppress([phone], reason="Asked", by=COMMAND_LINE)
            return CallAttempt.objects.filter(phone=phone).count()

        def dialled(account_id: int = campaign.account_id) -> int:
            return int(isinstance(intents.next_intent(account_id, owner), Intent))

        before, _ = racing(suppressed, dialled)
        assert CallAttempt.objects.filter(phone=contact.phone).count() == before


@pytest.mark.django_db
def test_a_list_full_of_suppressed_people_is_skipped_in_bulk(owner: int) -> None:
    campaign = people.campaign()
    suppressing.suppress(
        [each.phone for each in people.contacts(campaign, 100)], reason="A whole company", by=COMMAND_LINE
    )
    step = intents.next_intent(campaign.account_id, owner)
    assert isinstance(step, Wait)
    assert step.block.code == "nobody-left"
    assert CampaignContact.objects.filter(state="skipped").count() == 100


@pytest.mark.django_db
def test_who_is_taken_off_the_list_may_be_called_in_the_next_campaign(owner: int) -> None:
    campaign = people.campaign()
    contact = people.contact(campaign)
    suppressing.suppress([contact.phone], reason="Asked", by=COMMAND_LINE)
    suppressing.unsuppress([contact.phone], by=COMMAND_LINE)
    assert isinstance(intents.next_intent(campaign.account_id, owner), Intent)
