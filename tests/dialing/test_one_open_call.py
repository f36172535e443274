"""A person has at most one open attempt, whatever accounts and campaigns want to call."""

import pytest
from django.db import IntegrityError, transaction

from campaigns import intents
from campaigns.intents import Intent, Wait
from campaigns.lifecycle import OPEN_ATTEMPTS
from campaigns.models import CallAttempt
from tests import people
from tests.dialing.driving import racing


@pytest.mark.django_db
def test_a_second_campaign_waits_while_the_person_is_in_a_call_of_the_first(owner: int) -> None:
    account, phone = people.account(), people.phone()
    first, second = people.campaign(account), people.campaign(account)
    for campaign in (first, second):
        people.contacts(campaign, [phone])
    assert isinstance(intents.next_intent(account.pk, owner), Intent)
    people.rest(first)
    step = intents.next_intent(account.pk, owner)
    assert isinstance(step, Wait)
    waiting = second.contacts.get()
    assert (waiting.state, waiting.reason_code) == ("pending", "in-call-elsewhere")
    assert waiting.due_at > waiting.changed_at


@pytest.mark.django_db(transaction=True)
def test_two_accounts_that_race_for_the_same_people_never_both_have_them(owner: int) -> None:
    """The accounts share no lock: the table's own constraint decides, and the loser goes on with somebody else."""
    phones = [people.phone() for _ in range(20)]
    accounts = [people.account(calls_per_minute=6_000_000) for _ in range(2)]
    for account in accounts:
        people.contacts(people.campaign(account), phones)

    def dial(account_id: int) -> int:
        return sum(isinstance(intents.next_intent(account_id, owner), Intent) for _ in range(100))

    granted = racing(*[lambda account_id=account.pk: dial(account_id) for account in accounts])
    open_calls = CallAttempt.objects.filter(state__in=OPEN_ATTEMPTS)
    assert sorted(open_calls.values_list("phone", flat=True)) == sorted(phones)
    assert sum(granted) == 20


@pytest.mark.django_db
def test_an_uncertain_call_keeps_everybody_from_dialling_the_person(owner: int) -> None:
    account, phone = people.account(), people.phone()
    uncertain, other = people.campaign(account), people.campaign(account)
    people.attempt(people.contacts(uncertain, [phone])[0], "unknown")
    people.contacts(other, [phone])
    assert isinstance(intents.next_intent(account.pk, owner), Wait)
    assert other.contacts.get().reason == "Another call to this person is open or uncertain."


@pytest.mark.django_db
def test_a_simulated_call_does_not_keep_anybody_from_a_real_one(owner: int) -> None:
    phone = people.phone()
    people.attempt(people.contacts(people.campaign(), [phone])[0])
    real = people.account(kind="exotel")
    people.attempt(people.contacts(people.campaign(real), [phone])[0])
    assert CallAttempt.objects.filter(phone=phone).count() == 2


@pytest.mark.django_db
@pytest.mark.parametrize("state", OPEN_ATTEMPTS)
def test_the_table_itself_refuses_a_second_open_attempt(state: str) -> None:
    contact = people.contact(people.campaign())
    people.attempt(contact, state)
    with pytest.raises(IntegrityError, match="one_open_attempt_per"), transaction.atomic():
        people.attempt(contact)


@pytest.mark.django_db
def test_an_ordinal_is_never_used_twice() -> None:
    contact = people.contact(people.campaign())
    people.attempt(contact, "refused", ordinal=1)
    with pytest.raises(IntegrityError, match="attempt_ordinal_once"), transaction.atomic():
        people.attempt(contact, "ended", ordinal=1)
