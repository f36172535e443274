"""Plans of campaigns that can be launched; a test spoils one thing."""

from dataclasses import replace
from typing import Any

from campaigns import creating
from campaigns.audit import COMMAND_LINE
from campaigns.creating import CampaignPlan
from campaigns.models import Campaign, ExotelAccount
from tests import people

REAL_URL = "https://api.in.exotel.com"


def real(**fields: Any) -> ExotelAccount:
    """An account at Exotel itself. Nothing here ever dials through it."""
    return people.account(kind="exotel", api_url=REAL_URL, **fields)


def plan(of: ExotelAccount | None = None, **changes: Any) -> CampaignPlan:
    """An echo campaign to one person."""
    account = of or people.account()
    lists = (people.contact_list(1),) if "lists" not in changes else ()
    made = CampaignPlan("Reminder", lists, account, people.CALLER_ID, bot="echo")
    return replace(made, **changes)


def draft(of: ExotelAccount | None = None, **changes: Any) -> Campaign:
    return creating.create(plan(of, **changes), by=COMMAND_LINE)
