"""The alarm: a campaign that dials nobody although it should, for longer than is usual.

It runs, or Dialer itself has paused it or could not start it, and a person must mend the cause. Housekeeping looks
every ten seconds; while it does not, the web process does. What is seen stands in a row a stall (the overview shows
those that last), and one mail goes to those who want it. Who begins to send leases the stall with a conditional UPDATE;
what cannot be sent is tried again when the lease is over, while it lasts.
"""

import logging
import smtplib
import time
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import IntegrityError, transaction
from django.db.models import Max, Q, QuerySet
from django.urls import reverse

from campaigns import eligibility, heartbeat, pacing, progress
from campaigns.audit import DIALER
from campaigns.lifecycle import CampaignStatus
from campaigns.models import CallAttempt, Campaign, Pacer, Stall, User
from campaigns.progress import Waiting

log = logging.getLogger(__name__)

LASTING = timedelta(minutes=2)  # shorter stalls are nobody's business
FRESH = timedelta(seconds=20)  # a call so lately: it dials
LOOK_EVERY = 10.0  # seconds
MOST = 100  # campaigns looked at
USUAL = frozenset(
    {"hours", "retry-later", "last-calls", "only-uncertain", "shared-pace", "starting", "account-slots",
     "campaign-slots", "careful", "streams", "paused", "ended"}
)  # fmt: skip
LEASE = timedelta(minutes=5)  # between two tries to send a mail; a server is waited for EMAIL_TIMEOUT at most
WATCH = "watch"  # the mark of whoever looks
STAND_IN = timedelta(minutes=1)  # nobody has looked for so long: the web process does
STOPPED = ("paused", "not-started")  # codes of campaigns that do not run, because Dialer said so
UNEXPLAINED = Waiting(
    held=True, code="unexplained", reason="People are due, and nobody is dialled.", hint="See the worker’s log."
)


_looked_at = float("-inf")  # time.monotonic() of this process


def look() -> None:
    """`watch`, but no more often than LOOK_EVERY in this process: a stall lasts for minutes."""
    global _looked_at  # noqa: PLW0603 (a clock of the process)
    if time.monotonic() - _looked_at >= LOOK_EVERY:
        _looked_at = time.monotonic()
        watch()


def stand_in() -> None:
    """`watch`, if nobody else does: the clock and the workers, whose task it is, may be what is gone."""
    if heartbeat.silent(WATCH, STAND_IN, pacing.db_now()):
        watch()


def watch() -> None:
    """Begin, go on with and end the stalls of all campaigns that run or should; tell of those that last."""
    heartbeat.beat(WATCH)
    now = pacing.db_now()
    looked_at = {campaign: stalled(campaign, now) for campaign in _running()} | _stopped()
    _end_others(list(looked_at), now)
    for campaign, found in looked_at.items():
        _note(campaign, found, now)
    tell(now)


def _running() -> list[Campaign]:
    rows = Campaign.objects.filter(status=CampaignStatus.RUNNING, is_test=False).select_related("account", "pace")
    return list(rows.order_by("pk")[:MOST])


def _stopped() -> dict[Campaign, Waiting]:
    """Campaigns that wait for a person because Dialer has paused them, or could not start them, and why."""
    ours = Campaign.objects.filter(paused_by=DIALER.name, is_test=False).exclude(paused_reason="")
    rows = ours.filter(status__in=(CampaignStatus.PAUSED, CampaignStatus.DRAFT)).order_by("-pk")[:MOST]
    code = {CampaignStatus.PAUSED: "paused", CampaignStatus.DRAFT: "not-started"}
    return {one: Waiting(held=True, code=code[CampaignStatus(one.status)], reason=one.paused_reason) for one in rows}


def stalled(campaign: Campaign, now: datetime) -> Waiting | None:
    """What stalls the campaign: nothing while it dials, outside its hours, or while it waits as campaigns do."""
    if eligibility.nobodys_hours_block(campaign, now):
        return None
    found = progress.waiting(campaign)
    if found is None:
        return UNEXPLAINED if _silent(campaign, now) else None
    return None if found.code in USUAL or _dialled_since(campaign, now - FRESH) else found


