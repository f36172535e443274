"""Whether trouble with calls is the carrier's, the bot's or the list's; what follows from it, and how it ends.

* **The carrier's** shows in the answers to our requests, and holds the account: see `campaigns.holds`. If Exotel takes
  requests and then the calls of several campaigns of an account fail at once, it is the carrier's too (CALLS_FAIL):
  each of those campaigns is held.
* **The bot's** (BOT), in bot mode only: people pick up, and no stream of ours starts, or it breaks off in the first
  seconds, or the bot fails. TALKS_IN_ROW such calls in a row hold the campaign. That the person hung up, or that a
  process of ours was stopped, says nothing about the bot.
* **The list's** (BAD_LIST): calls fail, or Exotel refuses their numbers, while no other campaign of the account has
  that trouble. Each counts one, and each call that rang takes three away, so that four of five must fail for long;
  BAD_CALLS pause the campaign. Whether to go on with such a list is a person's decision; a resumed campaign is judged
  by the calls of after that, because a call belongs to the generation that made it.

So that none of these costs many: while nothing is proved (a campaign that was just launched, or resumed after a pause
of ours, or the last talks or calls went wrong) no more than FEW_OPEN calls are open, talks that have begun aside. A bot
proves itself by a stream that starts, a flow by a call that rings or ends well.

BOT and CALLS_FAIL end by themselves. After PROBE_EVERY they are looked at; for the bot our own media address is asked
first, which rings nobody. Then one person is called; each who hears nothing either doubles the bot's rest, up to
16 minutes. A talk that ended well, or a call that rings, lifts the hold, and the campaign begins carefully again; while
a talk goes on nobody else is tried, because a bot may fail late. If our address cannot be asked from here (a firewall)
one person is called all the same each BLIND_AFTER, or at each rest that is longer.

Evidence is written with the fact that it comes from, in its transaction, after the attempt's lock; a call without
trouble reads one row, or none, and writes nothing. Holds are put by the intent that meets the evidence, under the
account's lock; decision 14.
"""

import functools
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

import httpx
from django.db.models import Exists, F, OuterRef
from django.db.models.functions import Greatest

from campaigns import addresses, audit, holds, pacing
from campaigns.audit import DIALER
from campaigns.lifecycle import AttemptState, CampaignStatus, Outcome
from campaigns.models import Breaker, CallAttempt, Campaign, Mode, Stream

BOT, CALLS_FAIL, BAD_LIST = "bot-trouble", "calls-fail", "bad-list"
PROBED = (BOT, CALLS_FAIL)
TRIPS = (BOT, BAD_LIST)  # what eligibility finds in the evidence, before anything was done about it
TALKS_IN_ROW = 4
BAD_CALLS = 12
GOOD_TAKES = 3  # off the bad calls
ELSEWHERE = 4  # bad calls of another campaign: the trouble is not this list's
DOUBTFUL_TALKS, DOUBTFUL_CALLS = 2, 4  # from here on carefully
FEW_OPEN = 6
AT_ONCE = 3.0  # seconds of a stream: one that breaks so early is no talk
LASTS = timedelta(seconds=5)  # of a probe: time for its stream to come once the person has picked up
PROBE_EVERY = timedelta(seconds=30)
DOUBLINGS = 5  # of the rest between people who are called to see whether the bot talks again
BLIND_AFTER = timedelta(minutes=5)
LONGEST_REST = PROBE_EVERY * 2**DOUBLINGS + timedelta(minutes=2)  # and the ringing of the one who is tried
OUR_ADDRESS_WITHIN = 3.0  # seconds

_CLEAR: dict[str, Any] = {
    "bad_talks": 0,
    "bad_calls": 0,
    "words": "",
    "held_code": "",
    "held_reason": "",
    "held_since": None,
    "probe_at": None,
    "probing": False,
    "tried_at": None,
}


def of(campaign: Campaign) -> Breaker:
    """The campaign's breaker; one that knows of no trouble if it has no row."""
    try:
        return campaign.breaker
    except Breaker.DoesNotExist:
        return Breaker(campaign=campaign)


