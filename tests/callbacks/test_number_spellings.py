"""A callback is matched by its token and CallSid: how it spells people's numbers, at home or abroad, ends no belief."""

import pytest
from django.test import Client

from campaigns.lifecycle import AttemptState
from campaigns.models import CallAttempt
from tests import people
from tests.callbacks import carrier

ABROAD = {
    "Singapore": ("+6591434567", ["06591434567", "6591434567", "91434567", "006591434567", "+65 9143 4567"]),
    "the United States": ("+14155550123", ["04155550123", "4155550123", "14155550123", "014155550123"]),
    "Germany": ("+4915112345678", ["015112345678", "4915112345678", "04915112345678"]),
    "India": ("+919812345678", ["09812345678", "9812345678", "919812345678"]),
}
WAYS = [pytest.param(phone, said, id=f"{where} {said}") for where, (phone, all_) in ABROAD.items() for said in all_]


def dialled(phone: str, sid: str | None) -> CallAttempt:
    state = AttemptState.PLACED if sid else AttemptState.DIALING
    return people.attempt(people.contact(people.campaign()), state, sid=sid, phone=phone)


def told(exotel: Client, attempt: CallAttempt, sid: str, **numbers: str) -> CallAttempt:
    carrier.post(exotel, attempt.pk, carrier.full(attempt, sid, "busy") | numbers)
    return carrier.fresh(attempt)


@pytest.mark.parametrize(("phone", "said"), WAYS)
@pytest.mark.parametrize("sid_known", [True, False])
def test_a_callback_may_spell_the_persons_number_at_home_or_abroad(
    exotel: Client, phone: str, said: str, sid_known: bool
) -> None:
    sid = carrier.new_sid()
    now = told(exotel, dialled(phone, sid if sid_known else None), sid, From=said)
    assert (now.state, now.outcome, now.contradiction) == ("ended", "busy", "")
    assert now.slot_released_at is not None


@pytest.mark.parametrize("said", ["null", "sip:person@example.com", "09999999999", "12"])
def test_a_callback_whose_sid_agrees_is_believed_whatever_it_writes_as_numbers(exotel: Client, said: str) -> None:
    sid = carrier.new_sid()
    assert told(exotel, dialled("+6591434567", sid), sid, From=said, To=said).outcome == "busy"


def test_the_caller_id_may_be_spelled_in_any_way_too(exotel: Client) -> None:
    attempt = dialled("+6591434567", None)
    CallAttempt.objects.filter(pk=attempt.pk).update(caller_id="+6561234567")
    assert told(exotel, attempt, carrier.new_sid(), From="null", To="06561234567").outcome == "busy"


def test_another_persons_number_is_disbelieved_while_the_sid_is_not_known(exotel: Client) -> None:
    now = told(exotel, dialled("+6591434567", None), carrier.new_sid(), From="06581434568")
    assert (now.state, now.sid) == (AttemptState.DIALING, None)
    assert "other numbers" in now.contradiction
