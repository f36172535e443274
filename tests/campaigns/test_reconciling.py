"""Asking Exotel what became of calls: lost callbacks, confirmation, twenty at once, its budget and its bad days."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from campaigns import holds, outcomes, pacing, reconciling, stream_use, sweeping
from campaigns.exotel.client import ExotelClient
from campaigns.exotel.details import StreamUse
from campaigns.lifecycle import AttemptState, ContactState
from campaigns.models import CallAttempt, CallEvent, Campaign, CampaignContact, EventSource, ExotelAccount, Pacer
from campaigns.outcomes import Statement
from tests import people
from tests.campaigns.far_side import FarSide, far_side
from tests.exotel.wire import far_side as scripted
from tests.exotel.wire import http, refusal

pytestmark = pytest.mark.django_db


def due(campaign: Campaign, sid: str | None, state: str = AttemptState.PLACED, **fields: object) -> CallAttempt:
    """An attempt about which Exotel is to be asked now."""
    contact = people.contact(campaign)
    return people.attempt(
        contact, state, **{"sid": sid, "check_at": timezone.now(), "placed_at": timezone.now()} | fields
    )


def ask(account: ExotelAccount) -> bool:
    """As if the next turn had come."""
    Pacer.objects.filter(account=account).update(next_details_at=timezone.now())
    return reconciling.reconcile(account)


def again(*attempts: CallAttempt) -> None:
    """As if the wait were over."""
    CallAttempt.objects.filter(pk__in=[one.pk for one in attempts]).update(check_at=timezone.now())


def test_a_lost_callback_is_found_by_the_callsid(exotel: FarSide) -> None:
    account = exotel.account()
    attempt = due(people.campaign(account), exotel.call(people.phone(10)))
    assert ask(account)
    attempt.refresh_from_db()
    assert (attempt.state, attempt.outcome, attempt.carrier_status) == ("ended", "busy", "busy")
    assert attempt.confirmed_at is not None
    assert (attempt.check_at, attempt.slot_evidence) == (None, "details")
    assert CallEvent.objects.get().source == "details"


def test_a_provisional_outcome_is_confirmed_and_gets_talk_time_and_price(exotel: FarSide) -> None:
    account = exotel.account()
    sid = exotel.call(people.phone(1))
    attempt = due(people.campaign(account), sid, AttemptState.ENDED, outcome="answered")
    ask(account)
    attempt.refresh_from_db()
    assert (attempt.outcome, attempt.contradiction) == ("answered", "")
    assert attempt.confirmed_at is not None
    assert attempt.talk_seconds
    assert attempt.duration is not None
    assert attempt.duration > attempt.talk_seconds


@pytest.mark.parametrize(("over_in", "expected"), [(600, [30, 30, 30]), (-1, [10, 20, 40])])
def test_a_call_that_goes_on_is_asked_about_each_half_minute_and_later_and_later_when_it_must_be_over(
    tmp_path: Path, over_in: int, expected: list[int]
) -> None:
    with far_side(tmp_path, speed=1.0) as slow:
        account = slow.account()
        over = timezone.now() + timedelta(seconds=over_in)
        attempt = due(people.campaign(account), slow.call(people.phone(11), over=False), slot_expires_at=over)
        waits = []
        for _ in range(3):
            ask(account)
            attempt.refresh_from_db()
            assert (attempt.state, attempt.check_at is not None) == (AttemptState.PLACED, True)
            assert attempt.check_at is not None
            waits.append(round((attempt.check_at - timezone.now()).total_seconds(), -1))
            again(attempt)
        assert waits == expected


def test_many_calls_are_asked_about_together_twenty_a_question(exotel: FarSide) -> None:
    account = exotel.account()
    campaign = people.campaign(account)
    for sid in exotel.calls([people.phone(10) for _ in range(24)]):
        due(campaign, sid)
    before = len(exotel.questions())

    assert ask(account)
    assert campaign.attempts.filter(state="ended").count() == 20
    assert ask(account)
    assert campaign.attempts.filter(state="ended").count() == 24
    assert not ask(account)
    assert len(exotel.questions()) - before == 2


def test_an_open_call_is_asked_about_before_any_confirmation_however_long_that_waits(exotel: FarSide) -> None:
    """Seen in a run of the chaos harness: 4,000 confirmations kept 25 lost callbacks waiting for six minutes."""
    account = exotel.account()
    campaign = people.campaign(account)
    long_ago = timezone.now() - timedelta(minutes=6)
    sids = exotel.calls([people.phone(10) for _ in range(41)])
    ended = [due(campaign, sid, AttemptState.ENDED, outcome="busy", check_at=long_ago) for sid in sids[1:]]
    lost = due(campaign, sids[0])
    assert ask(account)
    lost.refresh_from_db()
    assert lost.state == "ended"
    asked = CallAttempt.objects.filter(pk__in=[one.pk for one in ended], confirmed_at__isnull=False).count()
    assert asked == 19  # they share the question


def test_open_calls_that_are_more_than_the_budget_has_questions_for_leave_a_quarter_of_each_to_confirmations(
    exotel: FarSide,
) -> None:
    account = exotel.account()
    campaign = people.campaign(account)
    sids = exotel.calls([people.phone(10) for _ in range(30)])
    for sid in sids[:15]:
        due(campaign, sid)
    for sid in sids[15:]:
        due(campaign, sid, AttemptState.ENDED, outcome="busy")
    assert ask(account)
    assert campaign.attempts.filter(state="ended", confirmed_at__isnull=False).count() == 20
    assert campaign.attempts.filter(outcome="busy", confirmed_at__isnull=False, slot_evidence="details").count() == 15


def test_a_call_of_unknown_fate_does_not_make_the_others_wait_for_more_than_its_own_question(exotel: FarSide) -> None:
    account = exotel.account()
    campaign = people.campaign(account)
    unknown = due(campaign, None, AttemptState.UNKNOWN, check_at=timezone.now() - timedelta(seconds=9))
    known = [due(campaign, sid) for sid in exotel.calls([people.phone(10) for _ in range(3)])]
    assert ask(account)
    unknown.refresh_from_db()
    assert unknown.checks == 1
    assert ask(account)
    assert CallAttempt.objects.filter(pk__in=[one.pk for one in known], state="ended").count() == 3


@pytest.mark.parametrize("heard", ["nothing", "that it was answered"])
def test_a_call_whose_last_callback_is_lost_is_asked_about_within_forty_seconds_however_long_it_may_talk(
    heard: str,
) -> None:
    """So a lost callback holds a slot for at most 40 s, the wait for a question's turn, and the answer."""
    attempt = people.attempt(people.contact(people.campaign()), AttemptState.DIALING, ring_timeout=60)
    now = timezone.now()
    outcomes.apply(attempt.pk, Statement(source=EventSource.POST, at=now, sid="a" * 32, status="placed"))
    if heard != "nothing":
        outcomes.apply(
            attempt.pk,
            Statement(source=EventSource.CALLBACK, at=now, sid="a" * 32, status="in-progress", answered=True),
        )
    attempt.refresh_from_db()
    assert attempt.state == (AttemptState.PLACED if heard == "nothing" else AttemptState.ANSWERED)
    assert attempt.slot_expires_at > now + timedelta(minutes=5)
    assert attempt.check_at is not None
    assert attempt.check_at <= now + timedelta(seconds=40)


