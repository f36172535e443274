"""What each answer to our POST means for the attempt, the person, the campaign and the account."""

from datetime import timedelta
from typing import Any

import pytest

from campaigns import control, intents, pacing, settling
from campaigns.audit import COMMAND_LINE
from campaigns.exotel.answers import Accepted, NotSent, RefusalKind, Refused, Unknown, read_answer
from campaigns.intents import Intent
from campaigns.models import AuditEntry, CallAttempt, Campaign, CampaignContact, CampaignPace, ExotelAccount
from tests import people

pytestmark = pytest.mark.django_db
K = RefusalKind


def refused(status: int, kind: RefusalKind, message: str = "as Exotel says it", wait: float | None = None) -> Refused:
    return Refused(status, message, "", wait, kind)


def accepted(sid: str = "sid-0000001") -> Accepted:
    return Accepted(sid, 200, "", 0.1)


def dialled(campaign: Campaign | None = None, **fields: Any) -> CallAttempt:
    """An attempt that is out, as the loop wrote it."""
    return people.attempt(people.contact(campaign or people.campaign(**fields)))


def stood(attempt: CallAttempt) -> tuple[CallAttempt, CampaignContact, Campaign]:
    """Attempt, person and campaign as they stand now."""
    attempt = CallAttempt.objects.select_related("campaign_contact", "campaign__pace").get(pk=attempt.pk)
    return attempt, attempt.campaign_contact, attempt.campaign


def proven() -> Campaign:
    """A campaign of which Exotel has taken calls."""
    campaign = people.campaign()
    people.proven(campaign)
    return campaign


def nobody_was_called(attempt: CallAttempt) -> bool:
    """Refused, the slot free, the person pending as before, no try and no outcome counted."""
    attempt, contact, _ = stood(attempt)
    return (
        (attempt.state, attempt.outcome, contact.state, contact.tries, contact.last_outcome)
        == ("refused", "", "pending", 0, "")
    ) and attempt.slot_released_at is not None


def test_accepted_places_the_call_and_keeps_its_sid() -> None:
    attempt = dialled()
    settling.settle(attempt.pk, accepted())
    attempt, contact, campaign = stood(attempt)
    assert (attempt.state, attempt.sid, attempt.http_status) == ("placed", "sid-0000001", 200)
    assert (contact.state, contact.tries, campaign.pace.accepted) == ("in-call", 1, 1)
    assert attempt.slot_released_at is None
    assert people.pacer(attempt.account).recent == "+"


def test_the_first_400_of_a_campaign_pauses_it_and_burns_nobody() -> None:
    attempt = dialled()
    settling.settle(attempt.pk, refused(400, K.INVALID_REQUEST, "CallerId is not valid"))
    _, _, campaign = stood(attempt)
    assert nobody_was_called(attempt)
    assert (campaign.status, campaign.paused_by) == ("paused", "Dialer")
    assert "the first request of this campaign: “CallerId is not valid”" in campaign.paused_reason
    assert AuditEntry.objects.filter(action="pause", actor_name="Dialer").count() == 1
    assert people.pacer(attempt.account).held_code == ""


def test_all_that_were_out_when_the_first_400_came_are_pending_again() -> None:
    campaign = people.campaign()
    attempts = [dialled(campaign) for _ in range(8)]
    for attempt in attempts:
        settling.settle(attempt.pk, refused(400, K.INVALID_REQUEST))
    assert all(nobody_was_called(attempt) for attempt in attempts)
    assert AuditEntry.objects.filter(action="pause").count() == 1


def test_who_met_the_first_400_stands_behind_the_others_when_the_campaign_goes_on() -> None:
    campaign = people.campaign()
    attempts = [dialled(campaign) for _ in range(2)]
    settling.settle(attempts[0].pk, refused(400, K.INVALID_REQUEST))
    first, second = (stood(attempt)[1] for attempt in attempts)
    assert first.due_at > second.due_at


def test_a_400_in_the_middle_is_that_persons_end() -> None:
    attempt = dialled(proven())
    settling.settle(attempt.pk, refused(400, K.INVALID_REQUEST, "not a number"))
    attempt, contact, campaign = stood(attempt)
    assert (attempt.state, attempt.outcome, contact.state, contact.last_outcome) == (
        "refused",
        "refused",
        "done",
        "refused",
    )
    assert (contact.tries, contact.reason) == (0, "Exotel refused: not a number")
    assert campaign.status == "running"


