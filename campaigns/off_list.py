"""Who is not called any more because their list has changed: they were taken off it, or it has another number for them.

Asked by everybody who would put a person back in line, in a statement after the one that has locked the person's row:
whoever changes a list locks its people's rows too, so that one of the two sees what the other did.
"""

from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from campaigns.lifecycle import CAMPAIGN_CONTACT, ContactState, advance
from campaigns.models import CampaignContact, Contact

LEFT_CODE = "undone"
LEFT_WHY = "Their import was undone, or a file that replaced the list does not have them."
MOVED_CODE = "new-number"
MOVED_WHY = "A later file gives them another number than the one in this line."
REFUSED_CODE = "no_consent"
REFUSED = "A later file says that they do not want to be called."


def left() -> Exists:
    """A condition on campaign contacts: taken off their list (Contact.kept)."""
    return Exists(Contact.objects.filter(pk=OuterRef("contact_id"), kept=True))


def moved() -> Exists:
    """A condition on campaign contacts: their list has another number for them than the line."""
    return Exists(Contact.objects.filter(Q(pk=OuterRef("contact_id")) & ~Q(phone=OuterRef("phone"))))


def refused() -> Exists:
    """A condition on campaign contacts: a file of another list of the campaign said that they refuse."""
    said_no = Contact.objects.filter(kept=True, flag=REFUSED, phone=OuterRef("phone"))
    return Exists(said_no.filter(contact_list__campaigns=OuterRef("campaign_id")))


def is_off(contact: CampaignContact) -> bool:
    """Whether a person whose row is locked is not to be called again."""
    return CampaignContact.objects.filter(left() | moved() | refused(), pk=contact.pk).exists()


def skip(rows: QuerySet[CampaignContact]) -> int:
    """Skip whoever of these (locked, and in a state that may be skipped) is not to be called again; how many."""
    whys = ((left(), LEFT_CODE, LEFT_WHY), (moved(), MOVED_CODE, MOVED_WHY), (refused(), REFUSED_CODE, REFUSED))
    return sum(_skipped(rows.filter(which), code, why) for which, code, why in whys)


def _skipped(rows: QuerySet[CampaignContact], code: str, why: str) -> int:
    said: dict[str, Any] = {"reason_code": code, "reason": why, "changed_at": timezone.now()}
    return advance(rows, CAMPAIGN_CONTACT, ContactState.SKIPPED, **said)
