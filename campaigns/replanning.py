"""After an edit of the hours: when people who wait for them are called is planned anew, in chunks.

Who waits for calling hours to open, or for a retry that the old hours put off, has a time that was computed with them.
The edit notes on the campaign that this is to be done and does the first chunk; housekeeping does the others, and goes
on where a process that died has stopped. Nobody depends on it to be called rightly: each intent looks at the hours.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.db.models import QuerySet

from campaigns import eligibility, pacing
from campaigns.lifecycle import DUE_CONTACTS
from campaigns.models import Campaign, CampaignContact

CHUNK = 2_000
WALK = 20_000  # people looked at in a chunk, planned anew or not: the campaign's row is locked for so long
MOST_CHUNKS = 10  # of a campaign in one go of housekeeping
HOURS, RETRY = "hours", "retry-rule"  # reasons whose time depends on the hours

_MOVE = """
    UPDATE campaigns_campaigncontact AS person SET due_at = planned.due_at
    FROM unnest(%s::bigint[], %s::timestamptz[], %s::timestamptz[]) AS planned (id, was, due_at)
    WHERE person.id = planned.id AND person.due_at = planned.was AND person.state = ANY(%s)"""


def begin(campaign: Campaign) -> None:
    """Note, in the transaction of the edit, that everybody's time is to be planned anew."""
    Campaign.objects.filter(pk=campaign.pk).update(replan_after=0)


def replan_all() -> None:
    """Go on with every campaign that has people left to plan anew."""
    waiting = Campaign.objects.filter(replan_after__isnull=False)
    for campaign_id in waiting.values_list("pk", flat=True):
        for _ in range(MOST_CHUNKS):
            if not replan_chunk(campaign_id):
                break


def replan_chunk(campaign_id: int, people: int = CHUNK) -> bool:
    """Plan up to `people` anew; False when that were the last ones, or another process is at it."""
    with transaction.atomic():
        rows = Campaign.objects.select_for_update(skip_locked=True, of=("self",), no_key=True).select_related("account")
        campaign = rows.filter(pk=campaign_id, replan_after__isnull=False).first()
        if campaign is None:
            return False
        now = pacing.db_now()
        stop = _stop(campaign)
        found = list(_waiting(campaign, now, stop)[:people])
        _move(found, _planned(campaign, found, now))
        last = found[-1].pk if len(found) == people else stop
        Campaign.objects.filter(pk=campaign_id).update(replan_after=last)
    return last is not None


def _stop(campaign: Campaign) -> int | None:
    """The last person who is looked at in this chunk; None if that is everybody who is left."""
    left = CampaignContact.objects.filter(campaign=campaign, pk__gt=campaign.replan_after).order_by("pk")
    return left.values_list("pk", flat=True)[WALK - 1 : WALK].first()


def _waiting(campaign: Campaign, now: datetime, stop: int | None) -> QuerySet[CampaignContact]:
    rows = CampaignContact.objects.filter(campaign=campaign, pk__gt=campaign.replan_after, state__in=DUE_CONTACTS)
    rows = rows.filter(pk__lte=stop) if stop else rows
    return rows.filter(due_at__gt=now, reason_code__in=(HOURS, RETRY)).order_by("pk")


def _planned(campaign: Campaign, found: Sequence[CampaignContact], now: datetime) -> list[datetime]:
    """When each of them is to be called by the hours as they are now."""
    delays = {rule.outcome: rule.delay_minutes for rule in campaign.retry_rules.all()}
    opens: dict[str, datetime] = {}
    planned = []
    for person in found:
        if not eligibility.known_zone(person.time_zone):
            planned.append(now)  # the next intent skips them, with that reason
        elif person.reason_code == RETRY:
            wanted = person.changed_at + timedelta(minutes=float(delays.get(person.last_outcome, 0)))
            planned.append(eligibility.next_allowed(campaign, person.time_zone, wanted))
        else:
            zone = person.time_zone
            opens[zone] = opens.get(zone) or eligibility.next_allowed(campaign, zone, now)
            planned.append(opens[zone])
    return planned


def _move(found: Sequence[CampaignContact], planned: Sequence[datetime]) -> None:
    """Set the new times; who was dialled or put elsewhere since they were read keeps theirs."""
    ids, before, due = [one.pk for one in found], [one.due_at for one in found], list(map(str, DUE_CONTACTS))
    with connection.cursor() as cursor:
        cursor.execute(_MOVE, [ids, before, list(planned), due])
