"""Whether calls go wrong because of the bot or of the list: what is evidence, when a campaign is held, how it ends."""

import itertools
from datetime import timedelta
from typing import Any

import pytest

from campaigns import breakers, control, intents, outcomes, pacing, settling, streams
from campaigns.audit import COMMAND_LINE
from campaigns.exotel.answers import RefusalKind, Refused
from campaigns.intents import Intent, Wait
from campaigns.models import AuditEntry, Breaker, CallAttempt, Campaign, EventSource, Mode, Stream
from campaigns.outcomes import Statement
from campaigns.streams import StreamClosing
from tests import people

pytestmark = pytest.mark.django_db


def bot_campaign(**fields: Any) -> Campaign:
    return people.campaign(mode=Mode.BOT, bot="echo", flow_url="", **fields)


def placed(of: Campaign) -> CallAttempt:
    campaign = Campaign.objects.get(pk=of.pk)
    return people.attempt(people.contact(campaign), "placed", sid=f"sid-{CallAttempt.objects.count()}")


def ended(attempt: CallAttempt, status: str) -> None:
    outcomes.apply(attempt.pk, Statement(source=EventSource.CALLBACK, at=pacing.db_now(), status=status))


def answered_in_silence(of: Campaign, times: int = 1) -> None:
    """People pick up, and nobody connects to the bot; Exotel gives up."""
    for _ in range(times):
        attempt = placed(of)
        outcomes.apply(attempt.pk, Statement(source=EventSource.CALLBACK, at=pacing.db_now(), answered=True))
        ended(attempt, "failed")


def talked(of: Campaign, *, code: int = 1000, by: str = "caller", started: bool = True, seconds: float = 30.0) -> None:
    attempt = placed(of)
    stream = Stream.objects.create(attempt=attempt, started_at=pacing.db_now() if started else None)
    closing = StreamClosing(code, by, "as it ended", seconds, 1, 1, 1, 1, 0)  # type: ignore[arg-type]
    streams.close_stream(stream.pk, closing)
    ended(attempt, "answered")


def known(of: Campaign) -> Breaker:
    return Breaker.objects.get(campaign=of)


def next_step(of: Campaign, owner: int) -> Intent | Wait:
    people.rest(of)
    people.contact(of)
    return intents.next_intent(of.account_id, owner)


def test_a_campaign_whose_calls_go_well_writes_nothing_down() -> None:
    campaign = bot_campaign()
    for status in ("busy", "no-answer", "cancelled"):
        ended(placed(campaign), status)
    talked(campaign)
    assert not Breaker.objects.exists()


def test_four_people_in_a_row_who_hear_nothing_hold_the_campaign_and_three_do_not(owner: int) -> None:
    campaign = bot_campaign()
    answered_in_silence(campaign, 3)
    assert isinstance(next_step(campaign, owner), Intent)
    answered_in_silence(campaign)
    step = next_step(campaign, owner)
    assert isinstance(step, Wait)
    assert (step.block.code, step.block.held) == ("bot-trouble", False)
    assert "no stream came after the person had picked up" in step.block.reason
    assert Campaign.objects.get(pk=campaign.pk).status == "running"
    assert AuditEntry.objects.filter(action="trouble").count() == 1


def test_a_talk_among_them_breaks_the_row() -> None:
    campaign = bot_campaign()
    answered_in_silence(campaign, 3)
    talked(campaign)
    answered_in_silence(campaign, 3)
    assert known(campaign).bad_talks == 3


@pytest.mark.parametrize(
    "ending",
    [
        {"by": "error"},
        {"by": "server", "code": 1011},
        {"by": "error", "code": 1002, "started": False},
        {"by": "network", "code": 1006, "seconds": 0.4},
    ],
    ids=["the bot failed", "our server failed", "no start came", "it broke off at once"],
)
def test_a_stream_on_which_nobody_talked_is_the_bots_trouble(ending: dict[str, Any]) -> None:
    campaign = bot_campaign()
    talked(campaign, **ending)
    assert known(campaign).bad_talks == 1


@pytest.mark.parametrize("ending", [{"by": "server", "code": 1012}, {"by": "network", "code": 1006}, {"by": "bot"}])
def test_a_stream_that_we_stopped_or_that_the_person_left_is_not(ending: dict[str, Any]) -> None:
    campaign = bot_campaign()
    talked(campaign, **ending)
    assert not Breaker.objects.filter(bad_talks__gt=0).exists()