def begin(campaign: Campaign, *, trial: bool = True) -> None:
    """Launched or resumed: what was before says nothing any more; with `trial` nothing is proved yet either."""
    Breaker.objects.update_or_create(campaign=campaign, defaults=_CLEAR | {"trial": trial})


def careful(breaker: Breaker) -> bool:
    """Whether few calls at a time are enough for now."""
    return breaker.trial or breaker.bad_talks >= DOUBTFUL_TALKS or breaker.bad_calls >= DOUBTFUL_CALLS


def unproved(campaign: Campaign) -> int:
    """Open calls of which nobody knows yet whether they go well; asked only while the campaign is careful.

    One of unknown fate is not among them: it may stay so for hours, and the account's hold watches over those.
    """
    rows = CallAttempt.objects.filter(campaign=campaign, slot_released_at__isnull=True)
    rows = rows.exclude(state=AttemptState.UNKNOWN)
    if campaign.mode == Mode.BOT:
        return rows.exclude(Exists(Stream.objects.filter(attempt=OuterRef("pk"), started_at__isnull=False))).count()
    return rows.exclude(state=AttemptState.ANSWERED).count()


# --------------------------------------------------------------------------------------------------------- evidence
def call_ended(attempt: CallAttempt, outcome: str, at: datetime, *, talked: bool) -> None:
    """The carrier said how a call ended, and perhaps (`talked`) that somebody was on the line for a while.

    Call under the attempt's lock; `attempt` has its campaign.
    """
    if attempt.generation != attempt.campaign.generation or outcome == Outcome.CANCELLED:
        return
    picked_up = outcome == Outcome.ANSWERED or attempt.answered_at is not None or talked
    if picked_up and attempt.mode == Mode.BOT and not attempt.streams.exists():
        _talk(attempt, "no stream came after the person had picked up", at)
    failed = outcome == Outcome.FAILED and not picked_up
    _call(attempt, "Exotel could not place the call" if failed else "", at)
    if not picked_up:
        # Nobody was there to hear the bot: the next person is tried without a rest.
        tried = Breaker.objects.filter(pk=attempt.campaign_id, held_code=BOT, tried_at__lte=attempt.intent_at)
        tried.filter(probing=False, probe_at__gt=at).update(probe_at=at)


def number_refused(attempt: CallAttempt, words: str, at: datetime) -> None:
    """Exotel refused this person's number."""
    if attempt.generation == attempt.campaign.generation:
        _call(attempt, f"Exotel says: “{words}”", at)


def stream_started(attempt: CallAttempt) -> None:
    """The bot is reached. Whether it can talk shows when the stream lasts, or ends."""
    Breaker.objects.filter(pk=attempt.campaign_id, trial=True, held_code="").update(trial=False)


def stream_ended(attempt: CallAttempt, stream: Stream, at: datetime) -> None:
    """A stream is over, as `stream` says. Call under no lock, or the attempt's."""
    if attempt.mode != Mode.BOT:
        return
    words = _broken(stream)
    if words is not None:
        _talk(attempt, words, at, stream.started_at)


def _broken(stream: Stream) -> str | None:
    """What was wrong with a talk that is over; '' if nothing was, None if that cannot be said."""
    if stream.closed_by == "error" or stream.close_code == 1011:
        return stream.close_reason or "the bot failed"
    if stream.closed_by == "server":
        return None
    if stream.started_at is None:
        return "the stream was opened, and its start never came"
    if stream.closed_by == "network" and stream.seconds < AT_ONCE:
        return f"the stream broke off after {stream.seconds:.1f} s"
    return ""


def _talk(attempt: CallAttempt, broken: str, at: datetime, started_at: datetime | None = None) -> None:
    """A person picked up. `broken`: why nobody talked to them, '' if somebody did."""
    rows = Breaker.objects.filter(pk=attempt.campaign_id)
    known = rows.first()
    if broken:
        _bad_talk(attempt, broken, at)
    elif known and known.held_code == BOT:
        if started_at and known.held_since and started_at > known.held_since:
            lift(known)
    elif known and (known.trial or known.bad_talks):
        rows.update(trial=False, bad_talks=0)


