"""What people and Dialer did to a campaign and its account, in words, newest first. Writes nothing."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q, QuerySet

from campaigns.models import AuditEntry, Campaign


@dataclass(frozen=True)
class TimelineLine:
    """An act, or something that happened to the account; `state` is a data-state word."""

    at: datetime
    state: str
    text: str
    sub: str = ""


_STATES: Mapping[str, str] = {
    "launch": "running",
    "resume": "running",
    "pause": "wait",
    "stop": "stop",
    "hang up": "stop",
    "hold": "bad",
    "lift hold": "ok",
    "slowed": "wait",
    "slower": "wait",
    "full pace": "ok",
    "trouble": "bad",
    "trouble over": "ok",
}
_WORDS: Mapping[str, str] = {
    "launch": "Launched",
    "resume": "Resumed",
    "pause": "Paused",
    "stop": "Stopped",
    "hang up": "Live calls hung up",
    "create": "Created",
    "edit": "Edited",
    "hold": "Account held",
    "lift hold": "Account dials again",
    "dial uncertain": "Uncertain people back in line",
    "adjust": "Changed while it runs",
    "slowed": "Slowed down by Exotel",
    "slower": "Fewer calls a minute than set",
    "full pace": "As many calls a minute as set",
    "trouble": "Held: its calls go wrong",
    "trouble over": "Dials again, carefully",
}


def of_campaign(campaign_id: int) -> QuerySet[AuditEntry]:
    """Every act on the campaign, and what befell its account while the campaign was there."""
    told = Campaign.objects.values_list("account_id", "created_at", "ended_at").get(pk=campaign_id)
    account_id, created_at, ended_at = told
    of_account = Q(subject=f"account:{account_id}", at__gte=created_at)
    if ended_at:
        of_account &= Q(at__lte=ended_at)
    return AuditEntry.objects.filter(Q(subject=f"campaign:{campaign_id}") | of_account)


def line(entry: AuditEntry) -> TimelineLine:
    """An entry as people read it."""
    return TimelineLine(
        at=entry.at,
        state=_STATES.get(entry.action, "info"),
        text=_WORDS.get(entry.action, entry.action.capitalize()),
        sub=" · ".join(filter(None, (str(entry.details.get("reason", "")), entry.actor_name))),
    )


def recent(campaign_id: int, limit: int = 20) -> list[TimelineLine]:
    """The newest lines."""
    return [line(entry) for entry in of_campaign(campaign_id).order_by("-at", "-pk")[:limit]]
