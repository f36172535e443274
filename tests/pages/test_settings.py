"""The account's page and the doctor: what is told, what is changed, what is asked of Exotel."""

from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from django.test import Client, override_settings
from django.utils import timezone

from campaigns import heartbeat
from campaigns.models import AuditEntry, Campaign, ExotelAccount, Pacer
from tests.pages import world


class Exotel(BaseHTTPRequestHandler):
    """Answers every question with the status that the server was given."""

    server: "Answering"

    def do_GET(self) -> None:
        body = b'{"Calls": []}' if self.server.status == 200 else b'{"RestException": {"Message": "no"}}'
        self.send_response(self.server.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        """Nothing."""


class Answering(ThreadingHTTPServer):
    status = 200


@pytest.fixture
def exotel() -> Iterator[Answering]:
    with Answering(("127.0.0.1", 0), Exotel) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def account(db: None) -> ExotelAccount:
    return world.account()


def _at(account: ExotelAccount, server: Answering) -> None:
    account.api_url = f"http://127.0.0.1:{server.server_address[1]}"
    account.save()


# -------------------------------------------------------------------------------------------------------- connection
@pytest.mark.parametrize(
    ("status", "words"),
    [
        (200, "Key and token accepted"),
        (401, "Check EXOTEL_API_KEY and EXOTEL_API_TOKEN"),
        (402, "out of credit"),
        (403, "Settle it with Exotel"),
        (404, "Check EXOTEL_ACCOUNT_SID"),
        (429, "Too many requests"),
    ],
)
def test_the_connection_is_tested_in_words(
    client_of_meera: Client, account: ExotelAccount, exotel: Answering, status: int, words: str
) -> None:
    _at(account, exotel)
    exotel.status = status
    address = f"/settings/accounts/{account.pk}/test"
    fragment = client_of_meera.post(address, headers={"HX-Request": "true"}).content.decode()
    assert words in fragment
    assert "<html" not in fragment
    assert words in client_of_meera.post(address, follow=True).content.decode()


def test_nobody_there_is_told_with_its_mend(client_of_meera: Client, account: ExotelAccount) -> None:
    page = client_of_meera.post(f"/settings/accounts/{account.pk}/test", follow=True).content.decode()
    assert "Check EXOTEL_REGION or EXOTEL_API_URL" in page


# -------------------------------------------------------------------------------------------------------------- edit
GOOD = {
    "name": "Mumbai",
    "calls_per_minute": "120",
    "max_concurrent": "40",
    "daily_cap": "3",
    "caller_ids": "080 4111 1111\n02000004410",
    "time_zone": "Asia/Kolkata",
    "spelling": "documented",
}


def test_the_accounts_numbers_are_changed_and_audited(client_of_ravi: Client, account: ExotelAccount) -> None:
    assert client_of_ravi.post(f"/settings/accounts/{account.pk}/", GOOD).status_code == 302
    account.refresh_from_db()
    assert (account.name, account.calls_per_minute, account.max_concurrent) == ("Mumbai", 120, 40)
    assert (account.daily_cap, account.spelling) == (3, "documented")
    numbers = account.caller_ids.order_by("pk").values_list("number", "is_default")
    assert list(numbers) == [("08041111111", True), ("02000004410", False)]
    assert AuditEntry.objects.get(action="edit account").actor_name == "Ravi"


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("calls_per_minute", "0", "from 1 to 6000"),
        ("caller_ids", "abc", "Not a phone number: abc."),
        ("time_zone", "Asia/Poona", "is no time zone"),
        ("name", "", "Give the account a name."),
    ],
)
def test_a_wrong_number_names_its_mend(
    client_of_ravi: Client, account: ExotelAccount, field: str, value: str, words: str
) -> None:
    response = client_of_ravi.post(f"/settings/accounts/{account.pk}/", GOOD | {field: value})
    assert (response.status_code, words in response.content.decode()) == (400, True)
    account.refresh_from_db()
    assert account.name == "Simulator"


def test_no_credential_stands_on_any_page_of_the_settings(client_of_ravi: Client, account: ExotelAccount) -> None:
    ExotelAccount.objects.update(api_url="http://127.0.0.1:1")
    account.api_key, account.api_token = "visible-key", "visible-token"
    account.save()
    for page in ("", "doctor", "users", "audit", f"accounts/{account.pk}/"):
        text = client_of_ravi.get(f"/settings/{page}").content.decode()
        assert "visible-key" not in text
        assert "visible-token" not in text


def test_who_does_not_manage_accounts_may_not_change_one(client_of_meera: Client, account: ExotelAccount) -> None:
    assert client_of_meera.post(f"/settings/accounts/{account.pk}/", GOOD).status_code == 403


