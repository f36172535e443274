"""The account that the environment describes (EXOTEL_…), kept in step with it at each start."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from django.db import transaction

from campaigns import audit, holds, pacing
from campaigns.audit import DIALER, Actor
from campaigns.exotel.payloads import is_caller_id, is_loopback
from campaigns.models import AccountKind, CallerId, ExotelAccount, Pacer
from campaigns.refusals import NotAllowed

REGIONS: Mapping[str, str] = {
    "in": "https://api.in.exotel.com",  # Mumbai
    "mumbai": "https://api.in.exotel.com",
    "sg": "https://api.exotel.com",  # Singapore
    "singapore": "https://api.exotel.com",
}
FIRST_PACE = 60  # requests a minute of a real account until somebody says otherwise
SIMULATED_PACE = 200  # Exotel's documented limit, which the simulator keeps
SIMULATED_SLOTS = 100  # as many channels and streams as the simulator has
FIRST_SLOTS = 30
REACHED_BY = ("api_url", "account_sid", "api_key", "api_token")  # what a hold after 401, 403 or 404 may be about


class BadSetting(Exception):
    """A variable of the environment that cannot be right; the words name it."""


class UnknownRegion(BadSetting):
    """EXOTEL_REGION is none that Exotel has."""


def from_environment(given: Mapping[str, Any]) -> ExotelAccount | None:
    """Create or update the account of settings.EXOTEL; None if the environment names none. Raises BadSetting.

    Another account SID, or Exotel after the simulator, is another account: what was made for the one never dials
    through the other. New campaigns go through the one that the environment names now.
    """
    sid = str(given["account_sid"])
    if not sid:
        return None
    if given["caller_id"] and not is_caller_id(str(given["caller_id"])):
        raise BadSetting("EXOTEL_CALLER_ID is not a phone number; it is one of the account's ExoPhones.")
    api_url = address(str(given["api_url"]), str(given["region"]))
    simulated = is_loopback(urlsplit(api_url).hostname or "")
    fields = {
        "kind": AccountKind.SIMULATOR if simulated else AccountKind.EXOTEL,
        "from_environment": True,
        "api_url": api_url,
        "account_sid": sid,
        "api_key": str(given["api_key"]),
        "api_token": str(given["api_token"]),
    }
    with transaction.atomic():
        account, mended = _kept(fields, _limits(given, simulated=simulated))
        ExotelAccount.objects.exclude(pk=account.pk).filter(from_environment=True).update(from_environment=False)
        Pacer.objects.get_or_create(account=account)
        _set_caller_id(account, str(given["caller_id"]))
    if mended:
        with transaction.atomic():
            holds.lift_settled(pacing.lock(account.pk), DIALER)
    return account


@dataclass(frozen=True)
class Limits:
    """What the environment says, where it says something, and what an account has as long as nobody said more."""

    said: Mapping[str, int]
    first: Mapping[str, int]


def _limits(given: Mapping[str, Any], *, simulated: bool) -> Limits:
    first = {
        "calls_per_minute": SIMULATED_PACE if simulated else FIRST_PACE,
        "max_concurrent": SIMULATED_SLOTS if simulated else FIRST_SLOTS,
    }
    return Limits({name: int(given[name]) for name in first if int(given[name])}, first)


def _kept(fields: Mapping[str, Any], limits: Limits) -> tuple[ExotelAccount, bool]:
    """The account, made or brought up to date; what people changed on its page stays, unless the environment says so.

    True beside it: the key or the address is another than before. A simulator is one account whatever its SID; a real
    one is known by its SID, not by its name.
    """
    same = ExotelAccount.objects.filter(kind=fields["kind"])
    if fields["kind"] == AccountKind.EXOTEL:
        same = same.filter(account_sid=fields["account_sid"])
    account = same.select_for_update().order_by("pk").first()
    if account is None:
        name = "Simulator" if fields["kind"] == AccountKind.SIMULATOR else f"Exotel {fields['account_sid']}"[:100]
        return ExotelAccount.objects.create(name=_free(name), **{**fields, **limits.first, **limits.said}), False
    mended = any(getattr(account, field) != fields[field] for field in REACHED_BY)
    for field, value in {**fields, **limits.said}.items():
        setattr(account, field, value)
    account.save(update_fields=[*fields, *limits.said])
    return account, mended


def _free(name: str) -> str:
    """The name, or one beside it if another account was given it."""
    taken = ExotelAccount.objects.filter(name__startswith=name[:90]).count()
    return f"{name[:90]}, {taken + 1}" if ExotelAccount.objects.filter(name=name).exists() else name


def edit(account_id: int, changes: Mapping[str, Any], caller_ids: Sequence[str], *, by: Actor) -> list[str]:
    """Change an account's own numbers and its ExoPhones (the first is the usual one); returns the fields changed.

    Under the pacer's lock, as intents are: limits count from the next call on. Raises NotAllowed for a name in use.
    """
    with transaction.atomic():
        pacing.lock(account_id)
        account = ExotelAccount.objects.select_for_update().get(pk=account_id)
        if ExotelAccount.objects.exclude(pk=account_id).filter(name=changes["name"]).exists():
            raise NotAllowed("Another account has this name. Choose another.")
        before = {name: getattr(account, name) for name in changes}
        for name, value in changes.items():
            setattr(account, name, value)
        account.save(update_fields=list(changes))
        changed = [name for name in changes if changes[name] != before[name]]
        changed += ["caller_ids"] if _set_caller_ids(account, caller_ids) else []
        details = {name: f"{before[name]} → {changes[name]}" for name in changed if name in before}
        audit.record(by, "edit account", f"account:{account_id}", **details, caller_ids=list(caller_ids))
    return changed


def _set_caller_ids(account: ExotelAccount, numbers: Sequence[str]) -> bool:
    wanted = list(dict.fromkeys(numbers))
    now = list(account.caller_ids.order_by("-is_default", "pk").values_list("number", flat=True))
    if now == wanted:
        return False
    account.caller_ids.all().delete()
    CallerId.objects.bulk_create(
        CallerId(account=account, number=number, is_default=not place) for place, number in enumerate(wanted)
    )
    return True


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
