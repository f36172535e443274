"""The alarm: a running campaign that dials nobody although it should, for longer than is usual.

Housekeeping looks every ten seconds. What is seen stands in a row a stall (the overview shows those that last), and one
mail goes to those who want it: the worker whose conditional UPDATE marks the stall as told sends it.
"""

import logging
import smtplib
import time
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import IntegrityError, transaction
from django.db.models import Max, QuerySet
from django.urls import reverse

from campaigns import eligibility, pacing, progress
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


def watch() -> None:
    """Begin, go on with and end the stalls of all running campaigns; tell of those that last."""
    now = pacing.db_now()
    running = Campaign.objects.filter(status=CampaignStatus.RUNNING, is_test=False).select_related("account", "pace")
    campaigns = list(running.order_by("pk")[:MOST])
    _end_others(campaigns, now)
    for campaign in campaigns:
        _note(campaign, stalled(campaign, now), now)
    for stall in lasting(now).filter(told_at__isnull=True):
        tell(stall, now)


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
    said = {"code": found.code, "reason": found.reason[:500]}
    if not open_stall.update(**said):
        try:
            with transaction.atomic():
                Stall.objects.create(campaign=campaign, began_at=now, **said)
        except IntegrityError:
            log.info("the stall of campaign %s was noted by another worker", campaign.pk)


def _end_others(running: Sequence[Campaign], now: datetime) -> None:
    """Who runs no more is not stalled any more."""
    Stall.objects.filter(ended_at__isnull=True).exclude(campaign__in=running).update(ended_at=now)


# ------------------------------------------------------------------------------------------------------------- mail
def tell(stall: Stall, now: datetime) -> None:
    """One mail a stall, however many workers look: whoever marks it sends it."""
    if not Stall.objects.filter(pk=stall.pk, told_at__isnull=True).update(told_at=now):
        return
    wanted = User.objects.filter(mail_on_stall=True, is_active=True).exclude(email="")
    addresses = list(wanted.values_list("email", flat=True))
    if not addresses:
        return
    try:
        letter(stall, addresses).send()
    except (smtplib.SMTPException, OSError) as trouble:
        log.warning("mail about the stall of campaign %s was not sent: %s", stall.campaign_id, trouble)


def letter(stall: Stall, addresses: Sequence[str]) -> EmailMessage:
    """What is sent; nobody sees the others' addresses."""
    link = f"{settings.PUBLIC_URL}{reverse('campaign', args=[stall.campaign_id])}"
    body = f"{stall.campaign.name} runs, but nobody has been dialled for two minutes.\n\n{stall.reason}\n\n{link}\n"
    return EmailMessage(subject=f"Dialer: {stall.campaign.name} is not dialling", body=body, bcc=addresses)