def _bad_talk(attempt: CallAttempt, words: str, at: datetime) -> None:
    """One more; calls that failed just before were perhaps the bot's as well, so the list is judged by those of after.

    A call of before the hold says nothing about how often it was tried since.
    """
    Breaker.objects.get_or_create(campaign_id=attempt.campaign_id)
    rows = Breaker.objects.filter(pk=attempt.campaign_id)
    rows.exclude(held_code=BOT, held_since__gt=attempt.intent_at).update(
        bad_talks=F("bad_talks") + 1, bad_calls=0, words=words[:300]
    )
    for breaker in rows.filter(held_code=BOT):
        rows.filter(held_code=BOT).update(probing=False, probe_at=at + rest(breaker))


def rest(breaker: Breaker) -> timedelta:
    """From one person who is called to see whether it is over to the next."""
    if breaker.held_code != BOT:
        return PROBE_EVERY
    times: int = 2 ** min(max(breaker.bad_talks - TALKS_IN_ROW, 0), DOUBLINGS)
    return PROBE_EVERY * times


def probe_at(breaker: Breaker, now: datetime) -> datetime | None:
    """When a held campaign is looked at again; `now` if its clock was set back since that was written."""
    return breaker.probe_at and (pacing.believed(breaker.probe_at, now, LONGEST_REST) or now)


def _call(attempt: CallAttempt, failed: str, at: datetime) -> None:
    """A call is over. `failed`: why it never rang, '' if it did."""
    rows = Breaker.objects.filter(pk=attempt.campaign_id)
    known = rows.first()
    if failed and known and known.held_code == BOT:
        return  # the bot is out of reach: Exotel may call that failed, and say so before it tells of the answer
    if failed:
        Breaker.objects.get_or_create(campaign_id=attempt.campaign_id)
        rows.update(bad_calls=F("bad_calls") + 1, words=failed[:300])
        rows.filter(held_code=CALLS_FAIL).update(probing=False, probe_at=at + PROBE_EVERY)
    elif known and known.held_code == CALLS_FAIL:
        lift(known)
    elif known and known.bad_calls:
        rows.update(bad_calls=Greatest(F("bad_calls") - GOOD_TAKES, 0))
    if known and known.trial and not failed and attempt.mode != Mode.BOT:  # a bot has still to be heard
        rows.update(trial=False)


# ------------------------------------------------------------------------------------------------------------ holds
def trip(campaign: Campaign, running: Sequence[Campaign], now: datetime) -> None:
    """There is enough evidence: name the trouble and act on it. By an intent, under the account's lock.

    `running` are the campaigns of the account that run, this one among them.
    """
    breaker = of(campaign)
    if breaker.held_code:
        return
    others = [one for one in running if one.pk != campaign.pk and of(one).bad_calls >= ELSEWHERE]
    if breaker.bad_talks >= TALKS_IN_ROW:
        _hold(breaker, BOT, bot_reason(breaker), now)
    elif others and breaker.bad_calls >= BAD_CALLS:
        reason = f"Calls of {len(others) + 1} campaigns fail at once, so it is not the list: {breaker.words}."
        _hold(breaker, CALLS_FAIL, reason, now)
    elif breaker.bad_calls >= BAD_CALLS:
        holds.pause(campaign, list_reason(breaker), now)
        campaign.status = CampaignStatus.PAUSED


def bot_reason(breaker: Breaker) -> str:
    return f"People pick up, but the bot does not talk to them: {breaker.words}."


def list_reason(breaker: Breaker) -> str:
    words = breaker.words.rstrip(".")
    return f"Nearly all of the last calls of this campaign failed ({words}). Check the numbers of its list."


def _hold(breaker: Breaker, code: str, reason: str, now: datetime) -> None:
    breaker.held_code, breaker.held_reason, breaker.held_since = code, reason, now
    breaker.probe_at, breaker.probing = now + PROBE_EVERY, False
    breaker.bad_talks = min(breaker.bad_talks, TALKS_IN_ROW)  # from here on it says how often it was tried in vain
    breaker.save(update_fields=["held_code", "held_reason", "held_since", "probe_at", "probing", "bad_talks"])
    audit.record(DIALER, "trouble", f"campaign:{breaker.campaign_id}", code=code, reason=reason)


