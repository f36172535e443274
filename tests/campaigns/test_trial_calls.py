"""A test call goes through the same queue, hours and do-not-call list as any other call."""

import pytest

from campaigns import control, intents, preparing, suppressing, trial_calls
from campaigns.audit import COMMAND_LINE
from campaigns.intents import Intent
from campaigns.models import AuditEntry, CallerId, Campaign, ExotelAccount
from campaigns.owners import Owner
from campaigns.refusals import NotAllowed
from tests import people

pytestmark = pytest.mark.django_db


@pytest.fixture
def account() -> ExotelAccount:
    made = people.account(from_environment=True)
    CallerId.objects.create(account=made, number=people.CALLER_ID, is_default=True)
    return made


def step(campaign: Campaign) -> object:
    """What the dial loop gets once the bot's words are ready."""
    preparing.prepare_all(5)
    owner = Owner()
    try:
        return intents.next_intent(campaign.account_id, owner.number)
    finally:
        owner.close()


def test_it_is_a_campaign_of_one_person_kept_out_of_the_lists(account: ExotelAccount) -> None:
    campaign = trial_calls.place("90000 01001", "echo", by=COMMAND_LINE)
    assert (campaign.is_test, campaign.account) == (True, account)
    campaign.refresh_from_db()
    assert campaign.status == "running"
    assert list(campaign.contacts.values_list("phone", flat=True)) == ["+919000001001"]
    granted = step(campaign)
    assert isinstance(granted, Intent)
    assert granted.request.number == "+919000001001"
    assert [entry.action for entry in AuditEntry.objects.order_by("pk")] == ["create", "launch"]


def test_a_number_on_the_do_not_call_list_is_not_called(account: ExotelAccount) -> None:
    suppressing.suppress(["+919000001001"], reason="asked", by=COMMAND_LINE)
    campaign = trial_calls.place("9000001001", "echo", by=COMMAND_LINE)
    assert not isinstance(step(campaign), Intent)
    control.finish_all()
    campaign.refresh_from_db()
    assert campaign.status == "completed"
    assert campaign.contacts.get().reason == "On the do-not-call list: asked"


@pytest.mark.parametrize(
    ("number", "bot", "sentence"),
    [("12", "echo", "“12” cannot be called: "), ("9000001001", "parrot", "There is no bot “parrot”")],
)
@pytest.mark.usefixtures("account")
def test_what_cannot_be_called_is_refused_and_leaves_nothing(number: str, bot: str, sentence: str) -> None:
    with pytest.raises(NotAllowed, match=sentence):
        trial_calls.place(number, bot, by=COMMAND_LINE)
    assert not Campaign.objects.exists()


def test_a_refused_launch_leaves_nothing(account: ExotelAccount) -> None:
    CallerId.objects.update(number="nobody")
    with pytest.raises(NotAllowed, match="caller ID"):
        trial_calls.place("9000001001", "echo", by=COMMAND_LINE)
    assert not Campaign.objects.exists()
    assert not AuditEntry.objects.exists()
