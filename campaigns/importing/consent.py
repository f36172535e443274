"""Somebody who is on the list already and whose row now says no to calls: they leave the list and its lines."""

from django.utils import timezone

from campaigns.importing import removing
from campaigns.importing.chunks import Chunk
from campaigns.lifecycle import CAMPAIGN_CONTACT, DUE_CONTACTS, ContactState, advance
from campaigns.models import CampaignContact, Contact
from campaigns.off_list import REFUSED, REFUSED_CODE


def take_out(list_id: int, chunk: Chunk) -> int:
    """Who refuses is skipped and leaves the list; who was called stays on it, flagged. How many there were.

    To be called inside the chunk's transaction, which holds the list.
    """
    refusing = [bad.refuses for bad, _ in chunk.found.bad if bad.refuses]
    people = list(Contact.objects.filter(contact_list=list_id, phone__in=refusing).values_list("pk", flat=True))
    waiting = CampaignContact.objects.filter(contact__in=people, state__in=DUE_CONTACTS)
    now = timezone.now()
    advance(waiting, CAMPAIGN_CONTACT, ContactState.SKIPPED, reason_code=REFUSED_CODE, reason=REFUSED, changed_at=now)
    gone, kept = removing.remove(list_id, people, REFUSED)
    return gone + kept
