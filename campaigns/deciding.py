"""What a person decides about somebody whose call counts as never dialled, and of whom Exotel spoke afterwards.

Nothing decides it by itself (see `campaigns.disproofs`): without a decision they stay uncertain for good.
"""

from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from campaigns import audit
from campaigns.audit import Actor
from campaigns.control import back_in_line, locked, somebody_may_be_called
from campaigns.disproofs import CODE
from campaigns.lifecycle import CAMPAIGN_CONTACT, AttemptState, ContactState, advance
from campaigns.models import CallAttempt, CampaignContact
from campaigns.refusals import NotAllowed

LEFT = "Exotel spoke of a call that counted as never dialled. Somebody decided not to call them again."


def is_asked(attempt: CallAttempt) -> bool:
    """Whether it is for a person to decide what becomes of whom this call was to reach."""
    contact = attempt.campaign_contact
    disputed = attempt.state == AttemptState.REFUSED and attempt.contradiction != ""
    return disputed and contact.state == ContactState.UNCERTAIN and contact.reason_code == CODE


def call_again(attempt_id: int, *, by: Actor) -> bool:
    """Put the person back in line, now; False if they have left their list meanwhile and are skipped instead.

    Raises NotAllowed where nobody is called any more, and while the disputed call may go on.
    """
    with transaction.atomic():
        attempt = CallAttempt.objects.get(pk=attempt_id)
        campaign = locked(attempt.campaign_id)
        somebody_may_be_called(campaign)
        person = _asked(attempt)
        if CallAttempt.objects.filter(campaign_contact=attempt.campaign_contact_id, slot_released_at=None).exists():
            raise NotAllowed("The call that Exotel spoke of may still go on: decide when it is over.")
        back = back_in_line(campaign, person, reason_code="", changed_at=timezone.now())
        audit.record(by, "call again", f"call:{attempt_id}", campaign=campaign.pk)
    return bool(back)


def leave(attempt_id: int, *, by: Actor) -> None:
    """Close the person: the disputed call stays as it is, and nobody calls them in this campaign again."""
    with transaction.atomic():
        attempt = CallAttempt.objects.get(pk=attempt_id)
        locked(attempt.campaign_id)
        said: dict[str, Any] = {"reason_code": CODE, "reason": LEFT, "changed_at": timezone.now()}
        advance(_asked(attempt), CAMPAIGN_CONTACT, ContactState.DONE, **said)
        audit.record(by, "not again", f"call:{attempt_id}", campaign=attempt.campaign_id)


def _asked(attempt: CallAttempt) -> QuerySet[CampaignContact]:
    """The person's row, locked; raises NotAllowed if nobody is to decide about them."""
    rows = CampaignContact.objects.filter(
        pk=attempt.campaign_contact_id, state=ContactState.UNCERTAIN, reason_code=CODE
    )
    if not list(rows.select_for_update(no_key=True).values_list("pk")):  # see off_list
        raise NotAllowed("That was decided already, or another source has settled it.")
    return rows