def lift(breaker: Breaker) -> None:
    """It is over: carefully on. Whoever changes the row tells of it."""
    rows = Breaker.objects.filter(pk=breaker.pk, held_code=breaker.held_code)
    if rows.update(**_CLEAR | {"trial": True}):
        audit.record(DIALER, "trouble over", f"campaign:{breaker.campaign_id}", code=breaker.held_code)


# ------------------------------------------------------------------------------------------------------------ probes
def tried(campaign: Campaign, now: datetime) -> None:
    """A call was granted; if it is the one of a held campaign it is the only one until it is heard of."""
    breaker = of(campaign)
    if breaker.held_code and breaker.probing:
        breaker.probing, breaker.tried_at = False, now
        breaker.probe_at = now + timedelta(seconds=campaign.ring_timeout) + LASTS + rest(breaker)
        breaker.save(update_fields=["probing", "tried_at", "probe_at"])


def look() -> None:
    """Is it over? For all campaigns that are held; a chore of housekeeping, under no lock."""
    running = Breaker.objects.filter(campaign__status=CampaignStatus.RUNNING)
    trouble = functools.cache(our_address_trouble)  # asked once, however many are held: it may take its time
    for breaker in running.filter(held_code__in=PROBED).order_by("pk"):
        now = pacing.db_now()
        if breaker.held_code == BOT and _talking(breaker, now):
            rows = Breaker.objects.filter(pk=breaker.pk, held_code=BOT, probing=False)
            rows.filter(probe_at__lt=now + PROBE_EVERY).update(probe_at=now + PROBE_EVERY)
        elif not breaker.probing and (at := probe_at(breaker, now)) and at <= now:
            _probe(breaker, now, trouble if breaker.held_code == BOT else str)
    silent = running.filter(trial=True, held_code="", bad_calls=0).exclude(campaign__mode=Mode.BOT)
    for breaker in silent.select_related("campaign"):
        _end_silent_trial(breaker)


def _end_silent_trial(breaker: Breaker) -> None:
    """A flow of which nobody ever tells how its calls went is tried with FEW_OPEN of them, not for ever."""
    last = CallAttempt.objects.filter(campaign=breaker.campaign).order_by("-intent_at", "-pk")
    states = list(last.values_list("state", "generation")[: 3 * FEW_OPEN])
    if states.count((AttemptState.ENDED.value, breaker.campaign.generation)) >= FEW_OPEN:
        Breaker.objects.filter(pk=breaker.pk, held_code="", bad_calls=0).update(trial=False)


def _talking(breaker: Breaker, now: datetime) -> bool:
    """Whether somebody talks who was called since the hold: its end will tell. One that goes on for long is let be."""
    talks = Stream.objects.filter(attempt__campaign=breaker.pk, attempt__slot_released_at=None, closed_at=None)
    return talks.filter(started_at__gt=max(breaker.held_since or now, now - BLIND_AFTER)).exists()


def _probe(breaker: Breaker, now: datetime, ask: Callable[[], str]) -> None:
    """Let one call go, unless our own media address (`ask`) says that nobody would talk on it."""
    trouble = ask()
    past = (pacing.believed(one, now, timedelta()) for one in (breaker.held_since, breaker.tried_at))
    since = max(filter(None, past), default=now - LONGEST_REST)
    rows = Breaker.objects.filter(pk=breaker.pk, held_code=breaker.held_code, probing=False)
    if trouble and now - since < max(BLIND_AFTER, rest(breaker)):
        reason = f"{bot_reason(breaker).rstrip('.')}; {trouble}."
        rows.update(probe_at=now + PROBE_EVERY, held_reason=reason)
    else:
        rows.update(probing=True)


def our_address_trouble() -> str:
    """Why nobody can talk to the bot, asked as Exotel would reach it; '' if somebody answers there."""
    address = f"{addresses.stream_base().replace('ws', 'http', 1)}/health"
    try:
        answer = httpx.get(address, timeout=OUR_ADDRESS_WITHIN, trust_env=False, follow_redirects=False)
    except (httpx.HTTPError, httpx.InvalidURL) as trouble:
        return f"our media address does not answer ({type(trouble).__name__})"
    return "" if answer.status_code == 200 else f"our media address answers {answer.status_code}"
