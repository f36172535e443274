"""A small world for the pages: an account, people, a campaign, its calls."""

from datetime import timedelta
from typing import Any

from django.utils import timezone

from campaigns import control, creating, enrolling
from campaigns.audit import COMMAND_LINE
from campaigns.creating import CampaignPlan
from campaigns.lifecycle import AttemptState, ContactState, Outcome
from campaigns.models import (
    CallAttempt,
    CallerId,
    Campaign,
    CampaignContact,
    Contact,
    ContactList,
    EventSource,
    ExotelAccount,
    Pacer,
)

EVIL = "<img src=x onerror=alert(1)>{{7*7}}"


def account(**changes: Any) -> ExotelAccount:
    """A simulated account that may dial."""
    values = {
        "name": "Simulator",
        "kind": "simulator",
        "api_url": "http://127.0.0.1:1/",
        "account_sid": "demo1",
        "api_key": "key",
        "api_token": "token",
        **changes,
    }
    made = ExotelAccount.objects.create(**values)
    Pacer.objects.create(account=made)
    CallerId.objects.create(account=made, number="02000004410", is_default=True)
    return made


def people(count: int = 3, name: str = "Pune EMI") -> ContactList:
    """A list of Kavita 0, Kavita 1 …"""
    made = ContactList.objects.create(name=name, columns=["due"])
    Contact.objects.bulk_create(
        Contact(contact_list=made, phone=f"+9190000{place:05}", name=f"Kavita {place}", variables={"due": "4350"})
        for place in range(count)
    )
    return made


def draft(of: ExotelAccount, *lists: ContactList, **changes: Any) -> Campaign:
    """An echo campaign, all day, that can be launched."""
    values: dict[str, Any] = {
        "name": "November EMI reminder",
        "lists": lists,
        "account": of,
        "caller_id": "02000004410",
        "bot": "echo",
        **changes,
    }
    return creating.create(CampaignPlan(**values), by=COMMAND_LINE)


def launched(of: ExotelAccount, *lists: ContactList, **changes: Any) -> Campaign:
    """The same, launched and with everybody enrolled."""
    campaign = draft(of, *lists, **changes)
    control.launch(campaign.pk, by=COMMAND_LINE)
    while enrolling.enrol_chunk(campaign.pk):
        pass
    campaign.refresh_from_db()
    return campaign


def ended_call(to: CampaignContact, outcome: str = Outcome.ANSWERED, ordinal: int = 1, **changes: Any) -> CallAttempt:
    """A call that has ended, not saved yet."""
    began = timezone.now() - timedelta(seconds=60)
    values: dict[str, Any] = {
        "account": to.campaign.account,
        "account_kind": to.campaign.account.kind,
        "campaign": to.campaign,
        "campaign_contact": to,
        "ordinal": ordinal,
        "phone": to.phone,
        "caller_id": to.campaign.caller_id,
        "ring_timeout": 45,
        "time_limit": 300,
        "mode": to.campaign.mode,
        "state": AttemptState.ENDED,
        "outcome": outcome,
        "owner": 1,
        "intent_at": began,
        "placed_at": began + timedelta(seconds=1),
        "ended_at": began + timedelta(seconds=40),
        "slot_expires_at": began + timedelta(seconds=400),
        "slot_released_at": began + timedelta(seconds=40),
        "proof_at": began + timedelta(seconds=1900),
        "sid": f"sid-{to.pk}-{ordinal}",
        **changes,
    }
    return CallAttempt(**values)


def call(to: CampaignContact, outcome: str = Outcome.ANSWERED, ordinal: int = 1, **changes: Any) -> CallAttempt:
    """A call that has ended, and its person done."""
    made = ended_call(to, outcome, ordinal, **changes)
    made.save()
    CampaignContact.objects.filter(pk=to.pk).update(
        state=ContactState.DONE, tries=ordinal, last_outcome=made.outcome, reason="Answered."
    )
    return made


def talk(attempt: CallAttempt) -> None:
    """A stream with a prompt, a key and a result; a callback that came twice."""
    stream = attempt.streams.create(
        opened_at=attempt.intent_at, closed_at=attempt.ended_at, closed_by="bot", close_code=1000, seconds=30.5
    )
    said = (("prompt", "Hello Kavita."), ("barge_in", "cut by key"), ("key", "1"), ("disposition", "Confirmed"))
    for place, (kind, text) in enumerate(said):
        stream.entries.create(at=float(place), kind=kind, text=text, data={"kind": "goal"} if place == 3 else {})
    attempt.events.create(
        account=attempt.account,
        source=EventSource.CALLBACK,
        digest="d" * 64,
        said={"carrier_status": "completed"},
        fields={"Status": "completed", "CallSid": "s1"},
        copies=2,
    )


def first_of(campaign: Campaign) -> CampaignContact:
    return campaign.contacts.select_related("campaign__account").earliest("pk")
