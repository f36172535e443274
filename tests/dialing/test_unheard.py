"""People who pick up and hear nothing, and talks that go on: what they say of the bot before any call is over."""

from datetime import timedelta

import pytest

from campaigns import breakers, outcomes, pacing, streams
from campaigns.intents import Intent, Wait
from campaigns.models import Breaker, CallAttempt, EventSource, Stream
from campaigns.outcomes import Statement
from campaigns.streams import StreamClosing
from tests import people
from tests.dialing.test_breakers import answered_in_silence, bot_campaign, ended, known, next_step, placed, talked

pytestmark = pytest.mark.django_db


def talking(attempt: CallAttempt, *, for_seconds: float) -> Stream:
    """Its stream has started, so long ago, and goes on."""
    began = pacing.db_now() - timedelta(seconds=for_seconds)
    stream = Stream.objects.create(attempt=attempt, opened_at=began, started_at=began)
    breakers.stream_started(attempt)
    return stream


def answered(attempt: CallAttempt, *, seconds_ago: float) -> None:
    at = pacing.db_now() - timedelta(seconds=seconds_ago)
    outcomes.apply(attempt.pk, Statement(source=EventSource.CALLBACK, at=at, answered=True))


def test_people_who_listen_to_nothing_now_hold_the_campaign_before_they_hang_up(owner: int) -> None:
    campaign = bot_campaign()
    breakers.begin(campaign, trial=False)
    for seconds_ago in (9, 8, 7, 4):
        answered(placed(campaign), seconds_ago=seconds_ago)
    assert isinstance(next_step(campaign, owner), Intent)
    answered(placed(campaign), seconds_ago=6)
    assert isinstance(step := next_step(campaign, owner), Wait)
    assert step.block.code == "bot-trouble"
    assert "no stream came after the person had picked up" in step.block.reason
    assert known(campaign).bad_talks == breakers.TALKS_IN_ROW


def test_those_who_picked_up_before_a_stream_started_are_no_sign_that_none_starts(owner: int) -> None:
    campaign = bot_campaign()
    breakers.begin(campaign, trial=False)
    for _ in range(5):
        answered(placed(campaign), seconds_ago=7)
    talking(placed(campaign), for_seconds=1)
    assert isinstance(next_step(campaign, owner), Intent)


def test_after_a_pick_up_without_a_stream_few_calls_leave_until_one_starts(owner: int) -> None:
    campaign = bot_campaign()
    breakers.begin(campaign, trial=False)
    answered(placed(campaign), seconds_ago=1)
    for _ in range(breakers.UNHEARD_POSTS - 1):  # one was made since then: this very call
        assert isinstance(next_step(campaign, owner), Intent)
    assert isinstance(step := next_step(campaign, owner), Wait)
    assert step.block.code == "careful"
    talking(placed(campaign), for_seconds=0)
    assert isinstance(next_step(campaign, owner), Intent)


def test_a_callback_that_comes_after_the_start_of_the_stream_tells_of_no_silence() -> None:
    campaign = bot_campaign()
    breakers.begin(campaign, trial=False)
    attempt = placed(campaign)
    talking(attempt, for_seconds=0)
    answered(attempt, seconds_ago=0)
    assert known(campaign).unheard_since is None


def test_in_flow_mode_nobody_waits_for_a_stream(owner: int) -> None:
    campaign = people.campaign()
    breakers.begin(campaign, trial=False)
    for _ in range(5):
        answered(placed(campaign), seconds_ago=7)
    assert isinstance(next_step(campaign, owner), Intent)


def test_a_talk_that_began_before_does_not_speak_for_those_who_picked_up_later() -> None:
    campaign = bot_campaign()
    older = [talking(placed(campaign), for_seconds=30) for _ in range(3)]
    for stream in older:
        answered_in_silence(campaign)
        streams.close_stream(stream.pk, StreamClosing(1000, "bot", "", 31.0, 1, 1, 1, 1, 0))
    assert known(campaign).bad_talks == 3


def test_a_clock_that_was_set_back_does_not_keep_the_next_talk_from_counting() -> None:
    campaign = bot_campaign()
    breakers.begin(campaign)
    Breaker.objects.update(since=pacing.db_now() + timedelta(hours=1))
    talked(campaign)
    assert not known(campaign).trial


def test_one_silent_call_among_talks_that_go_on_makes_nobody_careful(owner: int) -> None:
    campaign = bot_campaign()
    for _ in range(breakers.FEW_OPEN):
        placed(campaign)
    attempt = placed(campaign)
    answered(attempt, seconds_ago=8)
    ended(attempt, "failed")
    assert isinstance(next_step(campaign, owner), Wait)
    talking(placed(campaign), for_seconds=4)
    assert isinstance(next_step(campaign, owner), Intent)
    later = placed(campaign)
    answered(later, seconds_ago=1)
    ended(later, "failed")
    assert known(campaign).bad_talks == 1  # not two in a row: the talk began between them


def test_a_campaign_that_was_just_launched_has_few_calls_open_until_its_bot_was_heard(owner: int) -> None:
    campaign = bot_campaign()
    breakers.begin(campaign)
    attempts = [placed(campaign) for _ in range(breakers.FEW_OPEN + 1)]
    assert isinstance(step := next_step(campaign, owner), Wait)
    assert step.block.code == "careful"
    stream = talking(attempts[0], for_seconds=0)
    assert isinstance(next_step(campaign, owner), Wait)  # it may fail at once
    Breaker.objects.update(since=pacing.db_now() - timedelta(seconds=10))
    Stream.objects.filter(pk=stream.pk).update(started_at=pacing.db_now() - timedelta(seconds=4))
    assert isinstance(next_step(campaign, owner), Intent)


def test_talks_that_go_on_do_not_keep_a_careful_campaign_from_calling(owner: int) -> None:
    campaign = bot_campaign()
    for _ in range(2 * breakers.FEW_OPEN):
        Stream.objects.create(attempt=placed(campaign), started_at=pacing.db_now())
    breakers.begin(campaign)
    assert isinstance(next_step(campaign, owner), Intent)