def test_the_fifth_400_in_a_row_pauses_the_campaign() -> None:
    campaign = proven()
    attempts = [dialled(campaign) for _ in range(5)]
    for attempt in attempts:
        settling.settle(attempt.pk, refused(400, K.INVALID_REQUEST))
    states = [stood(attempt)[1].state for attempt in attempts]
    assert states == ["done"] * 4 + ["pending"]
    assert "5 requests in a row" in stood(attempts[0])[2].paused_reason


def test_an_accepted_call_between_them_breaks_the_row_of_400s() -> None:
    campaign = proven()
    for answer in [refused(400, K.INVALID_REQUEST)] * 4 + [accepted()] + [refused(400, K.INVALID_REQUEST)] * 4:
        settling.settle(dialled(campaign).pk, answer)
    assert Campaign.objects.get(pk=campaign.pk).status == "running"


def test_a_resumed_campaign_counts_its_400s_anew() -> None:
    campaign = proven()
    for _ in range(5):
        settling.settle(dialled(campaign).pk, refused(400, K.INVALID_REQUEST))
    control.resume(campaign.pk, by=COMMAND_LINE)
    settling.settle(dialled(campaign).pk, refused(400, K.INVALID_REQUEST))
    assert Campaign.objects.get(pk=campaign.pk).status == "running"


@pytest.mark.parametrize(
    ("status", "kind", "words"),
    [
        (401, K.UNAUTHORISED, "does not accept the API key"),
        (402, K.PAYMENT, "out of credit"),
        (403, K.FORBIDDEN, "does not let this account call"),
        (404, K.NOT_FOUND, "does not know this account"),
    ],
)
def test_the_accounts_own_trouble_holds_it_until_a_person_lifts_it(status: int, kind: RefusalKind, words: str) -> None:
    attempt = dialled()
    settling.settle(attempt.pk, refused(status, kind, "KYC pending"))
    pacer = people.pacer(attempt.account)
    assert nobody_was_called(attempt)
    assert (pacer.held_code, pacer.probe_at) == (kind.value, None)
    assert words in pacer.held_reason
    assert "“KYC pending”" in pacer.held_reason
    assert stood(attempt)[2].status == "running"


def test_a_held_account_dials_nobody_until_the_hold_is_lifted(owner: int) -> None:
    campaign = people.campaign()
    settling.settle(dialled(campaign).pk, refused(402, K.PAYMENT))
    step = intents.next_intent(campaign.account_id, owner)
    assert not isinstance(step, Intent)
    assert (step.block.code, step.block.held, step.block.until) == ("payment", True, None)
    control.lift_hold(campaign.account_id, by=COMMAND_LINE)
    assert isinstance(intents.next_intent(campaign.account_id, owner), Intent)


def again(attempt: CallAttempt) -> CallAttempt:
    """Somebody lifts the hold, and the same person's next attempt is out."""
    control.lift_hold(attempt.account_id, by=COMMAND_LINE)
    return people.attempt(stood(attempt)[1])


@pytest.mark.parametrize(("status", "kind"), [(403, K.FORBIDDEN), (404, K.NOT_FOUND)])
def test_who_met_a_refusal_of_the_account_stands_behind_the_others_when_it_is_lifted(
    owner: int, status: int, kind: RefusalKind
) -> None:
    campaign = people.campaign()
    first, second = people.contacts(campaign, 2)
    step = intents.next_intent(campaign.account_id, owner)
    assert isinstance(step, Intent)
    assert step.request.number == first.phone
    settling.settle(step.attempt_id, refused(status, kind, "Destination not permitted"))
    control.lift_hold(campaign.account_id, by=COMMAND_LINE)
    people.rest(campaign)
    following = intents.next_intent(campaign.account_id, owner)
    assert isinstance(following, Intent)
    assert following.request.number == second.phone


@pytest.mark.parametrize(("status", "kind"), [(403, K.FORBIDDEN), (404, K.NOT_FOUND)])
def test_who_is_refused_again_while_others_are_called_is_refused_for_themselves(status: int, kind: RefusalKind) -> None:
    answer = refused(status, kind, "Destination not permitted")
    attempt = dialled(proven())
    settling.settle(attempt.pk, answer)
    second = again(attempt)
    settling.settle(dialled(attempt.campaign).pk, accepted())
    settling.settle(second.pk, answer)
    second, contact, campaign = stood(second)
    assert (second.outcome, contact.state, contact.reason_code) == ("refused", "done", "refused-twice")
    assert contact.reason == "Exotel refused this person twice, as nobody else: “Destination not permitted”"
    assert (people.pacer(second.account).held_code, campaign.status) == ("", "running")


