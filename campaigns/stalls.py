"""Why does a running campaign dial nobody, in one sentence: the rules of an intent, asked of the campaign as a whole.

Read only. `campaigns.progress.waiting` tells it to pages and commands, `campaigns.stall_watch` raises the alarm.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from django.db import connection
from django.db.models import Exists, Max, OuterRef, QuerySet

from campaigns import eligibility, intents, unanswered
from campaigns.eligibility import Block
from campaigns.lifecycle import DUE_CONTACTS, AttemptState, CampaignStatus, ContactState
from campaigns.models import CallAttempt, Campaign, CampaignContact, CampaignPace, Pacer

QUIET_AFTER = timedelta(seconds=30)  # beyond the time to ring: a call that nobody has told of is silent
STARVED_AFTER = timedelta(seconds=10)  # a campaign without a call for so long, while another one has them
MOST_COUNTED = 1000
PACES = ("account-pace", "campaign-pace")
SLOTS = ("account-slots", "campaign-slots", "careful", "streams")
ASKED_ABOUT = ("last-calls", "only-uncertain", "silent-calls")  # waits that end when Exotel answers questions


def reason(campaign: Campaign, pacer: Pacer, used: Mapping[int, int], now: datetime) -> Block | None:
    """What keeps a running campaign (with its account) from dialling at `now`; None: it dials, or its turn comes.

    `used` are the account's slots by campaign. The first reason in the order of an intent's checks; pace alone is none.
    """
    pace = CampaignPace.objects.get(campaign=campaign)
    block = eligibility.account_block(pacer, campaign.account, eligibility.total(used), intents.dialing(pacer), now)
    if block is None or block.code in PACES:
        block = eligibility.campaign_block(campaign, pace, used.get(campaign.pk, 0), now)
    if block is None or block.code in PACES:
        block = (
            _no_stream(campaign, pacer, used, now) or queue_block(campaign, now) or _shared_pace(campaign, pacer, now)
        )
    if block and block.code in SLOTS:
        block = _with_silent_calls(block, campaign, now)
    if block and block.code in ASKED_ABOUT:
        block = replace(block, reason=f"{block.reason} {unanswered.sentence(pacer)}".rstrip())
    return block


def _no_stream(campaign: Campaign, pacer: Pacer, used: Mapping[int, int], now: datetime) -> Block | None:
    if pacer.most_streams is None:
        return None
    return eligibility.streams_block(campaign, pacer, intents.running_campaigns(campaign.account_id), used, now)


def queue_block(campaign: Campaign, now: datetime) -> Block | None:
    """What the queue itself waits for; None when somebody is due."""
    due = CampaignContact.objects.filter(campaign=campaign, state__in=DUE_CONTACTS, prepared=True)
    if due.filter(due_at__lte=now).exists():
        return None
    block = intents.nobody_due(campaign, now)
    if block.code == "retry-later":
        return _later(due.filter(due_at__gt=now), block)
    return _nobody_left(campaign) if block.code == "nobody-left" else block


_LATER = {
    "retry-rule": "Everybody left waits for a retry.",
    "hours": "Everybody left is outside calling hours where they are.",
    "daily-cap": "Everybody left was called often enough for today.",
    "in-call-elsewhere": "Everybody left is in another call.",
}


def _later(queue: QuerySet[CampaignContact], block: Block) -> Block:
    """Why the next person is not due yet; the others may have reasons of their own."""
    code = queue.order_by("due_at", "pk").values_list("reason_code", flat=True).first() or ""
    return replace(block, reason=_LATER.get(code, block.reason))


def _nobody_left(campaign: Campaign) -> Block | None:
    """Everybody was called: the last calls go on, or only people of whom we cannot say are left."""
    open_now = CampaignContact.objects.filter(campaign=campaign, state=ContactState.IN_CALL).count()
    if open_now:
        calls = "1 call is" if open_now == 1 else f"{open_now} calls are"
        return Block("last-calls", f"Everybody was called; {calls} still open.")
    rows = CampaignContact.objects.filter(campaign=campaign, state=ContactState.UNCERTAIN)
    unsure = rows[:MOST_COUNTED].count()
    if not unsure:
        return None
    people = "1 person is" if unsure == 1 else f"{unsure} people are"
    return Block("only-uncertain", f"Nobody is left to call but {people} uncertain: nobody dials them by itself.")


# ------------------------------------------------------------------------------------------------------------ slots
def _with_silent_calls(block: Block, campaign: Campaign, now: datetime) -> Block:
    """Slots that are full of talks free themselves; full of calls that Exotel never told of, callbacks are missing."""
    silent = silent_calls(campaign, now, everybody=block.code == "account-slots")
    if not silent:
        return block
    calls = "1 of them by a call" if silent == 1 else f"{silent} of them by calls"
    reason = f"{block.reason.rstrip('.')}, {calls} of which Exotel has told nothing since it was placed."
    return replace(block, code="silent-calls", reason=reason, until=None)


def silent_calls(campaign: Campaign, now: datetime, *, everybody: bool) -> int:
    """Calls that hold a slot and should have been answered or ended by now, but no callback has said so.

    Of the whole account if `everybody`, else of the campaign.
    """
    rows = CallAttempt.objects.filter(
        account_id=campaign.account_id,
        slot_released_at__isnull=True,
        state__in=(AttemptState.PLACED, AttemptState.UNKNOWN),
        intent_at__lt=now - timedelta(seconds=campaign.ring_timeout) - QUIET_AFTER,
    )
    return rows.count() if everybody else rows.filter(campaign=campaign).count()


# ------------------------------------------------------------------------------------------------------------- pace
def _shared_pace(campaign: Campaign, pacer: Pacer, now: datetime) -> Block | None:
    """Others of the account had every turn for a while. Somebody is due here."""
    last = CallAttempt.objects.filter(campaign=campaign).aggregate(at=Max("intent_at"))["at"]
    since = max(filter(None, (last, campaign.launched_at)), default=now)
    others = Campaign.objects.filter(account_id=campaign.account_id, status=CampaignStatus.RUNNING)
    served = others.exclude(pk=campaign.pk).filter(
        Exists(CallAttempt.objects.filter(campaign=OuterRef("pk"), intent_at__gt=since))
    )
    names = list(served.order_by("name").values_list("name", flat=True)[:3])
    if not names or now - since < max(STARVED_AFTER, 2 * eligibility.campaign_step(campaign)):
        return None
    rate = eligibility.rate(campaign.account, pacer)
    return Block("shared-pace", f"The account’s {rate} calls a minute are shared with {', '.join(names)}.")


# --------------------------------------------------------------------------------------------------------- database
def lock_wait() -> str:
    """The sentence for intents that wait in the database for somebody's lock; '' if none does."""
    with connection.cursor() as cursor:
        cursor.execute(_WAITING)
        row = cursor.fetchone()
    if row is None:
        return ""
    name, pid, seconds = row
    holder = f"“{name or 'a session'}” (process {pid})"
    return f"Dialling waits for a lock in the database, which {holder} has held for {seconds} s."


# Every intent begins with the pacer's row, so whoever waits and has touched that table is one (or is kept from it like
# one). A holder that waits itself is not the cause.
_WAITING = """
    SELECT holder.application_name, holder.pid,
        greatest(0, extract(epoch FROM clock_timestamp() - coalesce(holder.xact_start, holder.state_change)))::integer
    FROM pg_stat_activity AS waiting, LATERAL unnest(pg_blocking_pids(waiting.pid)) AS blocker (pid)
    JOIN pg_stat_activity AS holder ON holder.pid = blocker.pid
    WHERE waiting.datname = current_database() AND waiting.wait_event_type = 'Lock'
        AND EXISTS (SELECT FROM pg_locks WHERE pid = waiting.pid AND relation = 'campaigns_pacer'::regclass)
        AND holder.wait_event_type IS DISTINCT FROM 'Lock'
    ORDER BY holder.xact_start NULLS LAST LIMIT 1"""
