"""The loop against the simulator: everybody once, the lock given up first, nothing lost with the database."""

import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
from django.db import OperationalError, connection

from campaigns import control, dialing, intents, pacing, settling, sweeping, tasks
from campaigns.audit import COMMAND_LINE
from campaigns.exotel.answers import NotSent
from campaigns.exotel.exchange import Gate
from campaigns.intents import Intent
from campaigns.lifecycle import OPEN_ATTEMPTS
from campaigns.models import CallAttempt, Campaign, CampaignContact, ExotelAccount
from campaigns.owners import Owner
from tests import people
from tests.dialing.driving import Simulator, loop_of, simulator, ticking, until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("unhurried")]


@pytest.fixture
def exotel(tmp_path: Path) -> Iterator[Simulator]:
    with simulator(tmp_path).up() as running:
        yield running


def account(exotel: Simulator, **fields: object) -> ExotelAccount:
    return people.account(api_url=exotel.options.base_url, **fields)


def dialing_now(campaign: Campaign) -> int:
    return campaign.attempts.filter(state="dialing").count()


def placed(campaign: Campaign) -> int:
    return campaign.attempts.filter(state="placed").count()


def at_least(campaign: Campaign, wanted: int) -> bool:
    return placed(campaign) >= wanted


def end_connections_of_dialer() -> None:
    """As a restart of the server does: every session but this one."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


def test_every_person_is_dialled_once_and_the_account_of_the_carrier_agrees(exotel: Simulator) -> None:
    campaign = people.campaign(account(exotel))
    contacts = people.contacts(campaign, 40)
    with ticking():
        until(lambda: placed(campaign) == 40)
    book = exotel.ledger
    assert len(book.calls) == 40
    assert not book.doubles()
    assert not book.doubled_custom_fields()
    assert not book.overlaps()
    sids = set(campaign.attempts.values_list("sid", flat=True))
    assert sids == set(book.calls)
    assert {contact.phone for contact in contacts} == set(campaign.attempts.values_list("phone", flat=True))


def test_several_ticks_at_once_drive_an_account_no_faster_and_nobody_twice(exotel: Simulator) -> None:
    campaign = people.campaign(account(exotel), calls_per_second=20)
    people.contacts(campaign, 30)
    with ticking(loops=4):
        until(lambda: placed(campaign) == 30)
    assert not exotel.ledger.doubles()
    at = list(campaign.attempts.order_by("intent_at").values_list("intent_at", flat=True))
    assert all(later - first > timedelta(seconds=1) for first, later in zip(at, at[21:], strict=False))


def test_several_accounts_are_driven_side_by_side(exotel: Simulator) -> None:
    campaigns = [people.campaign(account(exotel), calls_per_second=20) for _ in range(2)]
    for campaign in campaigns:
        people.contacts(campaign, 100)
    with ticking(loops=2):
        until(lambda: all(placed(campaign) >= 5 for campaign in campaigns))
        assert all(placed(campaign) < 100 for campaign in campaigns)  # neither waited for the other's end
    assert not exotel.ledger.doubles()


def test_a_loop_ends_by_itself_when_no_campaign_runs(exotel: Simulator) -> None:
    of = account(exotel)
    people.contact(people.campaign(of, status="paused"))
    began = time.monotonic()
    with loop_of(of) as loop:
        loop.run()
    assert time.monotonic() - began < 20
    assert not CallAttempt.objects.exists()


def test_a_loop_gives_the_lock_up_before_it_waits_for_its_posts(tmp_path: Path) -> None:
    """The carrier takes its time to answer: another loop may drive the account meanwhile."""
    with simulator(tmp_path, speed=1.0, latency=2.5).up() as exotel:
        campaign = people.campaign(account(exotel))
        people.contacts(campaign, 3)
        with ticking():
            until(lambda: campaign.attempts.count() == 3)
            dialing.stopping.set()
            until(lambda: campaign.account_id not in pacing.driven())
            assert dialing_now(campaign)
            assert sweeping.sweep_orphans() == 0  # the lock of the account is free, the loop's own is not
            until(lambda: placed(campaign) == 3)


def test_a_new_loop_goes_on_while_the_old_one_waits_for_its_posts(tmp_path: Path) -> None:
    with simulator(tmp_path, speed=1.0, latency=0.7).up() as exotel:
        campaign = people.campaign(account(exotel), calls_per_second=10)
        people.contacts(campaign, 12)
        with ticking(loops=2):
            until(lambda: placed(campaign) == 12)
        assert not exotel.ledger.doubles()


def test_a_database_that_goes_away_costs_nobody_a_second_call(exotel: Simulator) -> None:
    campaign = people.campaign(account(exotel), calls_per_second=50)
    people.contacts(campaign, 60)
    with ticking():
        for wanted in (5, 20, 35):
            until(partial(at_least, campaign, wanted))
            end_connections_of_dialer()
        until(lambda: campaign.attempts.exclude(state="refused").count() == 60 and not dialing_now(campaign))
    book = exotel.ledger
    assert not book.doubles()
    assert not book.doubled_custom_fields()
    assert len(book.calls) == 60
    assert placed(campaign) == 60


def test_only_the_locks_connection_goes_away_and_the_next_tick_goes_on(exotel: Simulator) -> None:
    campaign = people.campaign(account(exotel), calls_per_second=50)
    people.contacts(campaign, 30)
    with ticking():
        until(lambda: placed(campaign) >= 5)
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND classid = %s"
                " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
                [pacing.OWNER_LOCK],
            )
        until(lambda: placed(campaign) == 30)
    assert not exotel.ledger.doubles()
    assert campaign.attempts.values("owner").distinct().count() == 2


def test_an_intent_whose_commit_nobody_heard_of_is_given_back_because_it_was_never_sent(exotel: Simulator) -> None:
    """The connection broke between the commit and its acknowledgement: the row stands, the loop knows no intent."""
    of = account(exotel)
    contact = people.contact(people.campaign(of, status="paused"))
    owner = Owner()
    assert owner.take_account(of.pk)
    attempt = people.attempt(contact, owner=owner.number)
    dialing.Loop(of.pk, owner, longest=0).run()
    owner.close()
    attempt.refresh_from_db()
    contact.refresh_from_db()
    assert (attempt.state, attempt.reason_code) == ("refused", "not-sent")
    assert (contact.state, contact.tries) == ("pending", 0)
    assert not exotel.ledger.calls


def test_a_database_that_fails_for_long_is_tried_once_a_tick(
    exotel: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    people.contacts(people.campaign(account(exotel)), 2)
    tried = []

    def broken(*_: object, **__: object) -> None:
        tried.append(1)
        raise OperationalError("could not extend file: No space left on device")

    monkeypatch.setattr(intents, "next_intents", broken)
    tasks.dial_tick()
    assert len(tried) == 1


def test_a_worker_that_is_told_to_stop_settles_what_is_out_and_dials_nobody_more(tmp_path: Path) -> None:
    with simulator(tmp_path, speed=1.0, latency=0.5).up() as exotel:
        campaign = people.campaign(account(exotel), calls_per_second=20)
        people.contacts(campaign, 50)
        with ticking():
            until(lambda: dialing_now(campaign) >= 3)
        assert not dialing_now(campaign)
        assert placed(campaign) == len(exotel.ledger.calls)


def test_a_pause_lets_no_call_reach_the_carrier_later_than_the_first_byte_may_leave(
    exotel: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dialing, "FIRST_BYTE_WITHIN", 0.5)
    campaign = people.campaign(account(exotel), calls_per_second=100)
    people.contacts(campaign, 300)
    with ticking():
        until(lambda: placed(campaign) >= 20)
        control.pause(campaign.pk, by=COMMAND_LINE)
        paused_at = time.time()
        time.sleep(0.8)
    received = [call.accepted["received_at"] for call in exotel.ledger.calls.values()]
    assert max(received) < paused_at + 0.5 + 1  # a busy machine may write its ledger late
    assert CampaignContact.objects.filter(state="pending").exists()


def test_an_intent_older_than_half_a_second_is_never_sent(exotel: Simulator) -> None:
    of = account(exotel)
    contact = people.contact(people.campaign(of))
    owner = Owner()
    step = intents.next_intent(of.pk, owner.number)
    assert isinstance(step, Intent)
    answer = dialing.client_for(of).connect(step.request, not_after=time.monotonic() - 0.01)
    assert isinstance(answer, NotSent)
    settling.settle(step.attempt_id, answer)
    owner.close()
    contact.refresh_from_db()
    assert (contact.state, contact.tries, contact.reason_code) == ("pending", 0, "not-sent")
    assert not exotel.ledger.entries[1:]  # only that it started


def test_a_loop_that_slept_after_the_commit_sends_nothing(exotel: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """What SIGCONT finds after a freeze: an intent, a thread that is about to send it, and a clock that went on."""
    monkeypatch.setattr(dialing, "FIRST_BYTE_WITHIN", 0.5)
    of, owner = account(exotel), Owner()
    people.contact(people.campaign(of))
    step = intents.next_intent(of.pk, owner.number)
    owner.close()
    assert isinstance(step, Intent)
    heard: list[dialing.Arrived] = []
    slept = replace(step, committed_by=time.monotonic() - 0.6)
    dialing._post_once(dialing.client_for(of), slept, 0.0, Gate(), heard.append)
    assert [type(one.answer) for one in heard] == [NotSent]
    assert not exotel.ledger.entries[1:]  # only that it started


def test_the_time_that_counts_begins_before_the_commit(owner: int) -> None:
    campaign = people.campaign()
    people.contact(campaign)
    before = time.monotonic()
    step = intents.next_intent(campaign.account_id, owner)
    assert isinstance(step, Intent)
    assert before <= step.committed_by <= time.monotonic()


def test_an_account_whose_settings_are_broken_is_held_with_the_reason_and_keeps_no_other_waiting(
    exotel: Simulator,
) -> None:
    broken = people.account(api_url="no address at all")
    people.contact(people.campaign(broken))
    sound = people.campaign(account(exotel))
    people.contact(sound)
    with ticking():
        until(lambda: placed(sound) == 1)
        pacer = people.pacer(broken)
        assert pacer.held_code == "misconfigured"
        assert "https://" in pacer.held_reason
        ExotelAccount.objects.filter(pk=broken.pk).update(api_url=exotel.options.base_url)
        Campaign.objects.filter(pk=sound.pk).update(status="completed")
        until(lambda: CallAttempt.objects.filter(account=broken, state="placed").exists())
    assert people.pacer(broken).held_code == ""


def test_a_key_that_is_mended_counts_from_the_next_call_on(exotel: Simulator) -> None:
    campaign = people.campaign(account(exotel, api_token="mistyped"))
    people.contacts(campaign, 3)
    with ticking():
        until(lambda: people.pacer(campaign.account).held_code == "unauthorised" and not dialing_now(campaign))
        mended = campaign.account
        mended.api_token = "simulator"
        mended.save()
        control.lift_hold(mended.pk, by=COMMAND_LINE)
        until(lambda: placed(campaign) == 3)
    assert people.pacer(mended).held_code == ""
    assert campaign.attempts.exclude(state="refused").values("owner").distinct().count() == 1


def test_what_the_carrier_says_badly_is_heard_as_unknown_and_dialled_once(exotel: Simulator) -> None:
    """Reset after acceptance, 503 with a call and without, an empty 200, closed without an answer."""
    campaign = people.campaign(account(exotel))
    fates = (40, 41, 42, 43, 46)
    people.contacts(campaign, [people.phone(fate) for fate in fates])
    with ticking():
        until(lambda: campaign.attempts.filter(state="unknown").count() == len(fates))
        time.sleep(0.3)
    assert not exotel.ledger.doubles()
    assert campaign.attempts.filter(state__in=OPEN_ATTEMPTS).count() == len(fates)
    assert campaign.contacts.filter(state="uncertain").count() == len(fates)


@pytest.mark.parametrize(("per_second", "loops"), [(10, 1), (20, 4)])
def test_the_pace_is_kept_by_one_loop_and_by_several_and_no_second_holds_more_than_one_call_above_it(
    exotel: Simulator, per_second: int, loops: int
) -> None:
    """`make bench ARGS=pacing` asks the carrier's ledger for a minute, with real workers, at up to 200 a second; here
    the machine may be too busy for a request to arrive as evenly as it was granted."""
    campaign = people.campaign(account(exotel), calls_per_second=per_second)
    number = per_second * 3
    people.contacts(campaign, [f"+919000010{place:03}" for place in range(number)])
    with ticking(loops):
        until(lambda: placed_or_over(campaign) == number)
    granted = list(campaign.attempts.order_by("intent_at").values_list("intent_at", flat=True))
    after = zip(granted, granted[per_second + 1 :], strict=False)
    assert all(later - first > timedelta(seconds=1) for first, later in after)
    assert len(exotel.ledger.calls) == number
    assert not exotel.ledger.doubles()


def placed_or_over(campaign: Campaign) -> int:
    return campaign.attempts.exclude(state="dialing").count()
