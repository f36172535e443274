"""Whether trouble with calls is the carrier's, the bot's or the list's; what follows from it, and how it ends.

* **The carrier's** shows in the answers to our requests, and holds the account: see `campaigns.holds`. If Exotel takes
  requests and then the calls of several campaigns of an account fail at once, it is the carrier's too (CALLS_FAIL):
  each of those campaigns is held.
* **The bot's** (BOT), in bot mode only: people pick up, and no stream of ours starts, or it breaks off in the first
  seconds, or the bot fails. TALKS_IN_ROW such calls in a row hold the campaign. That the person hung up, or that a
  process of ours was stopped, says nothing about the bot. Nobody waits for the end of a call in which nobody talks:
  it counts UNHEARD after the person has picked up. A talk that began before speaks for nobody who picked up later.
* **The list's** (BAD_LIST): calls fail, or Exotel refuses their numbers, while no other campaign of the account has
  that trouble: `campaigns.bad_lists` counts them. BAD_CALLS pause the campaign. Whether to go on with such a list is a
  person's decision; a resumed campaign is judged by the calls of after that.

So that none of these costs many, no more than FEW_OPEN calls are open of which nobody knows how they go, in three
cases. Nothing is proved: the campaign was just launched, or resumed after a pause of ours. Or the last talks or calls
went wrong. Or somebody has picked up, no stream has started since, and UNHEARD_POSTS calls were made meanwhile. A bot
proves itself by a talk that goes on for AT_ONCE, a flow by a call that rings or ends well.

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
from django.db.models import Exists, OuterRef, QuerySet

from campaigns import addresses, audit, bad_lists, holds, pacing
from campaigns.audit import DIALER
from campaigns.lifecycle import AttemptState, CampaignStatus, Outcome
from campaigns.models import Breaker, CallAttempt, Campaign, Mode, Stream

BOT, CALLS_FAIL, BAD_LIST = "bot-trouble", "calls-fail", "bad-list"
PROBED = (BOT, CALLS_FAIL)
TRIPS = (BOT, BAD_LIST)  # what eligibility finds in the evidence, before anything was done about it
TALKS_IN_ROW = 4
BAD_CALLS = 12
ELSEWHERE = 4  # bad calls of another campaign: the trouble is not this list's
DOUBTFUL_TALKS, DOUBTFUL_CALLS = 2, 4  # from here on carefully
FEW_OPEN, FEWEST_OPEN = 6, 2
AT_ONCE = 3.0  # seconds of a stream: one that breaks so early is no talk
UNHEARD = timedelta(seconds=5)  # a stream starts within a second of the answer; so much for a callback that hurried
UNHEARD_POSTS = 8  # after somebody has picked up and before any stream has started
LASTS = timedelta(seconds=5)  # of a probe: time for its stream to come once the person has picked up
PROBE_EVERY = timedelta(seconds=30)
DOUBLINGS = 5  # of the rest between people who are called to see whether the bot talks again
BLIND_AFTER = timedelta(minutes=5)
LONGEST_REST = PROBE_EVERY * 2**DOUBLINGS + timedelta(minutes=2)  # and the ringing of the one who is tried
OUR_ADDRESS_WITHIN = 3.0  # seconds
NO_STREAM = "no stream came after the person had picked up"

_CLEAR: dict[str, Any] = {
    "bad_talks": 0,
    "bad_calls": 0,
    "words": "",
    "unheard_since": None,
    "held_code": "",
    "held_reason": "",
    "held_since": None,
    "probe_at": None,
    "probing": False,
    "tried_at": None,
}
_HELD = ("held_code", "held_reason", "held_since", "probe_at", "probing", "bad_talks", "words")


def of(campaign: Campaign) -> Breaker:
    """The campaign's breaker; one that knows of no trouble if it has no row."""
    try:
        return campaign.breaker
    except Breaker.DoesNotExist:
        return Breaker(campaign=campaign)


def begin(campaign: Campaign, *, trial: bool = True) -> None:
    """Launched or resumed: what was before says nothing any more; with `trial` nothing is proved yet either."""
    fresh = _CLEAR | {"trial": trial, "since": pacing.db_now()}
    Breaker.objects.update_or_create(campaign=campaign, defaults=fresh)


def few_open(campaign: Campaign) -> int:
    """As many calls as may be open while there is doubt: no more than would show that a list is bad."""
    bad = of(campaign).bad_calls
    return FEW_OPEN if bad < DOUBTFUL_CALLS else max(min(FEW_OPEN, BAD_CALLS - bad), FEWEST_OPEN)