def test_at_the_usual_account_each_open_call_is_asked_about_within_a_minute_whatever_else_waits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """60 requests a minute, 30 open calls, 54 confirmations a minute, 5 calls of unknown fate, and the streams."""
    account = people.account(calls_per_minute=60, max_concurrent=30)
    campaign, began = people.campaign(account), pacing.db_now()
    later: dict[str, Any] = {"slot_expires_at": began + timedelta(hours=1), "proof_at": began + timedelta(hours=1)}
    for number in range(30):
        due(campaign, f"{number:032d}", check_at=began + timedelta(seconds=number), **later)
    for number in range(54 * 5):
        due(
            campaign,
            f"{1000 + number:032d}",
            AttemptState.ENDED,
            outcome="busy",
            check_at=began + timedelta(seconds=number * 60 / 54),
        )
    unknown = [due(campaign, None, AttemptState.UNKNOWN, check_at=began, **later) for _ in range(5)]
    asked = _five_minutes(account, began, monkeypatch)
    for attempt in campaign.attempts.filter(state=AttemptState.PLACED):
        instants = [began, *asked[attempt.pk], began + timedelta(minutes=5)]
        assert max(after - before for before, after in pairwise(instants)) <= timedelta(seconds=60)
    assert all(len(asked[attempt.pk]) >= 1 for attempt in unknown)
    assert campaign.attempts.filter(state=AttemptState.ENDED, check_at=None).count() >= 60


