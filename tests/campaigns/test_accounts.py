"""The account of the environment: kept in step at each start, and never turned from simulated into real."""

from collections.abc import Mapping, Sequence

import pytest
from django.db import transaction
from django.utils import timezone

from campaigns import accounts, holds, pacing
from campaigns.accounts import BadSetting, UnknownRegion
from campaigns.audit import COMMAND_LINE
from campaigns.holds import Hold
from campaigns.models import AuditEntry, CallerId, ExotelAccount, Pacer
from campaigns.refusals import NotAllowed

pytestmark = pytest.mark.django_db
SIMULATOR: Mapping[str, object] = {
    "api_url": "http://127.0.0.1:8001/",
    "region": "in",
    "account_sid": "simulated",
    "api_key": "simulator",
    "api_token": "token",
    "caller_id": "08047491899",
    "calls_per_minute": 0,
    "max_concurrent": 0,
}
REAL: Mapping[str, object] = {**SIMULATOR, "api_url": "", "account_sid": "acme1", "caller_id": "08040000000"}


def made(given: Mapping[str, object], **changes: object) -> ExotelAccount:
    account = accounts.from_environment({**given, **changes})
    assert account is not None
    return ExotelAccount.objects.get(pk=account.pk)


def test_without_an_account_sid_there_is_none() -> None:
    assert accounts.from_environment({**SIMULATOR, "account_sid": ""}) is None
    assert not ExotelAccount.objects.exists()


@pytest.mark.parametrize(
    "address",
    ["http://127.0.0.1:8001", "http://localhost:9", "http://[::1]:8001", "http://127.9.9.9", "https://sim.localhost"],
)
def test_an_account_on_loopback_is_a_simulators(address: str) -> None:
    account = made(SIMULATOR, api_url=address)
    assert (account.kind, account.name, account.calls_per_minute) == ("simulator", "Simulator", 200)


@pytest.mark.parametrize("address", ["https://api.in.exotel.com", "https://127.0.0.1.example.in", "https://10.0.0.1"])
def test_any_other_is_a_real_one_and_starts_slowly(address: str) -> None:
    account = made(REAL, api_url=address)
    assert (account.kind, account.name) == ("exotel", "Exotel acme1")
    assert (account.calls_per_minute, account.max_concurrent) == (60, 30)


@pytest.mark.parametrize(
    ("region", "address"),
    [
        ("in", "https://api.in.exotel.com"),
        (" Mumbai ", "https://api.in.exotel.com"),
        ("sg", "https://api.exotel.com"),
        ("SINGAPORE", "https://api.exotel.com"),
    ],
)
def test_the_region_gives_the_address(region: str, address: str) -> None:
    assert made(REAL, region=region).api_url == address


def test_a_given_address_wins_over_the_region() -> None:
    assert made(REAL, api_url="https://exotel.example.in/", region="atlantis").api_url == "https://exotel.example.in"


def test_a_region_that_exotel_does_not_have_is_named() -> None:
    with pytest.raises(UnknownRegion, match="EXOTEL_REGION: “atlantis” is none of in, mumbai, sg, singapore"):
        accounts.from_environment({**REAL, "region": "atlantis"})
    assert not ExotelAccount.objects.exists()


def test_a_caller_id_that_is_no_number_is_named() -> None:
    with pytest.raises(BadSetting, match="EXOTEL_CALLER_ID is not a phone number"):
        made(REAL, caller_id="hello")
    assert not ExotelAccount.objects.exists()


def test_a_second_start_changes_nothing() -> None:
    first = made(REAL)
    assert made(REAL) == first
    assert (ExotelAccount.objects.count(), Pacer.objects.count(), CallerId.objects.count()) == (1, 1, 1)


def test_new_credentials_and_limits_are_taken_over() -> None:
    first = made(REAL)
    second = made(REAL, api_key="k2", api_token="t2", region="sg", calls_per_minute=120, max_concurrent=9)
    assert second.pk == first.pk
    assert (second.api_key, second.api_token, second.api_url) == ("k2", "t2", "https://api.exotel.com")
    assert (second.calls_per_minute, second.max_concurrent) == (120, 9)


