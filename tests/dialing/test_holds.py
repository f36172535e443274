"""When an account stops by itself, what that costs, and how it starts again."""

import pytest

from campaigns import holds, intents, pacing, settling
from campaigns.audit import COMMAND_LINE
from campaigns.exotel.answers import Accepted, ConnectAnswer, NotSent, RefusalKind, Refused, Unknown
from campaigns.holds import Hold
from campaigns.intents import Intent, Wait
from campaigns.models import AuditEntry, Campaign, Pacer
from tests import people

pytestmark = pytest.mark.django_db

UNKNOWN: ConnectAnswer = Unknown("the connection broke")
NOT_SENT: ConnectAnswer = NotSent("the connection was refused")
LATE: ConnectAnswer = NotSent("the connection stood too late, nothing was sent", ours=True)
ACCEPTED: ConnectAnswer = Accepted("", 200, "", 0.1)
PAYMENT: ConnectAnswer = Refused(402, "no credit", "", None, RefusalKind.PAYMENT)


def campaign() -> Campaign:
    made = people.campaign()
    people.proven(made)
    return made


def answered(of: Campaign, *answers: ConnectAnswer) -> Pacer:
    """A call for each answer; the pacer after them."""
    for answer in answers:
        settling.settle(people.attempt(people.contact(of)).pk, answer)
    return people.pacer(of.account)


def test_eight_unknowns_in_a_row_hold_the_account_and_seven_do_not() -> None:
    of = campaign()
    assert answered(of, *[UNKNOWN] * 7).held_code == ""
    pacer = answered(of, UNKNOWN)
    assert (pacer.held_code, pacer.probing) == ("unknowns", False)
    assert pacer.probe_at is not None
    assert "the connection broke" in pacer.held_reason


def test_a_certain_answer_breaks_the_row_of_unknowns() -> None:
    assert answered(campaign(), *[UNKNOWN] * 7, ACCEPTED, *[UNKNOWN] * 4).held_code == ""


def test_twelve_unknowns_of_the_last_twenty_hold_the_account_and_eleven_do_not() -> None:
    of = campaign()
    for answer in [UNKNOWN, UNKNOWN, ACCEPTED, UNKNOWN, ACCEPTED] * 3 + [ACCEPTED] * 3 + [UNKNOWN] * 2:
        assert answered(of, answer).held_code == ""
    assert people.pacer(of.account).recent.count("?") == 11
    assert answered(of, ACCEPTED, UNKNOWN).held_code == ""  # the first two have left the last twenty by now
    assert answered(of, UNKNOWN, UNKNOWN, UNKNOWN).held_code == "unknowns"


def test_unknowns_long_ago_are_forgotten() -> None:
    assert answered(campaign(), *[UNKNOWN] * 7, *[ACCEPTED] * 20, *[UNKNOWN] * 7).held_code == ""


def test_five_that_were_never_sent_hold_the_account_and_four_do_not() -> None:
    of = campaign()
    assert answered(of, *[NOT_SENT] * 4).held_code == ""
    pacer = answered(of, NOT_SENT)
    assert (pacer.held_code, pacer.held_reason) == (
        "unreachable",
        "No request reaches Exotel: the connection was refused.",
    )
    assert not of.contacts.exclude(state="pending").exists()


def test_our_own_lateness_is_no_trouble_of_the_carrier_and_breaks_no_row() -> None:
    of = campaign()
    pacer = answered(of, *[NOT_SENT] * 4, *[LATE] * 20)
    assert (pacer.held_code, pacer.not_sent_in_row) == ("", 4)
    assert not of.contacts.exclude(state="pending").exists()
    assert answered(of, NOT_SENT).held_code == "unreachable"


def test_a_half_open_call_that_we_were_too_late_for_leaves_the_account_half_open(owner: int) -> None:
    of = campaign()
    half_open(of)
    people.contacts(of, 3)
    step = intents.next_intent(of.account_id, owner)
    assert isinstance(step, Intent)
    settling.settle(step.attempt_id, LATE)
    assert people.pacer(of.account).probing
    people.rest(of)
    assert isinstance(intents.next_intent(of.account_id, owner), Intent)


