"""One call to one number, now: through the same queue, pace, hours and do-not-call list as any other call."""

import re
from collections.abc import Mapping
from dataclasses import replace

from django.db import transaction
from django.utils import timezone

from campaigns import control, creating
from campaigns.audit import Actor
from campaigns.creating import CampaignPlan
from campaigns.importing.phones import Phone, Rejected, normalise
from campaigns.models import Campaign, CampaignContact, Contact, ExotelAccount
from campaigns.refusals import NotAllowed

_COLUMN = re.compile(r"\{([^{}]+)\}")


def place(number: str, bot: str, *, by: Actor, region: str = "IN", account: ExotelAccount | None = None) -> Campaign:
    """Launch a campaign of one person; returns it. Raises NotAllowed for a number that cannot be called."""
    phone = _read(number, region)
    account = account or creating.default_account()
    caller_id = creating.default_caller_id(account)
    return _launch(CampaignPlan(name="", lists=(), account=account, caller_id=caller_id, bot=bot), phone, by)


def place_as(plan: CampaignPlan, number: str, *, by: Actor, region: str = "IN") -> Campaign:
    """The same with what a campaign says: its bot speaks to `number` as to the first person of its lists."""
    phone = _read(number, region)
    first = Contact.objects.filter(contact_list__in=plan.lists).order_by("contact_list", "pk").first()
    values = {"name": first.name} | first.variables if first else {}
    options = {name: _filled(text, values) for name, text in plan.bot_options.items()}
    return _launch(replace(plan, bot_options=options, stream_parameters=()), phone, by)


def _read(number: str, region: str) -> Phone:
    phone = normalise(number, region)
    if isinstance(phone, Rejected):
        raise NotAllowed(f"“{number}” cannot be called: {phone.reason}")
    return phone


def _filled(text: str, values: Mapping[str, object]) -> str:
    """Columns in braces replaced by their values; a word in braces that is no column stays."""
    return _COLUMN.sub(lambda found: str(values.get(found[1], found[0])), text)


def _launch(plan: CampaignPlan, phone: Phone, by: Actor) -> Campaign:
    name = f"Test call {timezone.now():%d %b %H:%M:%S}"
    plan = replace(plan, name=name, lists=(), retries=(), max_attempts=1, ends_at=None, is_test=True)
    with transaction.atomic():
        campaign = creating.create(plan, by=by)
        CampaignContact.objects.create(
            campaign=campaign, phone=phone.e164, name="Test", time_zone=phone.time_zone, prepared=False
        )
        Campaign.objects.filter(pk=campaign.pk).update(zones=[phone.time_zone])
        control.launch(campaign.pk, by=by)
    return campaign