# ------------------------------------------------------------------------------------------------------------- trial
def test_my_phone_is_called_and_the_page_follows_it(client_of_meera: Client, account: ExotelAccount) -> None:
    placed = client_of_meera.post(
        f"/settings/accounts/{account.pk}/call-my-phone", {"number": "90000 00012", "bot": "echo"}
    )
    campaign = Campaign.objects.get(is_test=True)
    assert placed["Location"] == f"/settings/trial-calls/{campaign.pk}"
    page = client_of_meera.get(placed["Location"]).content.decode()
    assert "Waiting for its turn" in page
    assert "9000000012" not in page
    world.call(world.first_of(campaign), talk_seconds=12)
    Campaign.objects.update(status="completed", ended_at=timezone.now())
    fragment = client_of_meera.get(placed["Location"], headers={"HX-Request": "true"})
    assert fragment.status_code == 286
    assert "Answered." in fragment.content.decode()
    assert AuditEntry.objects.filter(action="trial call").count() == 1


def test_a_number_that_cannot_be_called_is_refused_in_words(client_of_meera: Client, account: ExotelAccount) -> None:
    response = client_of_meera.post(f"/settings/accounts/{account.pk}/call-my-phone", {"number": "12", "bot": "echo"})
    assert response.status_code == 400
    assert "cannot be called" in response.content.decode()
    assert not Campaign.objects.exists()


# ------------------------------------------------------------------------------------------------------------ doctor
def _doctor(client: Client) -> str:
    return client.get("/settings/doctor").content.decode()


def test_the_doctor_says_what_is_worth_a_look_and_what_is_good(client_of_meera: Client, account: ExotelAccount) -> None:
    heartbeat.beat()
    page = _doctor(client_of_meera)
    assert "Nothing seen so far stops calls." in page
    assert "This account only pretends: no real phone rings" in page
    assert "A worker is ready to dial" in page


def test_the_doctor_says_first_that_nobody_is_there_to_dial(client_of_meera: Client, account: ExotelAccount) -> None:
    page = _doctor(client_of_meera)
    assert "Nothing will be dialled: no worker has been seen yet" in page
    assert "celery -A dialer beat" in page
    assert "Nothing seen so far stops calls." not in page


def test_plain_http_stops_the_calls_of_a_real_account(client_of_meera: Client, db: None) -> None:
    world.account(kind="exotel", name="Exotel", api_url="https://api.in.exotel.com")
    heartbeat.beat()
    page = _doctor(client_of_meera)
    assert "2 things stop calls." in page
    assert "Exotel cannot call back over plain http" in page
    assert "Set PUBLIC_STREAM_URL to an address that begins with wss://" in page


def test_a_hold_is_told_with_what_mends_it(client_of_meera: Client, account: ExotelAccount) -> None:
    Pacer.objects.update(held_code="payment", held_reason="Balance is low.", held_since=timezone.now())
    heartbeat.beat()
    page = _doctor(client_of_meera)
    assert "1 thing stops calls." in page
    assert "Mend the cause, then say so on the account’s page." in page


def test_a_missing_caller_id_and_a_missing_account_stop_calls(client_of_meera: Client, db: None) -> None:
    assert "No account to call through" in _doctor(client_of_meera)
    world.account().caller_ids.all().delete()
    assert "No caller ID" in _doctor(client_of_meera)


def test_a_slow_check_loads_alone_and_works_as_a_page(
    client_of_meera: Client, account: ExotelAccount, exotel: Answering
) -> None:
    _at(account, exotel)
    assert 'hx-get="/settings/doctor/connection"' in _doctor(client_of_meera)
    assert "Key and token accepted" in client_of_meera.get("/settings/doctor/connection").content.decode()
    with override_settings(PUBLIC_URL=account.api_url):
        fragment = client_of_meera.get("/settings/doctor/public-address", headers={"HX-Request": "true"})
        assert "The public address answers" in fragment.content.decode()
        exotel.status = 404
        answer = client_of_meera.get("/settings/doctor/public-address").content.decode()
        assert "Something else answers there" in answer
    assert client_of_meera.get("/settings/doctor/nonsense").status_code == 404


def test_the_last_callback_is_told(client_of_meera: Client, account: ExotelAccount) -> None:
    attempt = world.call(world.first_of(world.launched(account, world.people())))
    assert "No callback has arrived lately" in _doctor(client_of_meera)
    world.talk(attempt)
    attempt.events.update(received_at=timezone.now() - timedelta(minutes=2))
    assert "Callbacks reach us" in _doctor(client_of_meera)
