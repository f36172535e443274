"""A database that has forgotten calls is found before it dials; one that has not is never taken for it."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
import redis
from django.conf import settings
from django.db import connection
from django.test import override_settings
from django.utils import timezone

from campaigns import control, gaps, holds, pacing, scheduling, witness
from campaigns.audit import COMMAND_LINE, DIALER
from campaigns.holds import Hold
from campaigns.models import CallAttempt, Campaign, ExotelAccount, Gap, Installation
from campaigns.refusals import NotAllowed
from campaigns.witness import Mark
from tests import people

pytestmark = pytest.mark.django_db

NOBODYS_REDIS = "redis://127.0.0.1:9/0"


def called(of: Campaign, owner: int = 7) -> CallAttempt:
    """A call that a dial loop has made and the witness knows of."""
    attempt = people.attempt(people.contact(of), "placed", owner=owner)
    saw(attempt)
    return attempt


def saw(attempt: CallAttempt) -> None:
    now = timezone.now()
    mark = Mark(attempt.pk, attempt.owner, now, now + timedelta(seconds=300))
    assert witness.keep(gaps.installation().key, {attempt.account_id: mark}).certain


def forget(*attempts: CallAttempt) -> None:
    """As a restore does: the rows are gone, and the next number is the one of the first of them again."""
    first = min(attempt.pk for attempt in attempts)
    CallAttempt.objects.filter(pk__gte=first).delete()
    with connection.cursor() as cursor:
        cursor.execute("SELECT setval(pg_get_serial_sequence('campaigns_callattempt', 'id'), %s, false)", [first])


def lose_redis() -> None:
    server = redis.Redis.from_url(settings.REDIS_URL)
    server.delete(f"dialer:witness:{gaps.installation().key}")
    server.close()


def lose_the_file() -> None:
    (Path(settings.WITNESS_DIR) / f"{gaps.installation().key}.txt").unlink()


def running() -> Campaign:
    """A campaign whose account dials, and is known to."""
    made = people.campaign()
    assert gaps.clear(made.account_id)
    return made


def status(of: Campaign) -> tuple[str, str]:
    of.refresh_from_db()
    return of.status, of.paused_by


def next_number() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval(pg_get_serial_sequence('campaigns_callattempt', 'id'))")
        number: int = cursor.fetchone()[0]
    return number


# ------------------------------------------------------------------------------------------- nothing was forgotten
def test_a_database_that_knows_the_last_call_may_dial() -> None:
    campaign = running()
    called(campaign)
    assert gaps.clear(campaign.account_id)
    assert status(campaign) == ("running", "")
    assert not Gap.objects.exists()


def test_a_database_that_is_ahead_of_its_witness_may_dial() -> None:
    campaign = running()
    called(campaign)
    people.attempt(people.contact(campaign), "placed", owner=7)
    assert gaps.clear(campaign.account_id)


def test_a_fresh_installation_may_dial() -> None:
    assert gaps.clear(people.account().pk)
    assert Installation.objects.get().witnessed_at is not None


def test_an_upgraded_installation_with_calls_and_no_witness_yet_may_dial() -> None:
    campaign, other = people.campaign(), people.campaign()
    for one in (campaign, other):
        people.attempt(people.contact(one), "ended", outcome="answered")
    assert gaps.clear(campaign.account_id)
    assert gaps.clear(other.account_id)
    assert not Gap.objects.exists()


@pytest.mark.parametrize("loss", [lose_redis, lose_the_file])
def test_one_of_the_two_places_may_be_lost(loss: Callable[[], None]) -> None:
    campaign = running()
    called(campaign)
    loss()
    assert gaps.clear(campaign.account_id)
    assert status(campaign) == ("running", "")


def test_redis_may_be_away_while_the_file_is_good() -> None:
    campaign = running()
    called(campaign)
    with override_settings(REDIS_URL=NOBODYS_REDIS):
        assert gaps.clear(campaign.account_id)
    assert not Gap.objects.exists()


def test_without_the_file_nobody_is_dialled_while_redis_is_away_and_nothing_is_held() -> None:
    campaign = running()
    called(campaign)
    lose_the_file()
    with override_settings(REDIS_URL=NOBODYS_REDIS):
        assert not gaps.clear(campaign.account_id)
    assert not Gap.objects.exists()
    assert status(campaign) == ("running", "")
    assert gaps.clear(campaign.account_id)


def test_a_new_account_of_an_old_installation_may_dial_without_any_redis() -> None:
    running()
    with override_settings(REDIS_URL=NOBODYS_REDIS):
        assert gaps.clear(people.account().pk)


# --------------------------------------------------------------------------------------------- calls were forgotten
def test_a_database_behind_its_witness_is_held_and_paused_with_the_reason() -> None:
    campaign = running()
    called(campaign)
    lost = called(campaign)
    forget(lost)
    assert not gaps.clear(campaign.account_id)
    assert status(campaign) == ("paused", "Dialer")
    assert "--after-restore" in campaign.paused_reason
    pacer = people.pacer(campaign.account)
    assert (pacer.held_code, pacer.probe_at, pacer.held_reason) == ("restored", None, campaign.paused_reason)
    gap = Gap.objects.get()
    assert (gap.account_id, gap.witnessed) == (campaign.account_id, lost.pk)
    assert gap.known_until == campaign.attempts.get().intent_at
    assert gap.called_until is not None
    assert gap.ready_at > gap.called_until + timedelta(seconds=300)


def test_the_number_of_a_forgotten_call_is_never_given_out_again() -> None:
    campaign = running()
    lost = [called(campaign) for _ in range(3)]
    forget(*lost)
    assert not gaps.clear(campaign.account_id)
    assert next_number() > lost[-1].pk + 1000


def test_an_account_that_lost_nothing_waits_for_the_do_not_call_list_and_dials_with_numbers_that_nobody_had() -> None:
    """It lost no call, and yet its people may have asked not to be called since the copy was made."""
    campaign, other = running(), running()
    planned = people.campaign(other.account, status="scheduled", scheduled_at=timezone.now() + timedelta(hours=1))
    kept = called(other)
    lost = called(campaign)
    forget(lost)
    assert gaps.clear(other.account_id)
    assert next_number() > lost.pk
    assert status(campaign) == ("paused", "Dialer")  # found with the first look, whoever looked
    assert status(other) == ("paused", "Dialer")
    assert "do-not-call list" in other.paused_reason
    assert status(planned) == ("draft", "")
    assert CallAttempt.objects.get() == kept
    control.resume(other.pk, by=COMMAND_LINE)
    assert not gaps.clear(campaign.account_id)
    assert gaps.clear(other.account_id)
    assert status(other) == ("running", "")  # once, not with each look


def test_the_same_number_given_out_again_by_another_loop_deceives_nobody() -> None:
    """An older version, which knew of no witness, was started on the restored database first."""
    campaign = running()
    lost = called(campaign)
    forget(lost)
    impostor = people.attempt(people.contact(campaign), "placed", owner=8)
    assert impostor.pk == lost.pk
    assert not gaps.clear(campaign.account_id)


def test_calls_without_any_witness_start_paused() -> None:
    campaign = running()
    called(campaign)
    lose_redis()
    lose_the_file()
    assert not gaps.clear(campaign.account_id)
    assert status(campaign) == ("paused", "Dialer")
    gap = Gap.objects.get()
    assert (gap.called_until, gap.witnessed) == (None, 0)
    assert "Nobody can say" in campaign.paused_reason


def test_garbage_in_both_places_is_no_witness() -> None:
    campaign = running()
    called(campaign)
    lose_redis()
    (Path(settings.WITNESS_DIR) / f"{gaps.installation().key}.txt").write_bytes(b"\xff\x00 3 9")
    assert not gaps.clear(campaign.account_id)


def test_the_witness_of_another_database_says_nothing_of_this_one() -> None:
    campaign = running()
    called(campaign)
    Installation.objects.all().delete()  # another database, with calls of its own, before its first mark
    assert gaps.clear(campaign.account_id)


def test_a_copy_of_a_database_that_is_started_elsewhere_starts_paused(tmp_path: Path) -> None:
    """A clone for tests must not call the people of the real one."""
    campaign = running()
    called(campaign)
    lose_redis()  # it has a Redis of its own
    with override_settings(WITNESS_DIR=tmp_path / "of the clone"):
        assert not gaps.clear(campaign.account_id)


def test_a_database_put_back_to_before_its_first_call_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    campaign = running()
    forget(called(campaign))
    assert not gaps.clear(campaign.account_id)
    assert Gap.objects.get().known_until is None


# -------------------------------------------------------------------------------------------- nothing goes around it
@pytest.fixture
def held() -> Campaign:
    campaign = running()
    forget(called(campaign))
    assert not gaps.clear(campaign.account_id)
    campaign.refresh_from_db()
    return campaign


def test_resume_refuses_and_names_the_way(held: Campaign) -> None:
    with pytest.raises(NotAllowed, match="--after-restore"):
        control.resume(held.pk, by=COMMAND_LINE)
    assert status(held) == ("paused", "Dialer")


def test_saying_that_it_is_mended_lifts_nothing(held: Campaign) -> None:
    with pytest.raises(NotAllowed, match="--after-restore"):
        control.lift_hold(held.account_id, by=COMMAND_LINE)
    assert people.pacer(held.account).held_code == "restored"


def test_a_mended_key_lifts_nothing(held: Campaign) -> None:
    assert not holds.lift_settled(pacing.lock(held.account_id), DIALER)
    assert people.pacer(held.account).held_code == "restored"


def test_no_campaign_of_the_account_is_launched(held: Campaign) -> None:
    draft = people.campaign(held.account, status="draft", lists=[people.contact_list()])
    with pytest.raises(NotAllowed, match="--after-restore"):
        control.launch(draft.pk, by=COMMAND_LINE)


def test_a_scheduled_campaign_waits_until_it_is_resolved(held: Campaign) -> None:
    planned = people.campaign(
        held.account, status="scheduled", lists=[people.contact_list()], scheduled_at=timezone.now()
    )
    assert scheduling.start_due() == 0
    assert status(planned)[0] == "scheduled"
    Gap.objects.update(closed_at=timezone.now())
    assert scheduling.start_due() == 1


def test_a_hold_that_somebody_took_away_comes_back_before_anybody_is_dialled(held: Campaign) -> None:
    pacer = people.pacer(held.account)
    holds.lift(pacer, COMMAND_LINE)
    Campaign.objects.filter(pk=held.pk).update(status="running", paused_by="", paused_reason="")
    assert not gaps.clear(held.account_id)
    assert people.pacer(held.account).held_code == "restored"
    assert status(held) == ("paused", "Dialer")


def test_it_outranks_a_hold_that_a_person_would_lift() -> None:
    campaign = running()
    forget(called(campaign))
    holds.put(people.pacer(campaign.account), Hold("payment", "No credit.", probes=False), timezone.now())
    assert not gaps.clear(campaign.account_id)
    assert people.pacer(campaign.account).held_code == "restored"


def test_the_account_is_held_once_however_often_it_is_looked_at(held: Campaign) -> None:
    assert not any(gaps.clear(held.account_id) for _ in range(3))
    assert Gap.objects.count() == 1


def test_another_account_is_not_held(held: Campaign) -> None:
    other: ExotelAccount = people.account()
    assert gaps.clear(other.pk)
    assert not gaps.problems(other.pk)
