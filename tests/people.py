"""Small builders: an account with its pacer, a list, a campaign with its pace, people, attempts. Plain functions.

The account is a simulator's unless said otherwise, so no calling hours apply; it is fast and wide, so that nothing
waits for pace or slots unless the test sets them. Every builder takes the model's fields by keyword.
"""

import itertools
from collections.abc import Iterable
from datetime import datetime, time, timedelta
from typing import Any

from django.db.models import Max
from django.utils import timezone

from campaigns.lifecycle import AttemptState, CampaignStatus, ContactState
from campaigns.models import (
    Breaker,
    CallAttempt,
    Campaign,
    CampaignContact,
    CampaignList,
    CampaignPace,
    Contact,
    ContactList,
    ExotelAccount,
    Mode,
    Pacer,
)

NOBODY = 2_000_000_000  # a dial loop's number whose lock nobody holds
CALLER_ID = "08047491899"  # one of the simulator's ExoPhones
FLOW = "http://my.exotel.com/simulated/exoml/start_voice/1"
ALL_DAY: dict[str, Any] = {"window_start": time(0), "window_end": time(0)}

_numbers = itertools.count(1)


def phone(fate: int = 1) -> str:
    """A number of the simulator that nobody had yet, with a known fate (docs/simulator.md; 1 answers, presses 1)."""
    return f"+9190000{fate:02d}{next(_numbers) % 1000:03d}"


def account(**fields: Any) -> ExotelAccount:
    """An account with its pacer: 60,000 requests a minute and 500 slots unless said otherwise."""
    made = ExotelAccount.objects.create(
        **{
            "name": f"Account {next(_numbers)}",
            "kind": "simulator",
            "api_url": "http://127.0.0.1:9",  # nobody listens
            "account_sid": "simulated",
            "api_key": "simulator",
            "api_token": "simulator",
            "calls_per_minute": 60_000,
            "max_concurrent": 500,
        }
        | fields
    )
    Pacer.objects.create(account=made)
    return made


def pacer(of: ExotelAccount) -> Pacer:
    """The account's pacer as it stands now."""
    return Pacer.objects.get(account=of)


def rest(*campaigns: Campaign) -> None:
    """Let time pass: the paces of the campaigns and their accounts have a turn again."""
    long_ago = timezone.now() - timedelta(seconds=60)
    CampaignPace.objects.filter(campaign__in=campaigns).update(next_dial_at=long_ago)
    Pacer.objects.filter(account__campaigns__in=campaigns).update(next_dial_at=long_ago)


def proven(*campaigns: Campaign) -> None:
    """Exotel has taken calls of these campaigns, and they went well: nothing is on trial any more."""
    CampaignPace.objects.filter(campaign__in=campaigns).update(accepted=3)
    Breaker.objects.filter(campaign__in=campaigns).update(trial=False)


def contact_list(people: int | Iterable[str] = 1, **fields: Any) -> ContactList:
    """A list with that many people, or with these numbers."""
    made = ContactList.objects.create(**{"name": f"List {next(_numbers)}"} | fields)
    Contact.objects.bulk_create(
        Contact(contact_list=made, phone=number, name=f"Person {place}")
        for place, number in enumerate(_phones(people), 1)
    )
    return made


def campaign(of: ExotelAccount | None = None, *, lists: Iterable[ContactList] = (), **fields: Any) -> Campaign:
    """A running campaign of `of` in flow mode (no bot, nothing to prepare), all day, enrolled, 1,000 calls a second.

    With `lists` its enrolment is still to be done.
    """
    lists = list(lists)
    now = timezone.now()
    made = Campaign.objects.create(
        **{
            "name": f"Campaign {next(_numbers)}",
            "account": of or account(),
            "status": CampaignStatus.RUNNING,
            "generation": 1,
            "mode": Mode.FLOW,
            "flow_url": FLOW,
            "caller_id": CALLER_ID,
            "calls_per_second": 999,
            "max_concurrent": 500,
            "launched_at": now,
            "enrolled_at": None if lists else now,
            "zones": [""],
        }
        | ALL_DAY
        | fields
    )
    CampaignPace.objects.create(campaign=made)
    CampaignList.objects.bulk_create(CampaignList(campaign=made, contact_list=one) for one in lists)
    return made


def contacts(of: Campaign, people: int | Iterable[str] = 1, **fields: Any) -> list[CampaignContact]:
    """People in the queue of a campaign, pending and due in this order."""
    first = timezone.now() - timedelta(seconds=60)
    return CampaignContact.objects.bulk_create(
        CampaignContact(
            **{
                "campaign": of,
                "phone": number,
                "name": f"Person {place}",
                "due_at": first + timedelta(milliseconds=place),
            }
            | fields
        )
        for place, number in enumerate(_phones(people))
    )


def contact(of: Campaign, **fields: Any) -> CampaignContact:
    """One person in the queue of a campaign."""
    return contacts(of, 1, **fields)[0]


def attempt(of: CampaignContact, state: str = AttemptState.DIALING, **fields: Any) -> CallAttempt:
    """An attempt to reach a person, as the dial loop writes it; the person is in call (or uncertain) while it is open.

    Written by a loop that is dead (NOBODY) unless `owner` says otherwise.
    """
    campaign, now = of.campaign, timezone.now()
    last = of.attempts.aggregate(last=Max("ordinal"))["last"] or 0
    made = CallAttempt.objects.create(
        **{
            "account": campaign.account,
            "account_kind": campaign.account.kind,
            "campaign": campaign,
            "campaign_contact": of,
            "ordinal": last + 1,
            "generation": campaign.generation,
            "phone": of.phone,
            "caller_id": campaign.caller_id,
            "ring_timeout": campaign.ring_timeout,
            "time_limit": campaign.time_limit,
            "mode": campaign.mode,
            "state": state,
            "owner": NOBODY,
            "intent_at": now,
            "slot_expires_at": now + timedelta(seconds=campaign.ring_timeout + campaign.time_limit + 10),
            "proof_at": now + timedelta(seconds=campaign.ring_timeout + campaign.time_limit + 1510),
        }
        | fields
    )
    _move(of, state, now)
    return made


def _move(of: CampaignContact, state: str, now: datetime) -> None:
    """What the intent does to the person, and what *unknown* does."""
    states = {
        AttemptState.UNKNOWN: ContactState.UNCERTAIN,
        AttemptState.ENDED: of.state,
        AttemptState.REFUSED: of.state,
    }
    of.state = states.get(AttemptState(state), ContactState.IN_CALL)
    of.tries += 0 if state == AttemptState.REFUSED else 1
    of.changed_at = now
    of.save()


def _phones(people: int | Iterable[str]) -> list[str]:
    return [phone() for _ in range(people)] if isinstance(people, int) else list(people)
