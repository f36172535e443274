"""What becomes of people's places in the lines of campaigns when their list changes.

To be called inside the transaction that changes the list and holds it: nobody of it is enrolled meanwhile. Order of
locks: lists, import, campaigns, campaign contacts. A call that settles meanwhile waits for its row and then sees what
has changed (campaigns.off_list).
"""

from collections.abc import Collection
from typing import Any

from django.db import connection
from django.db.models import QuerySet

from campaigns import enrolling, filters, off_list
from campaigns.importing import phones
from campaigns.lifecycle import DUE_CONTACTS, ContactState
from campaigns.models import Campaign, CampaignContact, CampaignList, Contact, ContactList

OPEN = (*DUE_CONTACTS, ContactState.IN_CALL, ContactState.UNCERTAIN)

_SHARE = "SELECT id FROM campaigns_contactlist WHERE id = ANY(%s) ORDER BY id FOR SHARE"
_LOCK = "SELECT id FROM campaigns_campaigncontact WHERE contact_id = ANY(%s) ORDER BY id FOR NO KEY UPDATE"
_NEVER_DIALLED = """waiting.state = 'pending' AND waiting.tries = 0
        AND NOT EXISTS (SELECT FROM campaigns_callattempt AS call WHERE call.campaign_contact_id = waiting.id)"""
_LEAVE = f"DELETE FROM campaigns_campaigncontact AS waiting WHERE contact_id = ANY(%s) AND {_NEVER_DIALLED}"  # noqa: S608 (our words)
_FORGET_THE_SKIPPED = """
    UPDATE campaigns_campaigncontact SET contact_id = NULL
    WHERE contact_id = ANY(%s) AND state = 'skipped' AND tries = 0"""
# Who waits for a call hears what the list says that still has them; of a call that is open only the contact changes.
_HAND_OVER = """
    UPDATE campaigns_campaigncontact AS waiting SET contact_id = person.id,
        name = CASE WHEN due THEN person.name ELSE waiting.name END,
        variables = CASE WHEN due THEN person.variables ELSE waiting.variables END,
        time_zone = CASE WHEN due THEN coalesce(nullif(person.time_zone, ''), given.zone) ELSE waiting.time_zone END,
        prepared = CASE WHEN due THEN %(prepared)s ELSE waiting.prepared END
    FROM unnest(%(rows)s::bigint[], %(people)s::bigint[], %(zones)s::text[], %(due)s::boolean[])
            AS given (id, person, zone, due)
        JOIN campaigns_contact AS person ON person.id = given.person
    WHERE waiting.id = given.id RETURNING waiting.time_zone"""
_FOLLOW = f"""
    UPDATE campaigns_campaigncontact AS waiting SET phone = person.phone,
        time_zone = coalesce(nullif(person.time_zone, ''), %(zone)s)
    FROM campaigns_contact AS person
    WHERE waiting.campaign_id = %(campaign)s AND waiting.contact_id = ANY(%(people)s)
        AND person.id = waiting.contact_id AND person.phone <> waiting.phone AND {_NEVER_DIALLED}
        AND NOT EXISTS (SELECT FROM campaigns_campaigncontact AS taken
            WHERE taken.campaign_id = waiting.campaign_id AND taken.phone = person.phone)
    RETURNING waiting.time_zone"""  # noqa: S608 (our words)


def leave(people: list[int]) -> None:
    """Contacts leave their list: who was never dialled leaves the lines, nobody else of them is called again.

    Rows of people who were dialled go on naming them; those of people who were skipped before a call do not.
    """
    with connection.cursor() as cursor:
        cursor.execute(_LOCK, [people])
        cursor.execute(_LEAVE, [people])
        cursor.execute(_FORGET_THE_SKIPPED, [people])


def hand_over(list_id: int, people: list[int]) -> None:
    """Contacts are about to leave this list: whom a campaign has through another of its lists too stays in its line."""
    waiting = CampaignContact.objects.filter(contact__in=people, state__in=OPEN)
    links = CampaignList.objects.filter(campaign__in=_campaigns(waiting)).exclude(contact_list=list_id)
    lists: dict[int, set[int]] = {}
    for campaign_id, other in links.values_list("campaign", "contact_list"):
        lists.setdefault(campaign_id, set()).add(other)
    if not lists:
        return
    with connection.cursor() as cursor:
        cursor.execute(_SHARE, [sorted(set().union(*lists.values()))])
        campaigns = _locked(lists)
        cursor.execute(_LOCK, [people])
    for campaign in campaigns:
        _hand_over(campaign, waiting.filter(campaign=campaign), lists[campaign.pk])


def _hand_over(campaign: Campaign, waiting: QuerySet[CampaignContact], lists: Collection[int]) -> None:
    rows = {row.phone: row for row in waiting.only("phone", "state")}
    theirs = Contact.objects.filter(contact_list__in=lists, phone__in=list(rows), kept=False)
    audience = filters.from_json(campaign.audience)
    others = filters.apply(theirs, audience, ContactList.objects.filter(pk__in=lists))
    found = {one.phone: one for one in others.select_related("contact_list").only("phone", "contact_list__region")}
    if not found:
        return
    given = [(rows[phone], one) for phone, one in found.items()]
    values: dict[str, Any] = {
        "rows": [row.pk for row, _ in given],
        "people": [one.pk for _, one in given],
        "zones": [phones.zone_of_region(one.contact_list.region, campaign.time_zone) for _, one in given],
        "due": [row.state in DUE_CONTACTS for row, _ in given],
        "prepared": not enrolling.speaks(campaign),
    }
    with connection.cursor() as cursor:
        cursor.execute(_HAND_OVER, values)
        _open(campaign, {zone for (zone,) in cursor.fetchall()})


def follow(contact_list: ContactList, people: list[int]) -> None:
    """Contacts have another number now: who was never dialled is called at that, whoever was is not called again.

    Nor is anybody whose new number the campaign has already, or who is kept (again): they are skipped.
    """
    rows = CampaignContact.objects.filter(contact__in=people)
    campaigns = _locked(_campaigns(rows.filter(state__in=OPEN)))
    if not campaigns:
        return
    with connection.cursor() as cursor:
        cursor.execute(_LOCK, [people])
        for campaign in campaigns:
            zone = phones.zone_of_region(contact_list.region, campaign.time_zone)
            cursor.execute(_FOLLOW, {"people": people, "campaign": campaign.pk, "zone": zone})
            _open(campaign, {zone for (zone,) in cursor.fetchall()})
    off_list.skip(rows.filter(state__in=DUE_CONTACTS))


def _campaigns(rows: QuerySet[CampaignContact]) -> list[int]:
    return list(rows.order_by("campaign").values_list("campaign", flat=True).distinct())


def _locked(campaign_ids: Collection[int]) -> list[Campaign]:
    """Nobody is put into their lines meanwhile: whoever enrols holds the campaign."""
    rows = Campaign.objects.select_for_update(of=("self",), no_key=True)
    return list(rows.filter(pk__in=campaign_ids).order_by("pk")) if campaign_ids else []


def _open(campaign: Campaign, zones: set[str]) -> None:
    """A locked campaign has people in these zones."""
    if not zones <= set(campaign.zones):
        Campaign.objects.filter(pk=campaign.pk).update(zones=sorted({*campaign.zones, *zones}))