@pytest.mark.parametrize(("changes", "left"), [({}, "unauthorised"), ({"api_token": "t2"}, ""), ({"region": "sg"}, "")])
def test_a_mended_key_or_address_lifts_the_hold_at_the_next_start(changes: Mapping[str, object], left: str) -> None:
    account = made(REAL)
    with transaction.atomic():
        hold = Hold("unauthorised", "Exotel does not accept the API key.", probes=False)
        holds.put(pacing.lock(account.pk), hold, timezone.now())
    made(REAL, **changes)
    assert Pacer.objects.get().held_code == left


def test_credentials_are_not_readable_in_the_table() -> None:
    from django.db import connection

    made(REAL, api_token="a very secret token")
    with connection.cursor() as cursor:
        cursor.execute("SELECT api_key || api_token FROM campaigns_exotelaccount")
        assert "secret" not in cursor.fetchone()[0]


def test_exotel_after_the_simulator_is_another_account() -> None:
    """A simulated campaign that is still running must not begin to ring real phones."""
    simulated, real = made(SIMULATOR), made(REAL)
    simulated.refresh_from_db()
    assert simulated.pk != real.pk
    assert (simulated.kind, simulated.api_url) == ("simulator", "http://127.0.0.1:8001")
    assert [one.pk for one in ExotelAccount.objects.filter(from_environment=True)] == [real.pk]
    assert made(SIMULATOR, api_url="http://127.0.0.1:9999").pk == simulated.pk
    assert [one.pk for one in ExotelAccount.objects.filter(from_environment=True)] == [simulated.pk]


def test_another_account_sid_is_another_account() -> None:
    assert made(REAL).pk != made(REAL, account_sid="acme2").pk


def test_the_caller_id_of_the_environment_is_the_default_and_the_others_stay() -> None:
    account = made(REAL)
    made(REAL, caller_id="08041111111")
    made(REAL, caller_id="")
    rows = account.caller_ids.order_by("number").values_list("number", "is_default")
    assert list(rows) == [("08040000000", False), ("08041111111", True)]


# -------------------------------------------------------------------------------------------------------------- edit
CHANGES: Mapping[str, object] = {"name": "Acme, Mumbai", "calls_per_minute": 90, "daily_cap": 2}


def edited(account: ExotelAccount, caller_ids: Sequence[str] = ("08040000000",), **changes: object) -> list[str]:
    return accounts.edit(account.pk, {**CHANGES, **changes}, caller_ids, by=COMMAND_LINE)


def test_what_people_changed_survives_the_next_start_under_another_name() -> None:
    account = made(REAL)
    assert edited(account) == ["name", "calls_per_minute", "daily_cap"]
    again = made(REAL)
    assert (again.pk, again.name, again.calls_per_minute, again.daily_cap) == (account.pk, "Acme, Mumbai", 90, 2)


def test_what_the_environment_says_wins_at_the_next_start() -> None:
    edited(made(REAL))
    assert made(REAL, calls_per_minute=120).calls_per_minute == 120


def test_a_name_in_use_is_refused_and_changes_nothing() -> None:
    account = made(REAL)
    made(SIMULATOR)
    with pytest.raises(NotAllowed, match="Another account has this name"):
        edited(account, name="Simulator")
    account.refresh_from_db()
    assert account.calls_per_minute == 60


def test_a_new_account_finds_its_name_taken_and_takes_one_beside_it() -> None:
    edited(made(REAL), name="Simulator")
    assert made(SIMULATOR).name == "Simulator, 2"


def test_the_first_caller_id_is_the_usual_one_and_the_change_is_audited() -> None:
    account = made(REAL)
    edited(account, ["08042222222", "08040000000"])
    rows = account.caller_ids.order_by("pk").values_list("number", "is_default")
    assert list(rows) == [("08042222222", True), ("08040000000", False)]
    entry = AuditEntry.objects.get(action="edit account")
    assert entry.details["calls_per_minute"] == "60 → 90"
