"""The account that the environment describes (EXOTEL_…), kept in step with it at each start."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from django.db import transaction

from campaigns.exotel.payloads import is_loopback
from campaigns.models import AccountKind, CallerId, ExotelAccount, Pacer

REGIONS: Mapping[str, str] = {
    "in": "https://api.in.exotel.com",  # Mumbai
    "mumbai": "https://api.in.exotel.com",
    "sg": "https://api.exotel.com",  # Singapore
    "singapore": "https://api.exotel.com",
}
FIRST_PACE = 60  # requests a minute of a real account until somebody says otherwise
SIMULATED_PACE = 200  # Exotel's documented limit, which the simulator keeps
SIMULATED_SLOTS = 200
FIRST_SLOTS = 30


class UnknownRegion(Exception):
    """EXOTEL_REGION is none that Exotel has."""


def from_environment(given: Mapping[str, Any]) -> ExotelAccount | None:
    """Create or update the account of settings.EXOTEL; None if the environment names none. Raises UnknownRegion.

    Another account SID, or Exotel after the simulator, is another account: what was made for the one never dials
    through the other. New campaigns go through the one that the environment names now.
    """
    sid = str(given["account_sid"])
    if not sid:
        return None
    api_url = address(str(given["api_url"]), str(given["region"]))
    simulated = is_loopback(urlsplit(api_url).hostname or "")
    fields = {
        "kind": AccountKind.SIMULATOR if simulated else AccountKind.EXOTEL,
        "from_environment": True,
        "api_url": api_url,
        "account_sid": sid,
        "api_key": str(given["api_key"]),
        "api_token": str(given["api_token"]),
        "calls_per_minute": int(given["calls_per_minute"]) or (SIMULATED_PACE if simulated else FIRST_PACE),
        "max_concurrent": int(given["max_concurrent"]) or (SIMULATED_SLOTS if simulated else FIRST_SLOTS),
    }
    with transaction.atomic():
        name = "Simulator" if simulated else f"Exotel {sid}"[:100]
        account, _ = ExotelAccount.objects.update_or_create(name=name, defaults=fields)
        ExotelAccount.objects.exclude(pk=account.pk).filter(from_environment=True).update(from_environment=False)
        Pacer.objects.get_or_create(account=account)
        _set_caller_id(account, str(given["caller_id"]))
    return account


def address(api_url: str, region: str) -> str:
    """The REST address: the given one, else the region's. Raises UnknownRegion."""
    if api_url:
        return api_url.rstrip("/")
    try:
        return REGIONS[region.strip().lower()]
    except KeyError:
        raise UnknownRegion(f"EXOTEL_REGION: “{region}” is none of {', '.join(REGIONS)}.") from None


def _set_caller_id(account: ExotelAccount, number: str) -> None:
    if not number:
        return
    account.caller_ids.exclude(number=number).update(is_default=False)
    CallerId.objects.update_or_create(account=account, number=number, defaults={"is_default": True})
