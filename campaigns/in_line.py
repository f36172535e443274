"""Who is next: whom the next intent of an account would go to, looked up without locking or moving anybody."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from campaigns import eligibility, intents
from campaigns.lifecycle import DUE_CONTACTS
from campaigns.models import Campaign, CampaignContact, ExotelAccount, Pacer

SHALLOW, DEEP = 3, sum(intents.BATCHES)  # people looked at in each queue; an intent looks at no more than DEEP
MOST_COUNTED = 1000  # people ahead of somebody


@dataclass(frozen=True)
class Turn:
    """Whose turn it is at an instant: the campaign, and the id of the campaign contact."""

    campaign: Campaign
    contact_id: int


def turn(campaigns: Sequence[Campaign], pacer: Pacer, used: Mapping[int, int], at: datetime) -> Turn | None:
    """Who is granted at `at` if the account may dial. `campaigns`: as `intents.running_campaigns` orders them."""
    open_to = (one for one in campaigns if not eligibility.campaign_block(one, one.pace, used.get(one.pk, 0), at))
    able = [one for one in open_to if not eligibility.streams_block(one, pacer, campaigns, used, at)]
    shallow = _free(able, at, SHALLOW)
    unsure = [one for one in able if shallow[one.pk] is _FULL]
    deep = _free(unsure, at, DEEP) if unsure else {}
    for campaign in able:
        found = deep.get(campaign.pk, shallow[campaign.pk])
        if isinstance(found, int):
            return Turn(campaign, found)
    return None


def ahead(contact: CampaignContact, at: datetime) -> int:
    """How many people of the same campaign are due before this one; at most MOST_COUNTED are counted."""
    with connection.cursor() as cursor:
        due = list(map(str, DUE_CONTACTS))
        cursor.execute(_AHEAD, [contact.campaign_id, due, at, contact.due_at, contact.pk, MOST_COUNTED])
        row: tuple[int] = cursor.fetchone()
    return row[0]


_FULL = object()  # everybody who was looked at is blocked, and there are more


def _free(campaigns: Sequence[Campaign], at: datetime, each: int) -> dict[int, object]:
    """By campaign: the first person who may be called; None if there is none, _FULL if more must be looked at."""
    heads = _heads(campaigns, at, each)
    if not campaigns:
        return {}
    known = intents.people({person.phone for head in heads.values() for person in head}, _account(campaigns), at)
    found: dict[int, object] = {}
    for campaign in campaigns:
        head = heads.get(campaign.pk, [])
        free = (one.pk for one in head if not eligibility.contact_block(one, campaign, known[one.phone], at))
        found[campaign.pk] = next(free, _FULL if len(head) == each else None)
    return found


def _account(campaigns: Sequence[Campaign]) -> ExotelAccount:
    return campaigns[0].account


def _heads(campaigns: Sequence[Campaign], at: datetime, each: int) -> dict[int, list[CampaignContact]]:
    values = [[campaign.pk for campaign in campaigns], list(map(str, DUE_CONTACTS)), at, each]
    heads: dict[int, list[CampaignContact]] = {}
    for person in CampaignContact.objects.raw(_HEADS, values):
        heads.setdefault(person.campaign_id, []).append(person)
    return heads


_HEADS = """
    SELECT person.* FROM unnest(%s::bigint[]) AS campaign (id), LATERAL (
        SELECT id, campaign_id, phone, time_zone, due_at FROM campaigns_campaigncontact
        WHERE campaign_id = campaign.id AND state = ANY(%s) AND prepared AND due_at <= %s
        ORDER BY due_at, id LIMIT %s) AS person
    ORDER BY person.campaign_id, person.due_at, person.id"""
_AHEAD = """
    SELECT count(*) FROM (
        SELECT FROM campaigns_campaigncontact
        WHERE campaign_id = %s AND state = ANY(%s) AND prepared AND due_at <= %s AND (due_at, id) < (%s, %s)
        LIMIT %s) AS before"""
