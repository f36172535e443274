"""An unknown call is looked for by number and time; absence counts late, in a complete list, by agreeing clocks."""

import json
import uuid
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from campaigns import control, enrolling, outcomes, reconciling
from campaigns.audit import COMMAND_LINE
from campaigns.exotel.times import INDIA_TIME
from campaigns.lifecycle import AttemptState, CampaignStatus, ContactState
from campaigns.models import AuditEntry, CallAttempt, Campaign, CampaignContact, ExotelAccount, Pacer, UnknownPolicy
from campaigns.refusals import NotAllowed
from tests import people
from tests.campaigns.far_side import FarSide, far_side
from tests.exotel.wire import far_side as scripted
from tests.exotel.wire import http

pytestmark = pytest.mark.django_db
PAST = timedelta(seconds=-1)


def unknown(account: ExotelAccount, *, provable: bool = False, **fields: Any) -> CallAttempt:
    """An attempt whose POST was never answered; Exotel may be asked now. `provable`: its absence would count."""
    now = timezone.now()
    contact = people.contact(people.campaign(account, **fields))
    more = {"proof_at": now + PAST} if provable else {}
    return people.attempt(contact, AttemptState.UNKNOWN, check_at=now, **more)


def known(exotel: FarSide, account: ExotelAccount) -> None:
    """A call of the account whose time both sides know: the clocks agree."""
    phone = people.phone(10)
    contact = people.contact(people.campaign(account), phone=phone)
    people.attempt(contact, AttemptState.ENDED, sid=exotel.call(phone), placed_at=timezone.now())


def ask(account: ExotelAccount) -> None:
    """As if two turns had come: the known call beside a late one is asked about first."""
    for _ in range(2):
        Pacer.objects.filter(account=account).update(next_details_at=timezone.now())
        reconciling.reconcile(account)


def person(attempt: CallAttempt) -> CampaignContact:
    return CampaignContact.objects.get(pk=attempt.campaign_contact_id)


def test_one_call_to_that_number_at_that_time_is_it(exotel: FarSide) -> None:
    account = exotel.account()
    attempt = unknown(account)
    sid = exotel.call(attempt.phone)
    ask(account)
    attempt.refresh_from_db()
    assert (attempt.sid, attempt.state, attempt.outcome) == (sid, "ended", "answered")
    assert person(attempt).state == ContactState.DONE


def test_one_that_still_rings_is_in_call_again(tmp_path: Path) -> None:
    with far_side(tmp_path, speed=1.0) as slow:
        account = slow.account()
        attempt = unknown(account)
        CallAttempt.objects.update(phone=(phone := people.phone(11)))
        sid = slow.call(phone, over=False)
        ask(account)
    attempt.refresh_from_db()
    assert (attempt.sid, attempt.state) == (sid, AttemptState.PLACED)
    assert person(attempt).state == ContactState.IN_CALL
    assert attempt.check_at is not None


def test_two_calls_to_that_number_settle_nothing_even_when_late(exotel: FarSide) -> None:
    account = exotel.account()
    attempt = unknown(account, provable=True)
    for _ in range(2):
        exotel.call(attempt.phone)
    known(exotel, account)
    ask(account)
    attempt.refresh_from_db()
    assert (attempt.state, attempt.sid, attempt.checks) == (AttemptState.UNKNOWN, None, 1)


def test_a_call_that_belongs_to_another_attempt_is_no_candidate(exotel: FarSide) -> None:
    account = exotel.account()
    attempt = unknown(account)
    theirs = exotel.call(attempt.phone)
    people.attempt(people.contact(people.campaign(account)), AttemptState.ENDED, sid=theirs)
    ours = exotel.call(attempt.phone)
    ask(account)
    attempt.refresh_from_db()
    assert attempt.sid == ours


def test_a_call_to_somebody_else_is_no_candidate(exotel: FarSide) -> None:
    account = exotel.account()
    attempt = unknown(account)
    exotel.call(people.phone(10))
    ask(account)
    attempt.refresh_from_db()
    assert attempt.state == AttemptState.UNKNOWN


def test_absence_before_the_proof_time_says_nothing(exotel: FarSide) -> None:
    account = exotel.account()
    attempt = unknown(account)
    known(exotel, account)
    ask(account)
    attempt.refresh_from_db()
    assert (attempt.state, person(attempt).state) == (AttemptState.UNKNOWN, ContactState.UNCERTAIN)
    assert attempt.check_at is not None
    assert attempt.check_at > timezone.now()


