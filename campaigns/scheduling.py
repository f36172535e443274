"""Campaigns that start by themselves at their time: planned, called off, and started by the tick.

The database's clock decides. What could be launched when it was planned may not be launched when its time has come;
then it is a draft again, and says why.
"""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.db import transaction

from campaigns import audit, control, enrolling, pacing
from campaigns.audit import DIALER, Actor
from campaigns.lifecycle import CAMPAIGN, CampaignStatus, advance
from campaigns.models import Campaign, Gap
from campaigns.refusals import NotAllowed

FARTHEST = timedelta(days=366)


def schedule(campaign_id: int, at: datetime, *, by: Actor) -> None:
    """Let a draft start by itself at `at` (aware); one that is planned already gets another time.

    Raises NotAllowed for what cannot be launched as it stands, for a time that has passed, and beyond a year.
    """
    with transaction.atomic():
        campaign = control.locked(campaign_id)
        if campaign.status not in (CampaignStatus.DRAFT, CampaignStatus.SCHEDULED):
            raise NotAllowed(f"This campaign is {control.word(campaign)} already.")
        campaign.scheduled_at = at
        wrong = [*_time_problems(at), *control.problems(campaign)]
        if wrong:
            raise NotAllowed(*wrong)
        said = {"scheduled_at": at, "launched_by": by.user, "paused_by": "", "paused_reason": ""}
        rows = Campaign.objects.filter(pk=campaign_id)
        if not advance(rows, CAMPAIGN, CampaignStatus.SCHEDULED, field="status", **said):
            rows.update(**said)
        audit.record(by, "schedule", f"campaign:{campaign_id}", at=at.isoformat())


def _time_problems(at: datetime) -> list[str]:
    now = pacing.db_now()
    if at <= now:
        return ["That time has passed: launch the campaign now, or name a later time."]
    return ["A campaign can be planned for a year ahead at most."] if at > now + FARTHEST else []


def unschedule(campaign_id: int, *, by: Actor) -> None:
    """A planned campaign is a draft again. Raises NotAllowed if it is not planned (any more)."""
    with transaction.atomic():
        campaign = control.locked(campaign_id)
        if campaign.status != CampaignStatus.SCHEDULED:
            raise NotAllowed(f"This campaign is {control.word(campaign)}, not scheduled.")
        control.move(campaign, CampaignStatus.DRAFT, scheduled_at=None, launched_by=None)
        audit.record(by, "unschedule", f"campaign:{campaign_id}")


def start_due() -> int:
    """Start the campaigns whose time has come; returns how many. Called by the tick.

    Those of an account of which calls were forgotten wait for a look at Exotel's list.
    """
    due = Campaign.objects.filter(status=CampaignStatus.SCHEDULED, scheduled_at__lte=pacing.db_now())
    due = due.exclude(account__in=Gap.objects.filter(closed_at__isnull=True).values("account"))
    return sum(_start(campaign_id) for campaign_id in due.values_list("pk", flat=True))


def _start(campaign_id: int) -> bool:
    """Start one, unless it was started, put off or called off since it was looked for."""
    with transaction.atomic():
        campaign = control.locked(campaign_id)
        at = campaign.scheduled_at
        if campaign.status != CampaignStatus.SCHEDULED or at is None or at > pacing.db_now():
            return False
        wrong = control.problems(campaign)
        if wrong:
            _give_back(campaign, at, wrong)
            return False
        control.begin(campaign, by=DIALER)
    enrolling.enrol_chunk(campaign_id, control.AT_ONCE)
    return True


def _give_back(campaign: Campaign, at: datetime, wrong: list[str]) -> None:
    local = at.astimezone(ZoneInfo(campaign.time_zone))
    why = f"It was to start on {local:%d %b at %H:%M} and could not: {' '.join(wrong)}"
    said = {"scheduled_at": None, "launched_by": None, "paused_by": DIALER.name, "paused_reason": why}
    control.move(campaign, CampaignStatus.DRAFT, **said)
    audit.record(DIALER, "not started", f"campaign:{campaign.pk}", reason=why)


def read_moment(text: str, campaign: Campaign) -> datetime:
    """`2026-11-21 09:30` (or with a T, an offset behind it), or `09:30` for the next time that it is half past nine.

    Without an offset it is the campaign's own clock. Raises NotAllowed.
    """
    return moment_in(text, ZoneInfo(campaign.time_zone))


def moment_in(text: str, zone: ZoneInfo) -> datetime:
    """The same by the clock of any zone."""
    try:
        if len(text.strip()) <= 5:
            return _next_time(text.strip(), pacing.db_now().astimezone(zone))
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise NotAllowed(f"“{text}” is not a time: write it like 2026-11-21 09:30, or 09:30.") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=zone)


def _next_time(text: str, now: datetime) -> datetime:
    clock = datetime.strptime(text, "%H:%M")  # noqa: DTZ007 (only its hour and minute are used)
    today = now.replace(hour=clock.hour, minute=clock.minute, second=0, microsecond=0)
    return today if today > now else today + timedelta(days=1)