def test_in_flow_mode_no_stream_is_expected() -> None:
    campaign = people.campaign()
    answered_in_silence(campaign, 5)
    assert not Breaker.objects.filter(bad_talks__gt=0).exists()


def held_for_its_bot(of: Campaign, owner: int) -> Breaker:
    answered_in_silence(of, 4)
    assert isinstance(next_step(of, owner), Wait)
    CallAttempt.objects.filter(slot_released_at=None).update(slot_released_at=pacing.db_now())
    return known(of)


def due(breaker: Breaker) -> None:
    Breaker.objects.filter(pk=breaker.pk).update(probe_at=pacing.db_now())


def test_one_person_is_called_once_our_address_answers_and_a_talk_lifts_the_hold(
    owner: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign = bot_campaign()
    breaker = held_for_its_bot(campaign, owner)
    due(breaker)
    monkeypatch.setattr(breakers, "our_address_trouble", lambda: "our media address does not answer")
    breakers.look()
    assert isinstance(step := next_step(campaign, owner), Wait)
    assert "our media address does not answer" in step.block.reason
    due(breaker)
    monkeypatch.setattr(breakers, "our_address_trouble", lambda: "")
    breakers.look()
    assert isinstance(next_step(campaign, owner), Intent)
    assert isinstance(next_step(campaign, owner), Wait)  # one, not two
    talked(campaign)
    after = known(campaign)
    assert (after.held_code, after.bad_talks, after.trial) == ("", 0, True)
    assert isinstance(next_step(campaign, owner), Intent)
    assert AuditEntry.objects.filter(action="trouble over").count() == 1


def test_a_probe_that_hears_nothing_either_keeps_the_hold_until_the_next(owner: int) -> None:
    campaign = bot_campaign()
    breaker = held_for_its_bot(campaign, owner)
    Breaker.objects.update(probing=True)
    assert isinstance(next_step(campaign, owner), Intent)
    answered_in_silence(campaign)
    after = known(campaign)
    assert (after.held_code, after.probing) == ("bot-trouble", False)
    assert after.probe_at
    assert breaker.probe_at
    assert after.probe_at > breaker.probe_at


def test_after_a_probe_that_nobody_answers_the_next_person_is_tried_at_once(owner: int) -> None:
    campaign = bot_campaign()
    held_for_its_bot(campaign, owner)
    Breaker.objects.update(probing=True)
    step = next_step(campaign, owner)
    assert isinstance(step, Intent)
    ended(CallAttempt.objects.get(pk=step.attempt_id), "no-answer")
    after = known(campaign)
    assert after.probe_at
    assert after.probe_at <= pacing.db_now()


def test_a_talk_that_goes_on_lifts_no_hold_because_the_bot_may_fail_late_and_nobody_else_is_tried(owner: int) -> None:
    campaign = bot_campaign()
    held_for_its_bot(campaign, owner)
    minute_ago = pacing.db_now() - timedelta(minutes=1)
    Breaker.objects.update(held_since=minute_ago, probe_at=minute_ago)
    attempt = placed(campaign)
    stream = Stream.objects.create(attempt=attempt, started_at=pacing.db_now() - timedelta(seconds=20))
    breakers.look()
    assert (known(campaign).held_code, known(campaign).probing) == ("bot-trouble", False)
    assert isinstance(next_step(campaign, owner), Wait)
    streams.close_stream(stream.pk, StreamClosing(1011, "error", "it failed late", 25.0, 1, 1, 1, 1, 0))
    assert (known(campaign).held_code, known(campaign).bad_talks) == ("bot-trouble", 5)


def test_each_person_who_hears_nothing_doubles_the_rest_to_the_next_up_to_sixteen_minutes(owner: int) -> None:
    campaign = bot_campaign()
    held_for_its_bot(campaign, owner)
    rests = []
    for _ in range(7):
        answered_in_silence(campaign)
        probe_at = known(campaign).probe_at
        assert probe_at
        rests.append(round((probe_at - pacing.db_now()) / breakers.PROBE_EVERY))
    assert rests == [2, 4, 8, 16, 32, 32, 32]
    Breaker.objects.update(probing=True)
    assert isinstance(next_step(campaign, owner), Intent)
    probe_at = known(campaign).probe_at
    assert probe_at
    assert probe_at > pacing.db_now() + 32 * breakers.PROBE_EVERY


def test_calls_of_before_the_hold_do_not_lengthen_its_rest(owner: int) -> None:
    campaign = bot_campaign()
    before = [placed(campaign) for _ in range(5)]
    held_for_its_bot(campaign, owner)
    for attempt in before:
        outcomes.apply(attempt.pk, Statement(source=EventSource.CALLBACK, at=pacing.db_now(), answered=True))
        ended(attempt, "failed")
    assert (known(campaign).bad_talks, breakers.rest(known(campaign))) == (4, breakers.PROBE_EVERY)


def test_our_address_is_asked_once_for_all_campaigns_that_are_held(owner: int, monkeypatch: pytest.MonkeyPatch) -> None:
    campaign = bot_campaign()
    other = bot_campaign(account=campaign.account)
    for one in (campaign, other):
        answered_in_silence(one, 4)
    next_step(campaign, owner)
    Breaker.objects.update(probe_at=pacing.db_now())
    assert Breaker.objects.filter(held_code="bot-trouble").count() == 2
    asked = itertools.count()
    monkeypatch.setattr(breakers, "our_address_trouble", lambda: f"no answer {next(asked)}")
    breakers.look()
    assert next(asked) == 1
    assert all("no answer" in reason for reason in Breaker.objects.values_list("held_reason", flat=True))


def test_where_our_address_cannot_be_asked_from_here_one_person_is_called_after_a_while(
    owner: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign = bot_campaign()
    breaker = held_for_its_bot(campaign, owner)
    monkeypatch.setattr(breakers, "our_address_trouble", lambda: "a firewall")
    due(breaker)
    Breaker.objects.update(held_since=pacing.db_now() - breakers.BLIND_AFTER)
    breakers.look()
    assert known(campaign).probing


def test_twelve_calls_that_fail_pause_the_campaign_for_its_list(owner: int) -> None:
    campaign = people.campaign()
    for _ in range(11):
        ended(placed(campaign), "failed")
    assert isinstance(next_step(campaign, owner), Intent)
    ended(placed(campaign), "failed")
    assert isinstance(next_step(campaign, owner), Wait)
    after = Campaign.objects.get(pk=campaign.pk)
    assert (after.status, after.paused_by) == ("paused", "Dialer")
    assert "Check the numbers of its list" in after.paused_reason


def test_numbers_that_exotel_may_not_call_count_as_calls_that_fail(owner: int) -> None:
    campaign = people.campaign()
    people.proven(campaign)
    for _ in range(12):
        refused = Refused(403, "NDNC", "", None, RefusalKind.NDNC)
        settling.settle(people.attempt(people.contact(campaign)).pk, refused)
    next_step(campaign, owner)
    assert Campaign.objects.get(pk=campaign.pk).status == "paused"


def test_a_list_of_which_every_other_number_fails_is_called_to_its_end(owner: int) -> None:
    campaign = people.campaign()
    for status in ["failed", "no-answer"] * 30:
        ended(placed(campaign), status)
    assert isinstance(next_step(campaign, owner), Intent)


def test_a_resumed_campaign_goes_on_and_is_judged_by_the_calls_of_after_that(owner: int) -> None:
    campaign = people.campaign()
    before = [placed(campaign) for _ in range(6)]
    for _ in range(12):
        ended(placed(campaign), "failed")
    next_step(campaign, owner)
    control.resume(campaign.pk, by=COMMAND_LINE)
    for attempt in before:
        ended(attempt, "failed")
    assert (known(campaign).bad_calls, known(campaign).trial) == (0, True)
    assert isinstance(next_step(campaign, owner), Intent)
    for _ in range(12):
        ended(placed_now(campaign), "failed")
    next_step(campaign, owner)
    assert Campaign.objects.get(pk=campaign.pk).status == "paused"


def placed_now(of: Campaign) -> CallAttempt:
    return placed(Campaign.objects.get(pk=of.pk))


def test_when_the_calls_of_two_campaigns_fail_it_is_neithers_list_and_ends_by_itself(owner: int) -> None:
    campaign = people.campaign()
    other = people.campaign(campaign.account)
    for _ in range(12):
        ended(placed(campaign), "failed")
        ended(placed(other), "failed")
    assert isinstance(step := next_step(campaign, owner), Wait)
    assert step.block.code == "calls-fail"
    assert set(Breaker.objects.values_list("held_code", flat=True)) == {"calls-fail"}
    Breaker.objects.update(probe_at=pacing.db_now())
    breakers.look()
    assert isinstance(next_step(campaign, owner), Intent)
    ended(placed(campaign), "no-answer")
    assert known(campaign).held_code == ""
    assert known(other).held_code == "calls-fail"


def test_a_flow_proves_itself_by_a_call_that_rang(owner: int) -> None:
    campaign = people.campaign()
    breakers.begin(campaign)
    attempts = [placed(campaign) for _ in range(breakers.FEW_OPEN + 1)]
    ended(attempts[0], "failed")
    assert isinstance(next_step(campaign, owner), Wait)
    ended(placed(campaign), "busy")
    assert isinstance(next_step(campaign, owner), Intent)


def test_while_the_bot_is_out_of_reach_a_call_that_fails_is_not_the_lists(owner: int) -> None:
    """Exotel calls such a call failed, and may say so before it tells that the person had picked up."""
    campaign = bot_campaign()
    answered_in_silence(campaign)
    ended(placed(campaign), "failed")
    answered_in_silence(campaign)
    assert known(campaign).bad_calls == 0
    held_for_its_bot(campaign, owner)
    ended(placed(campaign), "failed")
    assert known(campaign).bad_calls == 0


def test_one_silent_call_does_not_keep_a_list_of_bad_numbers_from_being_noticed(owner: int) -> None:
    campaign = bot_campaign()
    answered_in_silence(campaign)
    for _ in range(breakers.BAD_CALLS):
        ended(placed(campaign), "failed")
    assert isinstance(next_step(campaign, owner), Wait)
    after = Campaign.objects.get(pk=campaign.pk)
    assert (after.status, after.paused_by) == ("paused", "Dialer")


def test_calls_of_unknown_fate_do_not_keep_a_careful_campaign_from_calling(owner: int) -> None:
    for campaign in (bot_campaign(), people.campaign()):
        breakers.begin(campaign)
        for _ in range(breakers.FEW_OPEN):
            people.attempt(people.contact(campaign), "unknown")
        assert breakers.unproved(campaign, pacing.db_now()) == 0
    assert isinstance(next_step(campaign, owner), Intent)


def test_a_flow_of_which_nobody_tells_how_its_calls_went_is_not_careful_for_ever() -> None:
    campaign = people.campaign()
    breakers.begin(campaign)
    attempts = [placed(campaign) for _ in range(breakers.FEW_OPEN)]
    for attempt in attempts[1:]:
        outcomes.give_up(attempt.pk, "Exotel cannot say")
    breakers.look()
    assert known(campaign).trial
    outcomes.give_up(attempts[0].pk, "Exotel cannot say")
    breakers.look()
    assert not known(campaign).trial


def test_a_bot_that_nobody_heard_is_careful_whatever_became_of_its_calls() -> None:
    campaign = bot_campaign()
    breakers.begin(campaign)
    for attempt in [placed(campaign) for _ in range(breakers.FEW_OPEN)]:
        outcomes.give_up(attempt.pk, "Exotel cannot say")
    breakers.look()
    assert known(campaign).trial


def test_a_call_that_failed_after_a_while_on_the_line_was_picked_up() -> None:
    campaign = bot_campaign()
    now = pacing.db_now()
    statement = Statement(source=EventSource.CALLBACK, at=now, status="failed", talk_seconds=2)
    outcomes.apply(placed(campaign).pk, statement)
    assert (known(campaign).bad_talks, known(campaign).bad_calls) == (1, 0)


def test_who_is_resumed_after_a_persons_pause_goes_on_as_before(owner: int) -> None:
    campaign = people.campaign()
    control.pause(campaign.pk, by=COMMAND_LINE)
    control.resume(campaign.pk, by=COMMAND_LINE)
    for _ in range(2 * breakers.FEW_OPEN):
        assert isinstance(next_step(campaign, owner), Intent)
