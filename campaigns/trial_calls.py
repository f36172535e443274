"""One call to one number, now: through the same queue, pace, hours and do-not-call list as any other call."""

from django.db import transaction
from django.utils import timezone

from campaigns import control, creating
from campaigns.audit import Actor
from campaigns.creating import CampaignPlan
from campaigns.importing.phones import Rejected, normalise
from campaigns.models import Campaign, CampaignContact, ExotelAccount
from campaigns.refusals import NotAllowed


def place(number: str, bot: str, *, by: Actor, region: str = "IN", account: ExotelAccount | None = None) -> Campaign:
    """Launch a campaign of one person; returns it. Raises NotAllowed for a number that cannot be called."""
    phone = normalise(number, region)
    if isinstance(phone, Rejected):
        raise NotAllowed(f"“{number}” cannot be called: {phone.reason}")
    account = account or creating.default_account()
    plan = CampaignPlan(
        name=f"Test call {timezone.now():%d %b %H:%M:%S}",
        lists=(),
        account=account,
        caller_id=creating.default_caller_id(account),
        bot=bot,
        is_test=True,
    )
    with transaction.atomic():
        campaign = creating.create(plan, by=by)
        CampaignContact.objects.create(
            campaign=campaign, phone=phone.e164, name="Test", time_zone=phone.time_zone, prepared=False
        )
        Campaign.objects.filter(pk=campaign.pk).update(zones=[phone.time_zone])
        control.launch(campaign.pk, by=by)
    return campaign
