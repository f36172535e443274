"""What holds for every page: a sign-in before it, a strict policy in it, no name taken for markup."""

import re
from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any
from urllib.parse import quote

import pytest
from django.test import Client

from tests.pages import world

FORBIDDEN_ATTRIBUTE = re.compile(r"^(style|on[a-z]+|hx-on.*|hx-vals|hx-vars)$")


class Policy(HTMLParser):
    """Collects what the content security policy forbids, and every address on the page."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.addresses: list[str] = []
        self.ids: list[str] = []
        self._script = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.found += [f"{tag} {name}" for name in given if FORBIDDEN_ATTRIBUTE.match(name)]
        self._script = tag == "script" and "src" not in given
        if tag in ("style", "iframe", "object", "base"):
            self.found.append(tag)
        self.ids += [value for value in [given.get("id")] if value]
        self.addresses += [given[name] or "" for name in ("href", "src", "action", "hx-get") if name in given]

    def handle_data(self, data: str) -> None:
        if self._script and data.strip():
            self.found.append(f"inline script: {data[:40]}")

    def handle_endtag(self, tag: str) -> None:
        self._script = False


def _pages() -> dict[str, str]:
    """Every page of a world in which every name is hostile, by what it is."""
    account = world.account()
    contacts = world.people(3, name=f"List {world.EVIL}")
    draft = world.draft(account, contacts, name=f"Draft {world.EVIL}")
    live = world.launched(account, contacts, name=f"Live {world.EVIL}")
    person = world.first_of(live)
    person.name = f"Person {world.EVIL}"
    person.save()
    attempt = world.call(person, reason=world.EVIL, disposition=world.EVIL[:60], contradiction=world.EVIL)
    world.talk(attempt)
    attempt.streams.get().entries.create(at=9, kind="prompt", text=world.EVIL)
    return {
        "home": "/",
        "campaigns": "/campaigns/",
        "new": f"/campaigns/new?list={contacts.pk}&field=name&op=lacks&value={quote(world.EVIL)}"
        f"&field=campaign:{live.pk}&op=called&value=",
        "review": f"/campaigns/{draft.pk}/",
        "edit": f"/campaigns/{draft.pk}/edit",
        "live": f"/campaigns/{live.pk}/",
        "stop": f"/campaigns/{live.pk}/stop",
        "change": f"/campaigns/{live.pk}/change",
        "versions": f"/campaigns/{live.pk}/versions",
        "contacts": f"/campaigns/{live.pk}/contacts",
        "searched": f"/campaigns/{live.pk}/contacts?q={world.EVIL}&state=done",
        "calls": "/calls/",
        "filtered": f"/calls/?campaign={live.pk}&outcome=answered&number=00",
        "call": f"/calls/{attempt.pk}/",
        "person": f"/contacts/in-campaign/{person.pk}/",
        "contact": f"/contacts/{contacts.contacts.first().pk}/",  # type: ignore[union-attr]
        "find": "/contacts/find",
        "do-not-call": f"/do-not-call/?q={world.EVIL}",
        "settings": "/settings/",
        "doctor": "/settings/doctor",
        "trial": f"/settings/accounts/{account.pk}/call-my-phone",
        "users": "/settings/users",
        "audit": "/settings/audit",
    }


KINDS = [
    "home", "campaigns", "new", "review", "edit", "live", "stop", "contacts", "searched", "calls", "filtered", "call",
    "change", "versions", "person", "contact", "find", "do-not-call", "settings",
    "doctor", "trial", "users", "audit",
]  # fmt: skip


@pytest.fixture
def pages(db: None) -> dict[str, str]:
    return _pages()


@pytest.fixture
def read(client_of_meera: Client, pages: dict[str, str]) -> Callable[[str], str]:
    def fetch(kind: str) -> str:
        response = client_of_meera.get(pages[kind])
        assert response.status_code == 200, response.content[:2000]
        assert "default-src 'none'" in response["Content-Security-Policy"]
        return str(response.content.decode())

    return fetch


@pytest.mark.parametrize("kind", KINDS)
def test_a_stranger_is_sent_to_the_sign_in(stranger: Client, pages: dict[str, str], kind: str) -> None:
    response = stranger.get(pages[kind])
    assert response.status_code == 302
    assert response["Location"].startswith("/sign-in?next=")


@pytest.mark.parametrize("kind", KINDS)
def test_the_page_holds_nothing_that_the_policy_forbids(read: Callable[[str], str], kind: str) -> None:
    policy = Policy()
    policy.feed(read(kind))
    assert policy.found == []
    assert len(policy.ids) == len(set(policy.ids))
    assert all(address.startswith(("/", "#", "?")) for address in policy.addresses if address), policy.addresses


@pytest.mark.parametrize("kind", KINDS)
def test_a_hostile_name_is_shown_as_text(read: Callable[[str], str], kind: str) -> None:
    page = read(kind)
    assert "<img" not in page
    assert "onerror=alert(1)>" not in page
    if kind not in ("settings", "find", "contact", "doctor", "trial", "users"):  # no name of anybody stands there
        assert "{{7*7}}" in page


def test_no_address_on_a_page_leads_nowhere(
    client_of_meera: Client, read: Callable[[str], str], pages: dict[str, str]
) -> None:
    seen = set()
    for kind in pages:
        policy = Policy()
        policy.feed(read(kind))
        seen |= {address for address in policy.addresses if address.startswith("/")}
    answers = {}
    for address in sorted(seen - {"/sign-out"}):
        response: Any = client_of_meera.get(address)
        answers[address] = response.status_code
        if response.streaming and not response.is_async:
            b"".join(response.streaming_content)  # read to its end, a file closes itself
    # Addresses of acts answer a GET with 405: they are there, and a GET changes nothing.
    assert {address: code for address, code in answers.items() if code not in (200, 405)} == {}


@pytest.mark.parametrize(
    "act",
    ["launch", "pause", "resume", "duplicate", "dial-uncertain", "pace"],
)
def test_a_get_never_acts(client_of_meera: Client, act: str) -> None:
    campaign = world.draft(world.account(), world.people())
    assert client_of_meera.get(f"/campaigns/{campaign.pk}/{act}").status_code == 405
    campaign.refresh_from_db()
    assert campaign.status == "draft"


def test_every_form_that_posts_carries_its_token(read: Callable[[str], str], pages: dict[str, str]) -> None:
    for kind in pages:
        forms = re.findall(r"<form[^>]*method=\"post\".*?</form>", read(kind), re.DOTALL)
        assert forms
        assert all("csrfmiddlewaretoken" in form for form in forms), kind


def test_an_empty_installation_shows_every_page_with_its_next_step(client_of_meera: Client) -> None:
    answers = {
        path: client_of_meera.get(path) for path in ("/", "/campaigns/", "/campaigns/new", "/calls/", "/settings/")
    }
    assert {path: answer.status_code for path, answer in answers.items()} == dict.fromkeys(answers, 200)
    assert "Begin with the people" in answers["/"].content.decode()
    assert "No campaign yet" in answers["/campaigns/"].content.decode()
    assert "No account to call through yet" in answers["/campaigns/new"].content.decode()
    assert "No calls yet" in answers["/calls/"].content.decode()