def _five_minutes(
    account: ExotelAccount, began: datetime, monkeypatch: pytest.MonkeyPatch
) -> defaultdict[int, list[datetime]]:
    """When each call was asked about; none goes over meanwhile. The clock is ours, moved from turn to turn."""
    asked: defaultdict[int, list[datetime]] = defaultdict(list)

    def ask_nobody(_: object, attempts: Sequence[CallAttempt]) -> None:
        for attempt in attempts:
            asked[attempt.pk].append(now)
            if attempt.state == AttemptState.ENDED:
                CallAttempt.objects.filter(pk=attempt.pk).update(check_at=None)
            else:
                reconciling._later(attempt)

    monkeypatch.setattr(reconciling, "_ask", ask_nobody)
    monkeypatch.setattr(ExotelClient, "active_streams", lambda _: StreamUse(1, 100))
    now, until = began, began + timedelta(minutes=5)
    while now < until:
        monkeypatch.setattr(pacing, "CLOCK", f"'{now.isoformat()}'::timestamptz")
        reconciling.reconcile(account)
        stream_use.read_due()
        now = max(people.pacer(account).next_details_at, now + timedelta(seconds=1))
    return asked


def test_a_tick_asks_as_many_questions_as_the_budget_has_room_for(exotel: FarSide) -> None:
    account = exotel.account(calls_per_minute=6_000)  # a question each 0.1 s
    campaign = people.campaign(account)
    for sid in exotel.calls([people.phone(10) for _ in range(45)]):
        due(campaign, sid, AttemptState.ENDED, outcome="busy")
    assert reconciling.reconcile_for(20.0) == 3
    assert CallAttempt.objects.filter(confirmed_at__isnull=False).count() == 45


def test_one_that_the_list_leaves_out_is_asked_about_alone_the_next_time(tmp_path: Path) -> None:
    """Exotel's list is known to leave ongoing calls out."""
    with far_side(tmp_path) as exotel:
        account = exotel.account()
        campaign = people.campaign(account)
        over = timezone.now() - timedelta(seconds=1)
        known, strange = due(campaign, exotel.call(people.phone(10))), due(campaign, "0" * 32, slot_expires_at=over)
        ask(account)
        assert CallAttempt.objects.get(pk=known.pk).state == "ended"
        more = due(campaign, exotel.call(people.phone(10)), check_at=timezone.now() + timedelta(hours=1))
        again(strange)
        again(more)
        CallAttempt.objects.filter(pk=strange.pk).update(check_at=timezone.now() - timedelta(seconds=5))
        ask(account)
        assert exotel.questions()[-1].endswith(f"/Calls/{'0' * 32}.json")
        assert CallAttempt.objects.get(pk=more.pk).state == "placed"


def test_questions_take_what_dials_leave_of_the_accounts_requests(exotel: FarSide) -> None:
    account = exotel.account(calls_per_minute=60)
    campaign = people.campaign(account)
    due(campaign, exotel.call(people.phone(10)))
    assert reconciling.reconcile(account)
    due(campaign, exotel.call(people.phone(10)))
    assert not reconciling.reconcile(account)
    wait = people.pacer(account).next_details_at - timezone.now()
    assert timedelta(seconds=10) < wait <= timedelta(seconds=15)
    assert people.pacer(account).next_dial_at <= timezone.now()  # dialling is not slowed


def test_429_makes_the_whole_account_wait_and_never_less_than_it_waits_already() -> None:
    with scripted(http(429, refusal(429, "Slow down"), "Retry-After: 30")) as exotel:
        account = people.account(api_url=exotel.url)
        attempt = due(people.campaign(account), "a" * 32)
        ask(account)
        until = people.pacer(account).backoff_until
        assert until is not None
        assert timedelta(seconds=25) < until - timezone.now() <= timedelta(seconds=30)
        assert not ask(account)
        assert len(exotel.requests) == 1

        longer = timezone.now() + timedelta(seconds=300)
        Pacer.objects.update(backoff_until=longer)
        holds.back_off(account.pk, 5.0)
        assert people.pacer(account).backoff_until == longer
        attempt.refresh_from_db()
        assert (attempt.state, attempt.checks) == (AttemptState.PLACED, 0)


def test_while_exotel_is_down_nothing_changes_and_the_question_is_put_off() -> None:
    account = people.account()  # nobody listens there
    attempts = [due(people.campaign(account), "b" * 32), due(people.campaign(account), None, AttemptState.UNKNOWN)]
    for _ in attempts:  # one question each, the call without a Sid has one of its own
        assert ask(account)
    for attempt, state in zip(attempts, (AttemptState.PLACED, AttemptState.UNKNOWN), strict=True):
        attempt.refresh_from_db()
        assert attempt.check_at is not None
        assert attempt.check_at > timezone.now()
        assert attempt.state == state


