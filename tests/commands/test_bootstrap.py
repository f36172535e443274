"""bootstrap: a first user, and the account of the environment, however often it is called."""

from django.conf import settings
from django.test import override_settings

from campaigns.models import ExotelAccount, User
from tests.commands.conftest import Manage

SIMULATOR = {
    "EXOTEL_API_URL": "http://127.0.0.1:8001",
    "EXOTEL_ACCOUNT_SID": "simulated",
    "EXOTEL_API_KEY": "simulator",
    "EXOTEL_API_TOKEN": "simulator",
    "EXOTEL_CALLER_ID": "08047491899",
}


def test_the_first_start_makes_a_user_who_can_sign_in_and_the_second_does_not(manage: Manage) -> None:
    first = manage("bootstrap", "--json", **SIMULATOR).answer
    assert (first["username"], first["account"]) == ("operator", "Simulator")
    user = User.objects.get()
    assert user.check_password(first["password"])
    assert len(first["password"]) >= 12

    again = manage("bootstrap", "--json", **SIMULATOR, EXOTEL_CALLS_PER_MINUTE="90").answer
    assert again == {"username": "operator", "password": None, "account": "Simulator"}
    assert User.objects.count() == 1
    account = ExotelAccount.objects.get()
    assert (account.kind, account.calls_per_minute) == ("simulator", 90)
    assert list(account.caller_ids.values_list("number", flat=True)) == ["08047491899"]


def test_without_an_account_it_makes_the_user_only(here: Manage) -> None:
    assert here("bootstrap", "--json").answer["account"] is None
    assert not ExotelAccount.objects.exists()
    assert User.objects.count() == 1


def test_a_region_that_exotel_does_not_have_stops_the_start(here: Manage) -> None:
    with override_settings(EXOTEL={**settings.EXOTEL, "account_sid": "acme1", "region": "atlantis"}):
        told = here("bootstrap").refusal
    assert told == "EXOTEL_REGION: “atlantis” is none of in, mumbai, sg, singapore."
    assert not User.objects.exists()


def test_an_api_address_that_is_none_stops_the_start_with_its_name(manage: Manage) -> None:
    told = manage("bootstrap", EXOTEL_ACCOUNT_SID="acme1", EXOTEL_API_URL="api.in.exotel.com").refusal
    assert told.startswith("EXOTEL_API_URL is not an address")