def test_a_second_refusal_that_names_the_persons_number_is_theirs() -> None:
    attempt = dialled(proven())
    message = f"Calls to 0{attempt.phone[3:]} are not permitted"
    settling.settle(attempt.pk, refused(403, K.FORBIDDEN, message))
    assert people.pacer(attempt.account).held_code == "forbidden"
    second = again(attempt)
    settling.settle(second.pk, refused(403, K.FORBIDDEN, message))
    assert (stood(second)[1].state, people.pacer(attempt.account).held_code) == ("done", "")


def test_an_account_that_is_refused_again_before_it_called_anybody_is_held_again() -> None:
    attempt = dialled(proven())
    settling.settle(dialled(attempt.campaign).pk, accepted())  # before the trouble: this says nothing
    settling.settle(attempt.pk, refused(403, K.FORBIDDEN, "KYC pending"))
    second = again(attempt)
    settling.settle(second.pk, refused(403, K.FORBIDDEN, "KYC pending"))
    assert nobody_was_called(second)
    assert people.pacer(attempt.account).held_code == "forbidden"


def test_ndnc_skips_the_person_and_holds_nobody_else() -> None:
    attempt = dialled()
    settling.settle(attempt.pk, refused(403, K.NDNC, "NDNC number"))
    attempt, contact, campaign = stood(attempt)
    assert (attempt.outcome, contact.state, contact.reason_code, contact.tries) == ("refused", "skipped", "ndnc", 0)
    assert (people.pacer(attempt.account).held_code, campaign.status) == ("", "running")


def test_429_makes_the_whole_account_wait_as_long_as_exotel_says(owner: int) -> None:
    campaign = people.campaign()
    settling.settle(dialled(campaign).pk, refused(429, K.RATE_LIMITED, wait=7.0))
    step = intents.next_intent(campaign.account_id, owner)
    assert not isinstance(step, Intent)
    assert step.block.code == "rate-limited"
    assert step.block.until is not None
    assert timedelta(seconds=6) < step.block.until - pacing.db_now() <= timedelta(seconds=7)


def test_who_met_a_429_is_next_again_and_not_behind_everybody(owner: int) -> None:
    campaign = people.campaign()
    first, *_ = people.contacts(campaign, 5)
    step = intents.next_intent(campaign.account_id, owner)
    assert isinstance(step, Intent)
    settling.settle(step.attempt_id, refused(429, K.RATE_LIMITED, wait=1.0))
    assert nobody_was_called(CallAttempt.objects.get(pk=step.attempt_id))
    time_passes(campaign.account)
    again = intents.next_intent(campaign.account_id, owner)
    assert isinstance(again, Intent)
    assert again.request.number == first.phone
    assert CallAttempt.objects.get(pk=again.attempt_id).ordinal == 2


def time_passes(account: ExotelAccount) -> None:
    pacer = people.pacer(account)
    pacer.backoff_until = pacer.next_dial_at = pacing.db_now()
    pacer.save()
    CampaignPace.objects.update(next_dial_at=pacing.db_now())


def test_a_429_without_retry_after_backs_off_longer_each_time_and_an_accepted_call_ends_it() -> None:
    campaign = people.campaign()
    waits = []
    for _ in range(8):
        settling.settle(dialled(campaign).pk, refused(429, K.RATE_LIMITED))
        waits.append(people.pacer(campaign.account).backoff_seconds)
        time_passes(campaign.account)
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60]
    settling.settle(dialled(campaign).pk, accepted())
    assert people.pacer(campaign.account).backoff_seconds == 0


def no_room(status: int = 400) -> Refused:
    return refused(status, K.NO_ROOM, "Concurrent call limit reached")


def test_too_many_calls_at_once_is_not_the_persons_fault_and_the_account_waits(owner: int) -> None:
    campaign = people.campaign()
    settling.settle(dialled(campaign).pk, no_room())
    first, *_ = people.contacts(campaign, 2)
    attempt = CallAttempt.objects.get()
    assert nobody_was_called(attempt)
    assert Campaign.objects.get(pk=campaign.pk).status == "running"  # although it is the campaign's first request
    step = intents.next_intent(campaign.account_id, owner)
    assert not isinstance(step, Intent)
    assert step.block.code == "rate-limited"
    assert "too many calls go on at once: “Concurrent call limit reached”" in step.block.reason
    time_passes(campaign.account)
    again = intents.next_intent(campaign.account_id, owner)
    assert isinstance(again, Intent)
    assert again.request.number == attempt.phone != first.phone  # next again, not behind everybody


