"""Evidence of a call that counts as never dialled: refused by Exotel, not sent, or proved absent from its call list.

Whichever of the two is wrong, the person may have been rung, so nobody dials them by itself any more. The attempt
stays what it is, with the contradiction beside it: nothing is thrown away, and a person decides.
"""

from typing import Any

from django.db.models import QuerySet, Value
from django.db.models.functions import Coalesce

from campaigns import pacing
from campaigns.lifecycle import DISPROVEN, ContactState, advance
from campaigns.models import CallAttempt, CampaignContact, EventSource

CODE = "contradicted"
WHY = "Their call counted as never dialled, and then Exotel spoke of it. Never dialled again by itself."
NOT_PLACED = "not-placed"  # the attempt's reason when the call list did not have it


def spoken_of(attempt: CallAttempt, told: str, *, over: bool) -> str:
    """Stop the person, let a call that goes on hold its slot, and say what contradicts what.

    `attempt` is refused and locked; `told` is what was said of it ("it ended as busy"). A slot that is taken again is
    freed by the call's end, or at the time at which the call must be over.
    """
    person = CampaignContact.objects.filter(pk=attempt.campaign_contact_id)
    _stop(person)
    now = pacing.db_now()
    rows = CallAttempt.objects.filter(pk=attempt.pk, slot_expires_at__gt=now)
    if over:
        rows.update(slot_released_at=Coalesce("slot_released_at", Value(now)), slot_evidence=EventSource.CALLBACK)
    else:  # once: words about a call come in any order, after its end, too
        rows.filter(slot_evidence=attempt.reason_code).update(slot_released_at=None, slot_evidence="")
    if attempt.reason_code == NOT_PLACED:
        return f"Exotel's call list did not have this call, and then Exotel said that {told}"
    return f"this call was refused or never sent, and then Exotel said that {told}"


def _stop(person: QuerySet[CampaignContact]) -> None:
    """Who is in line waits for somebody's decision; who may be put back in line by a click may not any more."""
    said: dict[str, Any] = {"reason_code": CODE, "reason": WHY, "changed_at": pacing.db_now()}
    if not advance(person, DISPROVEN, ContactState.UNCERTAIN, **said):
        person.filter(state=ContactState.UNCERTAIN, reason_code=NOT_PLACED).update(**said)