def _silent(campaign: Campaign, now: datetime) -> bool:
    """Nothing is known to keep it from dialling, yet it has dialled nobody for much longer than its pace takes."""
    pacer = Pacer.objects.filter(account=campaign.account).first()
    account_step, own_step = pacing.dial_step(campaign.account, pacer), eligibility.campaign_step(campaign)
    patience = LASTING + 3 * max(account_step, own_step)
    launched = campaign.launched_at or now
    return now - launched > patience and not _dialled_since(campaign, now - patience)


def _dialled_since(campaign: Campaign, moment: datetime) -> bool:
    last = CallAttempt.objects.filter(campaign=campaign).aggregate(at=Max("intent_at"))["at"]
    return last is not None and last > moment


def lasting(now: datetime) -> QuerySet[Stall]:
    """Open stalls that are older than LASTING."""
    rows = Stall.objects.filter(ended_at__isnull=True, began_at__lt=now - LASTING)
    return rows.select_related("campaign").order_by("began_at")


def _note(campaign: Campaign, found: Waiting | None, now: datetime) -> None:
    open_stall = Stall.objects.filter(campaign=campaign, ended_at__isnull=True)
    if found is None:
        open_stall.update(ended_at=now)
        return
    stopped = Q(code__in=STOPPED)  # its own matter, of which is told although the same campaign stalled before
    open_stall.filter(~Q(code=found.code) if found.code in STOPPED else stopped).update(ended_at=now)
    said = {"code": found.code, "reason": found.reason[:500]}
    if not open_stall.update(**said):
        try:
            with transaction.atomic():
                Stall.objects.create(campaign=campaign, began_at=now, **said)
        except IntegrityError:
            log.info("the stall of campaign %s was noted by another worker", campaign.pk)


def _end_others(looked_at: Sequence[Campaign], now: datetime) -> None:
    """Who runs no more, and need not, is not stalled any more."""
    Stall.objects.filter(ended_at__isnull=True).exclude(campaign__in=looked_at).update(ended_at=now)


# ------------------------------------------------------------------------------------------------------------- mail
def tell(now: datetime) -> None:
    """One mail about all stalls that last and of which nobody was told, however many workers look at once."""
    mine = [stall for stall in lasting(now).filter(told_at__isnull=True) if _leased(stall, now)]
    if mine and _sent(mine):
        Stall.objects.filter(pk__in=[stall.pk for stall in mine]).update(told_at=now)


def _leased(stall: Stall, now: datetime) -> bool:
    """Whether it is ours to tell of: nobody has, and nobody began to a moment ago."""
    free = Q(telling_at__isnull=True) | Q(telling_at__lt=now - LEASE) | Q(telling_at__gt=now)  # the clock was set back
    return bool(Stall.objects.filter(free, pk=stall.pk, told_at__isnull=True).update(telling_at=now))


def _sent(stalls: Sequence[Stall]) -> bool:
    """Whether everybody who wants mail has been sent it; True, too, if nobody wants any."""
    wanted = User.objects.filter(mail_on_stall=True, is_active=True).exclude(email="")
    addresses = list(wanted.values_list("email", flat=True))
    if not addresses:
        return True
    try:
        letter(stalls, addresses).send()
    except (smtplib.SMTPException, OSError) as trouble:
        log.warning("mail about %d stalls was not sent, and will be tried again: %s", len(stalls), trouble)
        return False
    return True


def letter(stalls: Sequence[Stall], addresses: Sequence[str]) -> EmailMessage:
    """What is sent; nobody sees the others' addresses."""
    first = " ".join(stalls[0].campaign.name.split())  # a subject is one line
    which = f"{first} is" if len(stalls) == 1 else f"{first} and {len(stalls) - 1} more are"
    body = "\n".join(map(_told, stalls))
    return EmailMessage(subject=f"Dialer: {which} not dialling", body=body, bcc=addresses)


def _told(stall: Stall) -> str:
    name, link = stall.campaign.name, f"{settings.PUBLIC_URL}{reverse('campaign', args=[stall.campaign_id])}"
    what = {"paused": f"{name} was paused.", "not-started": f"{name} did not start."}
    usual = f"{name} runs, but nobody has been dialled for two minutes."
    return f"{what.get(stall.code, usual)}\n\n{stall.reason}\n\n{link}\n"
