"""Put a campaign's lists into its queue, in chunks, while it may already be dialling. Two lists that share a person
enrol once (UNIQUE(campaign, phone)); a chunk and its cursor commit together, so a crash repeats nothing.

Who comes onto a list later is called as well while the campaign runs: imports commit people of a list in the order of
their ids, so whoever has an id behind the cursor is new. An ended campaign takes nobody any more.

Only those are taken who meet the conditions of the campaign's audience. Each person is judged once, when their chunk
is read, by what stands in the list and what is known of other campaigns' calls at that moment: somebody who answers
there later, or whose row a later file changes, is neither taken in nor put out again.
"""

from datetime import datetime

from django.db import connection, transaction
from django.db.models import Exists, OuterRef, QuerySet

from campaigns import bots, filters, off_list, pacing
from campaigns.importing import phones
from campaigns.lifecycle import LIVE_CAMPAIGNS, CampaignStatus
from campaigns.models import Campaign, CampaignList, Contact, ContactList

CHUNK = 5_000

_ENROL = """
WITH chunk AS (
    SELECT id, phone, name, variables, kept, coalesce(nullif(time_zone, ''), %(zone)s) AS time_zone,
        {matches} AS matches
    FROM campaigns_contact
    -- a range of one list, and ordered by it: with "=" the planner may walk over the ids of all other lists to this one
    WHERE contact_list_id BETWEEN %(list)s AND %(list)s AND id > %(cursor)s ORDER BY contact_list_id, id
    LIMIT %(chunk)s
), enrolled AS (
    INSERT INTO campaigns_campaigncontact
        (campaign_id, contact_id, phone, name, variables, time_zone, state, due_at, reason_code, reason, tries,
         last_outcome, disposition, disposition_kind, prepared, changed_at)
    SELECT %(campaign)s, id, phone, name, variables, time_zone, 'pending', %(now)s, '', '', 0, '', '', '',
           %(prepared)s, %(now)s
    FROM chunk WHERE matches AND NOT kept AND NOT EXISTS (  -- who has refused on another of its lists
        SELECT FROM campaigns_campaignlist AS link JOIN campaigns_contact AS other USING (contact_list_id)
        WHERE link.campaign_id = %(campaign)s AND other.phone = chunk.phone AND other.kept AND other.flag = %(refused)s)
    ORDER BY id  -- who is left out counts as seen: see take_appended
    ON CONFLICT (campaign_id, phone) DO NOTHING RETURNING 1
)
SELECT max(chunk.id), count(*), (SELECT count(*) FROM enrolled), count(*) FILTER (WHERE NOT (matches OR kept)),
       array(SELECT DISTINCT time_zone FROM chunk WHERE matches) FROM chunk
"""


_SHARE = "SELECT * FROM campaigns_contactlist WHERE id = %s FOR SHARE"


def enrol_all() -> int:
    """Enrol a chunk of each campaign that has some left; returns how many chunks were done."""
    take_appended()
    waiting = Campaign.objects.filter(status__in=LIVE_CAMPAIGNS, enrolled_at__isnull=True)
    return sum(enrol_chunk(campaign_id) for campaign_id in waiting.values_list("pk", flat=True))


def take_appended() -> int:
    """Open the enrolment of running and paused campaigns again whose lists have grown; returns how many."""
    grown = _appended().filter(campaign__status__in=(CampaignStatus.RUNNING, CampaignStatus.PAUSED))
    taken = 0
    for link in grown.filter(campaign__enrolled_at__isnull=False):
        with transaction.atomic():
            live = Campaign.objects.filter(
                pk=link.campaign_id, status__in=(CampaignStatus.RUNNING, CampaignStatus.PAUSED)
            )
            if live.update(enrolled_at=None):
                taken += CampaignList.objects.filter(pk=link.pk).update(done=False)
    return taken


def appended(campaign_id: int) -> bool:
    """Whether people came onto its lists who are not enrolled yet."""
    return _appended().filter(campaign=campaign_id).exists()


def _appended() -> QuerySet[CampaignList]:
    # a range of one list: see _ENROL
    same = {"contact_list_id__gte": OuterRef("contact_list_id"), "contact_list_id__lte": OuterRef("contact_list_id")}
    return CampaignList.objects.filter(Exists(Contact.objects.filter(**same, id__gt=OuterRef("cursor"))), done=True)


def enrol_chunk(campaign_id: int, people: int | None = None) -> bool:
    """Enrol up to `people` (CHUNK if none is given); False when everybody is in, or another process is at it."""
    links = CampaignList.objects.filter(campaign=campaign_id, done=False).select_related("contact_list").order_by("pk")
    with transaction.atomic():
        # Imports and undos of this list take turns with us: whoever is enrolled is on the list when this commits.
        # It comes before the campaign, whose pause and stop would wait with us for a chunk of theirs.
        shared = links.values_list("contact_list", flat=True).first()
        list(ContactList.objects.raw(_SHARE, [shared]))
        rows = Campaign.objects.select_for_update(skip_locked=True, of=("self",), no_key=True)
        campaign = rows.filter(pk=campaign_id, enrolled_at__isnull=True).first()
        if campaign is None:
            return False
        link = links.first()
        if link is None:
            Campaign.objects.filter(pk=campaign_id).update(enrolled_at=pacing.db_now())
            return False
        if link.contact_list_id == shared:  # else another process has just done with that list
            _enrol(campaign, link, people or CHUNK, pacing.db_now())
    return True


def _enrol(campaign: Campaign, link: CampaignList, people: int, now: datetime) -> None:
    matches, asked = filters.named(filters.from_json(campaign.audience), [link.contact_list])
    with connection.cursor() as cursor:
        cursor.execute(
            _ENROL.format(matches=matches),
            asked
            | {
                "list": link.contact_list_id,
                "cursor": link.cursor,
                "chunk": people,
                "campaign": campaign.pk,
                "now": now,
                "prepared": not speaks(campaign),
                "refused": off_list.REFUSED,
                # Whoever is in the list's own country has no zone of their own; a campaign that is set to another
                # country's clock must not ring them by that.
                "zone": phones.zone_of_region(link.contact_list.region, campaign.time_zone),
            },
        )
        last, seen, enrolled, left_out, zones = cursor.fetchone()
    link.cursor, link.total, link.left_out = last or link.cursor, link.total + enrolled, link.left_out + left_out
    link.done = seen < people
    link.save(update_fields=["cursor", "total", "left_out", "done"])
    together = sorted({*campaign.zones, *zones})
    Campaign.objects.filter(pk=campaign.pk).update(zones=together)


def speaks(campaign: Campaign) -> bool:
    """Whether the bot says something that must be rendered before the call."""
    return bool(campaign.bot) and bool(bots.spec(campaign.bot).prompts(campaign.bot_options, {}))