def test_absence_after_the_proof_time_proves_that_nothing_was_dialled(exotel: FarSide) -> None:
    account = exotel.account()
    attempt = unknown(account, provable=True)
    known(exotel, account)
    ask(account)
    attempt.refresh_from_db()
    assert (attempt.state, attempt.reason_code, attempt.check_at) == (AttemptState.REFUSED, "not-placed", None)
    assert attempt.slot_released_at is not None
    assert person(attempt).tries == 0


def test_absence_without_a_known_call_beside_it_proves_nothing(exotel: FarSide) -> None:
    """A list that is searched in the wrong zone is empty, too."""
    account = exotel.account()
    attempt = unknown(account, provable=True)
    ask(account)
    attempt.refresh_from_db()
    assert attempt.state == AttemptState.UNKNOWN


def test_absence_from_a_list_in_another_zone_proves_nothing(exotel: FarSide) -> None:
    account = exotel.account(time_zone="America/New_York")
    attempt = unknown(account, provable=True)
    known(exotel, account)
    ask(account)
    attempt.refresh_from_db()
    assert attempt.state == AttemptState.UNKNOWN


def test_absence_from_a_list_that_does_not_show_a_known_call_either_proves_nothing() -> None:
    """Exotel keeps numbers in a spelling that our question does not name: it knows the call by its Sid, and the list
    of calls to the number is empty."""
    account = people.account()
    attempt = unknown(account, provable=True)
    placed = {"sid": "e" * 32, "placed_at": timezone.now()}
    people.attempt(people.contact(attempt.campaign), AttemptState.ENDED, **placed)
    with scripted(*[http(200, b'{"Metadata":{},"Calls":[]}')] * 4) as exotel:
        ExotelAccount.objects.update(api_url=exotel.url)
        ask(ExotelAccount.objects.get())
        assert b"/Calls.json?" in exotel.requests[0]
    attempt.refresh_from_db()
    assert attempt.state == AttemptState.UNKNOWN


OURS, ANOTHERS = people.CALLER_ID, "08099999999"
KNOWN = "+919812300000"


def answers(attempt: CallAttempt, *callers: str, control: str = OURS) -> tuple[bytes, bytes]:
    """A list with a known call, and one of calls to this person just now by callers a, b, c…: Sids are aaa…, bbb…"""
    created = f"{attempt.intent_at.astimezone(INDIA_TIME):%Y-%m-%d %H:%M:%S}"
    about = {"From": attempt.phone, "Status": "busy", "Direction": "outbound-api", "DateCreated": created}
    calls = [about | {"Sid": letter * 32, "PhoneNumberSid": one} for letter, one in zip("abcd", callers, strict=False)]
    known = about | {"From": KNOWN, "Sid": "e" * 32, "PhoneNumberSid": control}
    return http(200, json.dumps({"Calls": [known]}).encode()), http(200, json.dumps({"Calls": calls}).encode())


@pytest.mark.parametrize(
    ("callers", "bound"),
    [
        ([OURS], "a"),
        (["+918047491899"], "a"),
        (["080-4749 1899"], "a"),
        ([""], "a"),  # it does not say
        (["0124 749 1899"], "a"),  # may be ours in another spelling
        ([ANOTHERS], None),
        ([ANOTHERS, OURS], "b"),
        (["", OURS], "b"),
        ([ANOTHERS, ""], "b"),
        ([OURS, "+918047491899"], None),
        (["", ""], None),
    ],
)
def test_a_call_with_another_caller_id_is_not_ours(callers: list[str], bound: str | None) -> None:
    attempt = unknown(people.account())
    with scripted(answers(attempt, *callers)[1]) as exotel:
        ExotelAccount.objects.update(api_url=exotel.url)
        ask(ExotelAccount.objects.get())
    attempt.refresh_from_db()
    assert attempt.sid == (bound * 32 if bound else None)
    assert (attempt.outcome == "busy") == bool(bound)


def test_a_call_that_another_attempt_has_in_another_spelling_is_not_ours() -> None:
    attempt = unknown(people.account())
    people.attempt(people.contact(attempt.campaign), AttemptState.PLACED, sid=f"CA{'a' * 32}")
    with scripted(answers(attempt, OURS)[1]) as exotel:
        ExotelAccount.objects.update(api_url=exotel.url)
        ask(ExotelAccount.objects.get())
    attempt.refresh_from_db()
    assert (attempt.sid, attempt.state, attempt.contradiction) == (None, AttemptState.UNKNOWN, "")