def unproved(campaign: Campaign, now: datetime) -> int:
    """Open calls of which nobody knows yet whether they go well, while there is reason for doubt; else none.

    One of unknown fate is not among them: it may stay so for hours, and the account's hold watches over those.
    """
    breaker, is_bot = of(campaign), campaign.mode == Mode.BOT
    found = [0]
    if is_bot and _bot_doubted(campaign, breaker, now):
        found.append(_without_stream(_open(campaign)).count())
    if not is_bot and breaker.trial:
        found.append(_open(campaign).exclude(state=AttemptState.ANSWERED).count())
    if breaker.bad_calls >= DOUBTFUL_CALLS:
        # Who has rung for longer than any number took to fail is none of those.
        longest = bad_lists.latest_failure(bad_lists.last_calls(campaign, _since(breaker, now), now))
        young = _open(campaign).filter(intent_at__gte=now - longest)
        found.append(young.exclude(state=AttemptState.ANSWERED).count())
    return max(found)


def _since(breaker: Breaker, now: datetime) -> datetime | None:
    """What began before says nothing; None if the clock was set back since that was written."""
    return pacing.believed(breaker.since, now, timedelta(seconds=1))


def _open(campaign: Campaign) -> QuerySet[CallAttempt]:
    rows = CallAttempt.objects.filter(campaign=campaign, slot_released_at__isnull=True)
    return rows.exclude(state=AttemptState.UNKNOWN)


def _without_stream(rows: QuerySet[CallAttempt]) -> QuerySet[CallAttempt]:
    return rows.exclude(Exists(Stream.objects.filter(attempt=OuterRef("pk"), started_at__isnull=False)))


def _bot_doubted(campaign: Campaign, breaker: Breaker, now: datetime) -> bool:
    if breaker.bad_talks >= DOUBTFUL_TALKS:
        return True
    if (breaker.trial or breaker.bad_talks) and not _talk_goes_on(campaign.pk, _since(breaker, now), now):
        return True
    since = breaker.unheard_since
    if since is None:
        return False
    meanwhile = CallAttempt.objects.filter(campaign=campaign, intent_at__gt=since)
    return meanwhile[:UNHEARD_POSTS].count() >= UNHEARD_POSTS


def _talk_goes_on(campaign_id: int, since: datetime | None, now: datetime) -> bool:
    """Whether a talk that began after `since` has outlived the first seconds, in which a bot that is broken fails."""
    talks = Stream.objects.filter(attempt__campaign=campaign_id, attempt__slot_released_at=None, closed_at=None)
    if since is not None:
        talks = talks.filter(started_at__gt=since)
    return talks.filter(started_at__lte=now - timedelta(seconds=AT_ONCE)).exists()


def silent_talks(campaign: Campaign, now: datetime) -> int:
    """Talks in a row to which no bot has come: those that are over, and people who listen to nothing now."""
    breaker = of(campaign)
    return breaker.bad_talks + _listening_to_nothing(campaign, breaker.unheard_since, now)


def _listening_to_nothing(campaign: Campaign, since: datetime | None, now: datetime) -> int:
    if since is None or since > now - UNHEARD:
        return 0
    rows = _open(campaign).filter(state=AttemptState.ANSWERED, answered_at__range=(since, now - UNHEARD))
    return _without_stream(rows).count()


# --------------------------------------------------------------------------------------------------------- evidence
def call_ended(attempt: CallAttempt, outcome: str, at: datetime, *, talked: bool) -> None:
    """The carrier said how a call ended, and perhaps (`talked`) that somebody was on the line for a while.

    Call under the attempt's lock; `attempt` has its campaign.
    """
    if attempt.generation != attempt.campaign.generation or outcome == Outcome.CANCELLED:
        return
    picked_up = outcome == Outcome.ANSWERED or attempt.answered_at is not None or talked
    if picked_up and attempt.mode == Mode.BOT and not attempt.streams.exists():
        _talk(attempt, NO_STREAM, at, began=attempt.answered_at or at)
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


def picked_up(attempt: CallAttempt, at: datetime) -> None:
    """The carrier says that the person is on the line. Call under the attempt's lock; `attempt` has its campaign."""
    if attempt.mode == Mode.BOT and attempt.generation == attempt.campaign.generation:
        waiting = Breaker.objects.filter(pk=attempt.campaign_id, unheard_since=None)
        if not attempt.streams.filter(started_at__isnull=False).exists():
            waiting.update(unheard_since=at)


def stream_started(attempt: CallAttempt) -> None:
    """The bot is reached. Whether it can talk shows when the stream lasts, or ends; a flow has rung somebody."""
    rows = Breaker.objects.filter(pk=attempt.campaign_id)
    if attempt.mode == Mode.BOT:
        rows.exclude(unheard_since=None).update(unheard_since=None)
    else:
        rows.filter(trial=True, held_code="").update(trial=False)


def stream_ended(attempt: CallAttempt, stream: Stream, at: datetime) -> None:
    """A stream is over, as `stream` says. Call under no lock, or the attempt's."""
    if attempt.mode != Mode.BOT:
        return
    words = _broken(stream)
    if words is not None:
        _talk(attempt, words, at, began=stream.started_at or stream.opened_at, late=stream.seconds >= AT_ONCE)


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