def test_an_answer_that_is_nonsense_is_no_evidence() -> None:
    with scripted(http(200, b"<html>maintenance</html>")) as exotel:
        account = people.account(api_url=exotel.url)
        attempt = due(people.campaign(account), "c" * 32)
        ask(account)
        attempt.refresh_from_db()
        assert (attempt.state, attempt.checks) == (AttemptState.PLACED, 1)


def test_a_callsid_that_exotel_does_not_know_counts_as_failed_only_when_it_must_be_over(exotel: FarSide) -> None:
    account = exotel.account()
    attempt = due(people.campaign(account), "d" * 32)
    ask(account)
    attempt.refresh_from_db()
    assert attempt.state == AttemptState.PLACED

    CallAttempt.objects.update(proof_at=timezone.now() - timedelta(seconds=1), check_at=timezone.now())
    ask(account)
    attempt.refresh_from_db()
    assert (attempt.state, attempt.outcome, attempt.confirmed_at) == ("ended", "failed", None)
    assert "did not know it" in attempt.contradiction
    assert not ask(account)


def test_an_outcome_that_exotel_has_forgotten_stays_what_the_callback_said(exotel: FarSide) -> None:
    account = exotel.account()
    past = timezone.now() - timedelta(seconds=1)
    attempt = due(people.campaign(account), "e" * 32, AttemptState.ENDED, outcome="answered", proof_at=past)
    ask(account)
    attempt.refresh_from_db()
    assert (attempt.outcome, attempt.confirmed_at, attempt.check_at) == ("answered", None, None)
    assert "not confirmed" in attempt.contradiction
    assert not ask(account)


def test_a_call_that_stays_in_progress_for_ever_is_closed_after_a_day(tmp_path: Path) -> None:
    with far_side(tmp_path, speed=1.0) as slow:
        account = slow.account()
        sid = slow.call(people.phone(11), over=False)
        attempt = due(people.campaign(account), sid, proof_at=timezone.now() - timedelta(days=1, seconds=1))
        ask(account)
        attempt.refresh_from_db()
        assert (attempt.state, attempt.outcome, attempt.check_at) == ("ended", "failed", None)
        assert "a day after" in attempt.contradiction
        assert CampaignContact.objects.get().state == ContactState.DONE


def test_a_call_about_which_nobody_asks_any_more_is_asked_about_when_it_must_be_over() -> None:
    attempt = due(people.campaign(), "f" * 32, check_at=None)
    assert sweeping.ask_about_silent_calls() == 1
    attempt.refresh_from_db()
    assert attempt.check_at == attempt.slot_expires_at


def test_each_account_asks_its_own_question(exotel: FarSide) -> None:
    first, second = exotel.account(), exotel.account()
    for account in (first, second):
        due(people.campaign(account), exotel.call(people.phone(10)))
    people.account()  # has nothing to ask
    assert reconciling.reconcile_all() == 2
    assert set(CallAttempt.objects.values_list("outcome", flat=True)) == {"busy"}


@pytest.mark.parametrize(
    "broken", [{"time_zone": "Mars/Olympus"}, {"api_url": "ftp://nowhere"}, {"api_key": "of a key that was lost"}]
)
def test_an_account_that_cannot_be_used_stops_no_other(exotel: FarSide, broken: dict[str, str]) -> None:
    spoilt, sound = people.account(), exotel.account()
    assert spoilt.pk < sound.pk
    for account in (spoilt, sound):
        due(people.campaign(account), exotel.call(people.phone(10)))
    ExotelAccount.objects.filter(pk=spoilt.pk).update(**broken)
    if "api_key" in broken:
        with connection.cursor() as cursor:
            cursor.execute("UPDATE campaigns_exotelaccount SET api_key = 'gAAAA' WHERE id = %s", [spoilt.pk])
    assert reconciling.reconcile_all() == 1
    assert list(CallAttempt.objects.exclude(outcome="").values_list("account_id", flat=True)) == [sound.pk]
    assert stream_use.read_due() >= 1


def test_a_price_that_no_column_holds_does_not_keep_the_outcome_from_being_learned() -> None:
    details = '{"Call": {"Sid": "%s", "Status": "busy", "Price": "123456789.50"}}' % ("a" * 32)
    with scripted(http(200, details.encode())) as exotel:
        attempt = due(people.campaign(people.account(api_url=exotel.url)), "a" * 32)
        ask(attempt.account)
    attempt.refresh_from_db()
    assert (attempt.outcome, attempt.price) == ("busy", None)
