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


def is_off(contact: CampaignContact) -> bool:
    """Whether a person whose row is locked is not to be called again."""
    return CampaignContact.objects.filter(left() | moved(), pk=contact.pk).exists()


def skip(rows: QuerySet[CampaignContact]) -> int:
    """Skip whoever of these (locked, and in a state that may be skipped) is not to be called again; how many."""
    return _skipped(rows.filter(left()), LEFT_CODE, LEFT_WHY) + _skipped(rows.filter(moved()), MOVED_CODE, MOVED_WHY)


def _skipped(rows: QuerySet[CampaignContact], code: str, why: str) -> int:
    said: dict[str, Any] = {"reason_code": code, "reason": why, "changed_at": timezone.now()}
    return advance(rows, CAMPAIGN_CONTACT, ContactState.SKIPPED, **said)