@pytest.mark.parametrize(
    ("control", "state", "sid"),
    [(OURS, AttemptState.REFUSED, None), (ANOTHERS, AttemptState.ENDED, "a" * 32), ("", AttemptState.ENDED, "a" * 32)],
)
def test_a_strangers_call_is_no_evidence_where_exotel_is_known_to_keep_our_caller_id(
    control: str, state: str, sid: str | None
) -> None:
    """Where the known call carries another caller ID than we named, that of no call says anything."""
    attempt = unknown(people.account(), provable=True)
    placed = {"sid": "e" * 32, "placed_at": timezone.now()}
    people.attempt(people.contact(attempt.campaign, phone=KNOWN), AttemptState.ENDED, **placed)
    with scripted(*answers(attempt, ANOTHERS, control=control)) as exotel:
        ExotelAccount.objects.update(api_url=exotel.url)
        ask(ExotelAccount.objects.get())
    attempt.refresh_from_db()
    assert (attempt.state, attempt.sid) == (state, sid)


@pytest.mark.parametrize(("behind", "state"), [(60, AttemptState.REFUSED), (3600, AttemptState.UNKNOWN)])
def test_absence_counts_only_when_it_is_late_by_exotels_own_clock_as_well(behind: int, state: str) -> None:
    """Our clock was set an hour forward: the call may still ring, and the list leaves ongoing calls out."""
    account = people.account()
    attempt = unknown(account, provable=True)
    placed = {"sid": uuid.uuid4().hex, "placed_at": timezone.now()}
    control = people.attempt(people.contact(attempt.campaign), AttemptState.ENDED, **placed)
    created = f"{control.intent_at.astimezone(INDIA_TIME):%Y-%m-%d %H:%M:%S}"
    shown = {"From": control.phone, "Sid": control.sid, "Status": "busy", "DateCreated": created}
    date = f"Date: {timezone.now() - timedelta(seconds=behind):%a, %d %b %Y %H:%M:%S} GMT"
    empty = http(200, b'{"Metadata":{},"Calls":[]}', date)
    with scripted(http(200, json.dumps({"Calls": [shown]}).encode(), date), empty) as exotel:
        ExotelAccount.objects.update(api_url=exotel.url)
        ask(ExotelAccount.objects.get())
        assert len(exotel.requests) == 2
    attempt.refresh_from_db()
    assert attempt.state == state


def test_a_callsid_that_exotel_does_not_know_is_not_given_up_early_by_its_clock() -> None:
    date = f"Date: {timezone.now() - timedelta(hours=1):%a, %d %b %Y %H:%M:%S} GMT"
    with scripted(http(404, b"", date)) as exotel:
        contact = people.contact(people.campaign(people.account(api_url=exotel.url)))
        due = {"sid": "c" * 32, "check_at": timezone.now(), "proof_at": timezone.now() + PAST}
        attempt = people.attempt(contact, AttemptState.PLACED, **due)
        reconciling.reconcile(attempt.account)
    attempt.refresh_from_db()
    assert (attempt.state, attempt.checks) == (AttemptState.PLACED, 1)


@pytest.mark.parametrize("listed", [0, 1])
def test_a_list_that_does_not_end_settles_nothing(listed: int) -> None:
    account = people.account()
    attempt = unknown(account, provable=True)
    call = {"Sid": "a" * 32, "From": attempt.phone, "Status": "completed", "Direction": "outbound-api"}
    metadata = {"NextPageUri": "/v1/Accounts/simulated/Calls.json?After=x"}
    page = {"Metadata": metadata, "Calls": [call] * listed}
    stuck = http(200, json.dumps(page).encode())

    with scripted(stuck, http(500)) as exotel:
        ExotelAccount.objects.update(api_url=exotel.url)
        ask(ExotelAccount.objects.get())
    attempt.refresh_from_db()
    assert (attempt.state, attempt.sid) == (AttemptState.UNKNOWN, None)


def proved(exotel: FarSide, policy: str, status: str = CampaignStatus.RUNNING) -> tuple[Campaign, CampaignContact]:
    account = exotel.account()
    attempt = unknown(account, provable=True, unknown_policy=policy, status=status)
    known(exotel, account)
    ask(account)
    return attempt.campaign.__class__.objects.get(pk=attempt.campaign_id), person(attempt)


def test_the_policy_ask_leaves_it_to_a_person(exotel: FarSide) -> None:
    campaign, contact = proved(exotel, UnknownPolicy.ASK)
    assert (contact.state, contact.reason) == (ContactState.UNCERTAIN, "Was never dialled: you may dial now.")
    assert control.dial_uncertain(campaign.pk, by=COMMAND_LINE) == 1
    contact.refresh_from_db()
    assert contact.state == ContactState.PENDING
    assert AuditEntry.objects.get(action="dial uncertain").details == {"people": 1}


def test_the_policy_redial_puts_them_back_in_line(exotel: FarSide) -> None:
    _, contact = proved(exotel, UnknownPolicy.REDIAL)
    assert (contact.state, contact.tries) == (ContactState.PENDING, 0)