def test_any_number_of_them_ends_nobody_and_pauses_nothing_and_the_wait_grows() -> None:
    campaign = proven()
    attempts, waits = [dialled(campaign) for _ in range(6)], []
    for attempt in attempts:
        CallAttempt.objects.filter(pk=attempt.pk).update(intent_at=pacing.db_now())
        settling.settle(attempt.pk, no_room(503))
        waits.append(people.pacer(campaign.account).backoff_seconds)
        time_passes(campaign.account)
    assert waits == [1, 2, 4, 8, 16, 32]
    assert all(nobody_was_called(attempt) for attempt in attempts)
    pacer = people.pacer(campaign.account)
    assert (Campaign.objects.get(pk=campaign.pk).status, pacer.held_code, pacer.slowed_at) == ("running", "", None)


def test_who_meets_it_twice_stands_behind_the_others_in_case_it_is_about_them() -> None:
    campaign = proven()
    attempt, other = dialled(campaign), people.contact(campaign)
    settling.settle(attempt.pk, no_room())
    assert stood(attempt)[1].due_at < other.due_at
    time_passes(campaign.account)
    settling.settle(people.attempt(stood(attempt)[1]).pk, no_room())
    assert stood(attempt)[1].due_at > other.due_at


def test_a_429_after_it_says_its_own_words_again() -> None:
    campaign = people.campaign()
    settling.settle(dialled(campaign).pk, no_room())
    settling.settle(dialled(campaign).pk, refused(429, K.RATE_LIMITED, wait=9.0))
    assert people.pacer(campaign.account).backoff_reason == ""


def test_requests_that_were_out_together_back_off_once_and_by_the_longest_wait() -> None:
    campaign = people.campaign()
    out = [dialled(campaign) for _ in range(6)]
    settling.settle(out[0].pk, refused(429, K.RATE_LIMITED, wait=60.0))
    until = people.pacer(campaign.account).backoff_until
    for attempt in out[1:]:
        settling.settle(attempt.pk, refused(429, K.RATE_LIMITED))
    pacer = people.pacer(campaign.account)
    assert (pacer.backoff_seconds, pacer.backoff_until) == (1, until)


@pytest.mark.parametrize("status", [408, 409, 500, 502, 503, 504, 301, 302, 200])
def test_an_answer_that_says_nothing_leaves_the_person_uncertain(status: int) -> None:
    attempt = dialled()
    settling.settle(attempt.pk, read_answer(status, {}, b"", 0.1))
    attempt, contact, campaign = stood(attempt)
    assert (attempt.state, attempt.http_status, contact.state) == ("unknown", status, "uncertain")
    assert (contact.tries, attempt.slot_released_at, campaign.status) == (1, None, "running")
    assert attempt.check_at is not None
    assert people.pacer(attempt.account).recent == "?"


def test_who_is_uncertain_is_not_called_again_by_itself(owner: int) -> None:
    attempt = dialled(max_attempts=5)
    settling.settle(attempt.pk, Unknown("the connection broke"))
    assert not isinstance(intents.next_intent(attempt.account_id, owner), Intent)


def test_not_sent_costs_the_person_a_moment_only() -> None:
    attempt = dialled()
    settling.settle(attempt.pk, NotSent("the connection was refused"))
    _, contact, _ = stood(attempt)
    assert nobody_was_called(attempt)
    assert (contact.reason_code, contact.reason) == ("not-sent", "Not sent: the connection was refused")
    assert timedelta(seconds=3) < contact.due_at - pacing.db_now() <= timedelta(seconds=5)
    assert contact.changed_at <= pacing.db_now()


@pytest.mark.parametrize("message", ["\x00 hidden", "half \ud83d a pair", "x" * 9_000, "“\u202e”"])
def test_words_that_no_table_takes_do_not_keep_an_answer_from_being_settled(message: str) -> None:
    body = b'{"RestException": {"Status": 400, "Message": "' + repr_json(message) + b'"}}'
    attempt = dialled(proven())
    settling.settle(attempt.pk, read_answer(400, {}, body, 0.1))
    assert stood(attempt)[0].state == "refused"


def repr_json(text: str) -> bytes:
    return b"".join(b"\\u%04x" % ord(char) if ord(char) < 32 or ord(char) > 126 else char.encode() for char in text)


def test_the_answer_is_kept_for_the_calls_page_once() -> None:
    attempt = dialled()
    for _ in range(2):
        settling.settle(attempt.pk, accepted())
    (event,) = attempt.events.all()
    assert (event.source, event.call_sid, event.copies) == ("post", "sid-0000001", 2)
    assert event.applied_at is not None