def test_an_answer_of_any_kind_breaks_the_row_of_those_that_were_not_sent() -> None:
    assert answered(campaign(), *[NOT_SENT] * 4, ACCEPTED, *[NOT_SENT] * 4).held_code == ""


def test_a_hold_is_written_down_once() -> None:
    answered(campaign(), *[UNKNOWN] * 12)
    assert AuditEntry.objects.filter(action="hold").count() == 1


def test_a_hold_that_needs_a_person_is_not_replaced_by_one_that_ends_by_itself() -> None:
    pacer = answered(campaign(), PAYMENT, *[UNKNOWN] * 9, ACCEPTED)
    assert (pacer.held_code, pacer.probe_at) == ("payment", None)


def test_a_hold_that_ends_by_itself_is_replaced_by_one_that_needs_a_person() -> None:
    pacer = answered(campaign(), *[UNKNOWN] * 9, PAYMENT)
    assert (pacer.held_code, pacer.probe_at) == ("payment", None)


def test_lifting_a_hold_forgets_what_led_to_it() -> None:
    of = campaign()
    pacer = answered(of, *[UNKNOWN] * 8)
    holds.lift(pacer, COMMAND_LINE)
    assert answered(of, *[UNKNOWN] * 7).held_code == ""


def half_open(of: Campaign) -> Pacer:
    """Held for an outage, and Exotel has answered the free question."""
    pacer = answered(of, *[UNKNOWN] * 8)
    pacer.probing = True
    pacer.save()
    return pacer


def test_while_half_open_one_call_is_out_at_a_time(owner: int) -> None:
    of = campaign()
    half_open(of)
    people.contacts(of, 3)
    step = intents.next_intent(of.account_id, owner)
    assert isinstance(step, Intent)
    people.rest(of)
    blocked = intents.next_intent(of.account_id, owner)
    assert isinstance(blocked, Wait)
    assert blocked.block.code == "unknowns"
    assert blocked.seconds > 0.1  # it is not asked again at once
    settling.settle(step.attempt_id, ACCEPTED)
    assert people.pacer(of.account).held_code == ""
    assert isinstance(intents.next_intent(of.account_id, owner), Intent)


@pytest.mark.parametrize(("answer", "code"), [(UNKNOWN, "unknowns"), (NOT_SENT, "unreachable")])
def test_a_half_open_call_that_fails_shuts_the_account_again_until_the_next_probe(
    owner: int, answer: ConnectAnswer, code: str
) -> None:
    of = campaign()
    half_open(of)
    people.contacts(of, 3)
    step = intents.next_intent(of.account_id, owner)
    assert isinstance(step, Intent)
    settling.settle(step.attempt_id, answer)
    pacer = people.pacer(of.account)
    assert (pacer.held_code, pacer.probing) == (code, False)
    assert pacer.probe_at is not None
    assert pacer.probe_at > pacing.db_now()
    people.rest(of)
    assert isinstance(intents.next_intent(of.account_id, owner), Wait)


def test_an_account_that_cannot_be_used_is_held_and_freed_by_itself_once_it_can() -> None:
    account = people.account()
    holds.note_configured(people.pacer(account), "its API address is not one", pacing.db_now())
    pacer = people.pacer(account)
    assert (pacer.held_code, pacer.probe_at) == ("misconfigured", None)
    holds.note_configured(pacer, "", pacing.db_now())
    assert people.pacer(account).held_code == ""


def test_that_an_account_can_be_used_again_lifts_no_other_hold() -> None:
    account = people.account()
    holds.put(people.pacer(account), Hold("payment", "no credit", probes=False), pacing.db_now())
    holds.note_configured(people.pacer(account), "", pacing.db_now())
    assert people.pacer(account).held_code == "payment"