def test_of_who_is_proved_absent_again_a_person_decides(exotel: FarSide) -> None:
    """Each proof gives the try back: without this a list that never shows anybody would have them rung for ever."""
    campaign, contact = proved(exotel, UnknownPolicy.REDIAL)
    again = people.attempt(contact, AttemptState.DIALING)
    outcomes.prove_absent(again.pk)
    contact.refresh_from_db()
    assert (contact.state, contact.reason_code) == (ContactState.UNCERTAIN, "not-placed")
    assert contact.reason == "Was never dialled, for the second time: you may dial now."
    assert control.dial_uncertain(campaign.pk, by=COMMAND_LINE) == 1


def test_the_policy_never_skips_them(exotel: FarSide) -> None:
    _, contact = proved(exotel, UnknownPolicy.NEVER)
    assert contact.state == ContactState.SKIPPED
    assert "does not dial again" in contact.reason


def test_redial_wakes_a_campaign_that_had_completed_meanwhile(exotel: FarSide) -> None:
    """Uncertain people do not hold a campaign; but who is pending in one that does not run would wait for ever."""
    campaign, contact = proved(exotel, UnknownPolicy.REDIAL, CampaignStatus.COMPLETED)
    assert (campaign.status, contact.state) == (CampaignStatus.RUNNING, ContactState.PENDING)
    assert campaign.ended_at is None
    assert AuditEntry.objects.get(action="resume").actor_name == "Dialer"


@pytest.mark.parametrize("policy", UnknownPolicy.values)
@pytest.mark.parametrize("status", [CampaignStatus.CANCELLED, CampaignStatus.DRAINING])
def test_in_a_campaign_that_was_stopped_nobody_is_put_back(exotel: FarSide, policy: str, status: str) -> None:
    campaign, contact = proved(exotel, policy, status)
    assert (campaign.status, contact.state) == (status, ContactState.SKIPPED)
    with pytest.raises(NotAllowed, match="nobody is called any more"):
        control.dial_uncertain(campaign.pk, by=COMMAND_LINE)


def test_dialling_them_after_all_wakes_a_completed_campaign(exotel: FarSide) -> None:
    campaign, _ = proved(exotel, UnknownPolicy.ASK, CampaignStatus.COMPLETED)
    control.dial_uncertain(campaign.pk, by=COMMAND_LINE)
    campaign.refresh_from_db()
    assert campaign.status == CampaignStatus.RUNNING


def test_only_people_who_are_proved_not_to_have_been_dialled_may_be_dialled(db: None) -> None:
    attempt = unknown(people.account())
    assert control.dial_uncertain(attempt.campaign_id, by=COMMAND_LINE) == 0
    assert person(attempt).state == ContactState.UNCERTAIN


def test_proof_of_absence_that_comes_after_evidence_changes_nothing(db: None) -> None:
    attempt = unknown(people.account())
    CallAttempt.objects.update(state=AttemptState.ANSWERED, sid="a" * 32)
    outcomes.prove_absent(attempt.pk)
    attempt.refresh_from_db()
    assert attempt.state == AttemptState.ANSWERED


def test_a_call_whose_end_came_without_a_callsid_is_not_asked_about_for_ever(exotel: FarSide) -> None:
    account = exotel.account()
    attempt = unknown(account, provable=True)
    CallAttempt.objects.update(state=AttemptState.ENDED, outcome="busy")
    ask(account)
    attempt.refresh_from_db()
    assert (attempt.outcome, attempt.check_at) == ("busy", None)
    assert not enrolling.enrol_all()


def test_what_two_calls_could_be_is_asked_about_only_now_and_then_after_a_day(exotel: FarSide) -> None:
    account = exotel.account()
    attempt = unknown(account, provable=True)
    for _ in range(2):
        exotel.call(attempt.phone)
    CallAttempt.objects.update(proof_at=timezone.now() - timedelta(days=1, seconds=1))
    ask(account)
    attempt.refresh_from_db()
    assert attempt.check_at is not None
    assert attempt.check_at - timezone.now() > timedelta(hours=5)


def test_proof_about_a_loop_that_was_frozen_all_the_while_leaves_its_person_to_decide_about(db: None) -> None:
    """Its attempt still says *dialing*, so the person is in call; they must not stay so for ever."""
    attempt = people.attempt(people.contact(people.campaign()), AttemptState.DIALING)
    outcomes.prove_absent(attempt.pk)
    assert (person(attempt).state, person(attempt).reason_code) == (ContactState.UNCERTAIN, "not-placed")
    assert control.dial_uncertain(attempt.campaign_id, by=COMMAND_LINE) == 1
