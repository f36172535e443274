"""How many media streams Exotel lets the account have open: read once a minute, out of the details budget, and where
that is small less often: it may take a tenth of the questions.

A stream above the limit is refused (Streaming_call_throttled) after the person has picked up. So intents keep the calls
of bots below it (Pacer.most_streams), and a campaign that may have more calls at once than streams is told of it.
"""

import logging
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Q

from campaigns import holds, learning, pacing
from campaigns.dialing import UNUSABLE, client_for
from campaigns.exotel.errors import ExotelError, RateLimited
from campaigns.lifecycle import LIVE_CAMPAIGNS
from campaigns.models import ExotelAccount, Pacer, StreamUse
from campaigns.models.accounts import CREDENTIALS

log = logging.getLogger(__name__)

WHILE_CALLING = timedelta(seconds=60)
OTHERWISE = timedelta(minutes=15)
A_TENTH = 10  # steps of the account's questions


def read_due() -> int:
    """Ask Exotel for each account whose figure is old; returns how many were asked."""
    now = pacing.db_now()
    calling = Q(campaigns__status__in=LIVE_CAMPAIGNS)
    never = Q(stream_use=None) | Q(stream_use__asked_at__gt=now)  # or by a clock that was set back since
    due = (
        never | Q(stream_use__asked_at__lt=now - OTHERWISE) | calling & Q(stream_use__asked_at__lt=now - WHILE_CALLING)
    )
    accounts = ExotelAccount.objects.defer(*CREDENTIALS)
    return sum(read(account, now) for account in accounts.filter(due).distinct())


def read(account: ExotelAccount, now: datetime) -> bool:
    """Ask, if the account's budget has room, and keep the answer or why there is none."""
    last: StreamUse | None = getattr(account, "stream_use", None)
    if last and timedelta() <= now - last.asked_at < A_TENTH * pacing.details_step(account):
        return False
    with transaction.atomic():
        if not pacing.take_details_turn(account):
            return False
    try:
        client = client_for(account)
        try:
            use = client.active_streams()
        finally:
            learning.heed(account.pk, client.allowance)
    except RateLimited as limited:
        holds.back_off(account.pk, limited.retry_after)
        found: dict[str, Any] = {"problem": str(limited)[:300]}
    except (ExotelError, *UNUSABLE) as trouble:
        log.info("active streams of %s: %s", account.name, trouble)
        found = {"problem": str(trouble)[:300]}
    else:
        found = {"seen_at": now, "active": use.active, "limit": use.limit, "problem": ""}
    StreamUse.objects.update_or_create(account=account, defaults={"asked_at": now} | found)
    if not found["problem"]:
        # Where intents look: from now on no more bot calls are open than streams may be.
        Pacer.objects.filter(account=account).exclude(most_streams=found["limit"]).update(most_streams=found["limit"])
    return True


def warning(account: ExotelAccount, calls_at_once: int | None = None) -> str:
    """What to know before so many calls of a bot (or all the account may have) are open; '' if streams suffice."""
    calls_at_once = account.max_concurrent if calls_at_once is None else calls_at_once
    use: StreamUse | None = getattr(account, "stream_use", None)
    if use and use.limit is not None and use.limit < calls_at_once:
        return (
            f"Exotel allows {use.limit} streams at once, fewer than the {calls_at_once} calls that may be open: no "
            f"more than {use.limit} calls of bots are made at a time. Ask Exotel for more streams, if that is too few."
        )
    if calls_at_once > settings.MAX_STREAMS:
        return (
            f"Each web process here takes {settings.MAX_STREAMS} streams at once (MAX_STREAMS), and {calls_at_once} "
            "calls may be open: people beyond that would pick up and hear nothing. Allow fewer calls at a time, or run "
            "more web processes, or raise MAX_STREAMS after a look at what this machine carries."
        )
    return ""
