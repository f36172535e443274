"""Somebody whose row says no to calls: nobody is brought in by it, and who is on the list leaves it and its lines.

Told by their number or by an id, also where the row has no number to dial. Of several rows about somebody a no counts
that stands further down.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone

from campaigns.importing import removing
from campaigns.importing.chunks import Chunk
from campaigns.lifecycle import CAMPAIGN_CONTACT, DUE_CONTACTS, ContactState, advance
from campaigns.models import CampaignContact, CampaignList, Contact, ContactImport
from campaigns.off_list import REFUSED, REFUSED_CODE


def take_out(job: ContactImport, chunk: Chunk) -> None:
    """Who refuses is skipped and leaves the list: kept and flagged, so that no silent file brings them back.

    To be called inside the chunk's transaction, which holds the list, before its people are stored.
    """
    refusing = _refusing(chunk)
    if refusing:
        _leave(job, [person.pk for person in _people(job, refusing)])
        # Campaigns may have them through another list as well.
        campaigns = CampaignList.objects.filter(contact_list=job.contact_list_id).values_list("campaign", flat=True)
        _skip(CampaignContact.objects.filter(campaign__in=list(campaigns), phone__in=list(refusing)))


def take_out_again(job: ContactImport, chunk: Chunk) -> None:
    """The same for those whom a row further up in the same chunk has brought in. After they are stored."""
    refusing = _refusing(chunk)
    brought = [one for one in _people(job, refusing) if job.pk in (one.contact_import_id, one.changed_by)]
    _leave(job, [one.pk for one in brought if one.line < _last_no(one, refusing)])


def _refusing(chunk: Chunk) -> Mapping[str, int]:
    """Numbers and ids of those who refuse, with the last line that says so."""
    bad = [each for each, _ in chunk.found.bad]
    return {who: each.line for each in bad for who in (each.refuses, each.refuses_id) if who}


def _last_no(person: Contact, refusing: Mapping[str, int]) -> int:
    return max(refusing.get(person.phone, 0), refusing.get(person.external_id, 0))


def _people(job: ContactImport, refusing: Iterable[str]) -> list[Contact]:
    """Who is on the list with one of these numbers or ids."""
    who = list(refusing)
    if not who:
        return []
    there = Contact.objects.filter(contact_list=job.contact_list_id).only(
        "phone", "external_id", "line", "contact_import_id", "changed_by"
    )
    with_id = there.filter(external_id__in=who).exclude(external_id="")
    return list({one.pk: one for each in (there.filter(phone__in=who), with_id) for one in each}.values())


def _leave(job: ContactImport, people: list[int]) -> None:
    if people:
        _skip(CampaignContact.objects.filter(contact__in=people))
        removing.remove(job.contact_list_id, people, REFUSED)


def _skip(rows: QuerySet[CampaignContact]) -> None:
    said: dict[str, Any] = {"reason_code": REFUSED_CODE, "reason": REFUSED, "changed_at": timezone.now()}
    advance(rows.filter(state__in=DUE_CONTACTS), CAMPAIGN_CONTACT, ContactState.SKIPPED, **said)