def _talk(attempt: CallAttempt, broken: str, at: datetime, *, began: datetime, late: bool = False) -> None:
    """A person picked up (`began`). `broken`: why nobody talked to them, '' if somebody did; `late`: after a while."""
    rows = Breaker.objects.filter(pk=attempt.campaign_id)
    known = rows.first()
    if broken:
        _bad_talk(attempt, broken, at, None if late else began)
    elif known and known.held_code == BOT:
        if known.held_since and began > known.held_since:
            lift(known)
    elif known and (known.trial or known.bad_talks):
        since = _since(known, at)
        if since is None or began > since:
            rows.update(trial=False, bad_talks=0)


def _bad_talk(attempt: CallAttempt, words: str, at: datetime, began: datetime | None) -> None:
    """One more; calls that failed just before were perhaps the bot's as well, so the list is judged by those of after.

    `began`: since when nobody talked, if it was so from the first. Then the row is one of people who picked up, in that
    order: a talk that began between two of them and goes on breaks it, and one that began before is no answer to it.
    A call of before a hold says nothing about how often it was tried since.
    """
    Breaker.objects.get_or_create(campaign_id=attempt.campaign_id)
    rows = Breaker.objects.filter(pk=attempt.campaign_id)
    breaker = rows.select_for_update().get()
    if breaker.held_code != BOT or breaker.held_since is None or attempt.intent_at >= breaker.held_since:
        since = _since(breaker, at)
        broken_off = began and breaker.held_code != BOT and _talk_goes_on(breaker.pk, since, at)
        breaker.bad_talks = 1 if broken_off else breaker.bad_talks + 1
        since = max(filter(None, (since, began)), default=None)
        rows.update(bad_talks=breaker.bad_talks, since=since, bad_calls=0, words=words[:300])
    if breaker.held_code == BOT:
        rows.update(probing=False, probe_at=at + rest(breaker))


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
        _judge_list(attempt.campaign, at, words=failed[:300])
        rows.filter(held_code=CALLS_FAIL).update(probing=False, probe_at=at + PROBE_EVERY)
    elif known and known.held_code == CALLS_FAIL:
        lift(known)
    elif known and known.bad_calls:
        _judge_list(attempt.campaign, at)
    if known and known.trial and not failed and attempt.mode != Mode.BOT:  # a bot has still to be heard
        rows.update(trial=False)


def _judge_list(campaign: Campaign, at: datetime, **said: str) -> None:
    """Look at the last calls. The row is locked before they are read: of two that end at once, one sees both."""
    rows = Breaker.objects.filter(pk=campaign.pk)
    breaker = rows.select_for_update().get()
    rows.update(bad_calls=bad_lists.bad_calls(bad_lists.last_calls(campaign, _since(breaker, at), at)), **said)


# ------------------------------------------------------------------------------------------------------------ holds
def trip(campaign: Campaign, running: Sequence[Campaign], now: datetime) -> None:
    """There is enough evidence: name the trouble and act on it. By an intent, under the account's lock.

    `running` are the campaigns of the account that run, this one among them.
    """
    breaker = of(campaign)
    if breaker.held_code:
        return
    others = [one for one in running if one.pk != campaign.pk and of(one).bad_calls >= ELSEWHERE]
    if silent_talks(campaign, now) >= TALKS_IN_ROW:
        _hold(breaker, BOT, bot_reason(breaker), now)
    elif others and breaker.bad_calls >= BAD_CALLS:
        reason = f"Calls of {len(others) + 1} campaigns fail at once, so it is not the list: {breaker.words}."
        _hold(breaker, CALLS_FAIL, reason, now)
    elif breaker.bad_calls >= BAD_CALLS:
        holds.pause(campaign, list_reason(breaker), now)
        campaign.status = CampaignStatus.PAUSED


def bot_reason(breaker: Breaker) -> str:
    return f"People pick up, but the bot does not talk to them: {breaker.words if breaker.bad_talks else NO_STREAM}."


def list_reason(breaker: Breaker) -> str:
    words = breaker.words.rstrip(".")
    return (
        f"Nearly all of the last calls of this campaign failed ({words}). Check the numbers of its list, and whether"
        " the account may have as many calls open at once as its settings say: Exotel fails those that are too many."
    )


def _hold(breaker: Breaker, code: str, reason: str, now: datetime) -> None:
    breaker.held_code, breaker.held_reason, breaker.held_since = code, reason, now
    breaker.probe_at, breaker.probing = now + PROBE_EVERY, False
    if code == BOT:
        breaker.words = breaker.words if breaker.bad_talks else NO_STREAM
        breaker.bad_talks = TALKS_IN_ROW  # from here on it says how often it was tried in vain
    breaker.save(update_fields=_HELD)
    audit.record(DIALER, "trouble", f"campaign:{breaker.campaign_id}", code=code, reason=reason)


def lift(breaker: Breaker) -> None:
    """It is over: carefully on. Whoever changes the row tells of it."""
    rows = Breaker.objects.filter(pk=breaker.pk, held_code=breaker.held_code)
    if rows.update(**_CLEAR | {"trial": True, "since": pacing.db_now()}):
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
