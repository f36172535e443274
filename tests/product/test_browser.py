"""What operators do, in a real browser, with one running product: a plain list; collections; a bot and then a human.

The last two are the scenarios of Exotel's launch post. Collections is docs/guide/collections.md, done word for word.
"""

import csv
import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import httpx
import pytest
from playwright.sync_api import expect

from tests.product import guide, import_journey, operator_acts
from tests.product.browser import Visitor, visitor
from tests.product.operator_acts import Wanted
from tests.product.people import numbers, write_csv
from tests.product.running import OUTCOME_OF, Product, simulator, wait_until

pytestmark = [pytest.mark.processes, pytest.mark.browser, pytest.mark.timeout(300)]

FATES = ("01", "00", "02", "10", "11", "12", "20", "03", "13", "92", "93", "94", "95", "96", "97", "31", "33", "09")
ROWS = {"rows in the file": 200, "imported": 175, "duplicates": 16, "rejected": 9}
MESSAGE = "Hello {name}, an amount of {amount} rupees is due. Press 1 to confirm, 9 to stop these calls."
FLOW = "http://my.exotel.com/simulated/exoml/start_voice/926"
PASTED = {"passthru_url": "Passthru, synchronous", "dynamic_url": "Stream by a dynamic address"}  # placeholder: card


# One walk each; the others are light and wide.
SCREENS: dict[str, tuple[str, Literal["light", "dark"]]] = {
    "test_customers_due_are_called_by_a_bot_recorded_and_heard": ("phone", "dark"),
    "test_a_slot_is_kept_while_a_human_talks_after_the_bot": ("wide", "dark"),
}


@pytest.fixture
def visit(shared: Product, request: pytest.FixtureRequest) -> Iterator[Visitor]:
    """Signed in; whatever a page does wrong fails the test."""
    failures = request.session.testsfailed
    with visitor(shared.address, request.node.name, *SCREENS.get(request.node.name, ())) as found:
        operator_acts.sign_in(found, shared.password())
        yield found
        if request.session.testsfailed > failures:
            found.picture("failed")
        assert found.wrong == []


# ----------------------------------------------------------------------------------------------------- a plain list
def test_a_list_is_uploaded_called_and_watched_to_its_end(shared: Product, visit: Visitor, tmp_path: Path) -> None:
    file = tmp_path / "people of December.csv"
    people = numbers(FATES, ROWS["imported"], first=501)
    write_csv(file, people, duplicates=ROWS["duplicates"], bad=ROWS["rejected"])
    assert operator_acts.upload(visit, file, "December", "Mobile No.") == ROWS
    operator_acts.write_campaign(visit, Wanted("December reminders", {"message": MESSAGE}))
    campaign = operator_acts.launch(visit, ROWS["imported"])
    expect(visit.page.locator("#live-calls .livecall").first).to_be_visible()
    visit.look("live")
    expect(visit.page.locator("#f-answered")).not_to_have_text("0")
    operator_acts.until_completed(visit, 150)
    counts = legend(visit, "h-contacts")
    assert counts.get("Done", 0) + counts.get("Skipped", 0) + counts.get("Uncertain", 0) == ROWS["imported"]
    visit.look("live-ended")
    hold_against_the_ledger(visit, shared, campaign)
    look_around(visit, campaign)


def legend(visit: Visitor, heading: str) -> dict[str, int]:
    """A legend of the live page: word -> number."""
    items = visit.page.locator(f"section[aria-labelledby={heading}] .legend li").all_inner_texts()
    found = (re.fullmatch(r"\s*(.+?)\s+([\d,]+)\s*", item) for item in items)
    return {match.group(1): int(match.group(2).replace(",", "")) for match in found if match}


def hold_against_the_ledger(visit: Visitor, product: Product, campaign: int) -> None:
    """The page, the database and the simulator's ledger say the same."""
    people, ledger = product.people(campaign), product.ledger()
    told = {phone: outcome for phone, (_, outcome) in people.items()}
    calls = {phone: ledger.by_number(phone) for phone in people}
    assert told == {phone: OUTCOME_OF[made[0].status] if made else "refused" for phone, made in calls.items()}
    counts = legend(visit, "h-contacts")
    assert {word: n for word, n in counts.items() if n} == {
        "Done": sum(state == "done" for state, _ in people.values()),
        "Skipped": sum(state == "skipped" for state, _ in people.values()),
    }
    shown = legend(visit, "h-out")
    assert sum(shown.values()) == ROWS["imported"]
    assert shown["Answered"] == list(told.values()).count("answered")


def look_around(visit: Visitor, campaign: int) -> None:
    visit.go("/calls/")
    visit.look("calls")
    row = visit.page.get_by_role("row").filter(has_text="Answered").first
    row.get_by_role("link").first.click()
    expect(visit.page).to_have_url(re.compile(r"/calls/\d+/$"))
    visit.look("call")
    for place in (f"/campaigns/{campaign}/contacts", "/", "/campaigns/", "/lists/", "/do-not-call/", "/settings/"):
        visit.go(place)
        visit.look("-".join(filter(None, place.split("/"))) or "home")


# ---------------------------------------------------------------------------------------------- a list there and back
def test_a_dropped_list_is_imported_filtered_exported_and_undone_without_a_trace(
    shared: Product, visit: Visitor, tmp_path: Path
) -> None:
    visit.page.add_init_script(import_journey.WATCH)
    made = import_journey.make(tmp_path / "branch lists.csv", 4_000)
    import_journey.walk(visit, shared, made, "There and back")


# ------------------------------------------------------------------------------------------------------ collections
def test_customers_due_are_called_by_a_bot_recorded_and_heard(shared: Product, visit: Visitor, tmp_path: Path) -> None:
    page = guide.text("collections.md")
    file = tmp_path / "due.csv"
    file.write_text(guide.block(page, "customer_id,name,"), encoding="utf-8")
    operator_acts.upload(visit, file, "Due this week", "phone")
    operator_acts.write_campaign(visit, as_the_guide_says(page))
    campaign = operator_acts.launch(visit, 6)
    operator_acts.until_completed(visit, 60)

    said = guide.table(page, "Customer")
    assert len(said) == 6
    for customer in said:
        look_at_the_contact(visit, campaign, customer)
    asha = call_of(shared, campaign, "Asha Rao")
    hold_the_call_against_the_carrier(shared, asha)
    hear_the_recording(visit, asha["id"])
    export_the_calls(visit, campaign)
    visit.go("/do-not-call/?q=9002")
    expect(visit.page.get_by_text("asked in a call")).to_be_visible()


def as_the_guide_says(page: str) -> Wanted:
    keys = "\n".join(guide.quoted(page, "- Keys, one a line"))
    bot = {"message": guide.quoted(page, "Message:")[0], "question": guide.quoted(page, "- Question:")[0], "keys": keys}
    again = {f"After {what}, call again": "1" for what in ("a busy line", "no answer")}
    return Wanted(
        "March collections",
        bot,
        fields={"Calls to one person, at most": "2", "Columns sent with the stream": "customer_id", **again},
        chosen={"Purpose": "Loan recovery", "Channels of the recording": "Dual (caller and bot apart)"},
        ticked=("Record the calls",),
        minutes="0.05",
    )


def look_at_the_contact(visit: Visitor, campaign: int, customer: dict[str, str]) -> None:
    """The person's page tells outcome and disposition as the guide promises them."""
    visit.go(f"/campaigns/{campaign}/contacts")
    visit.page.get_by_role("link", name=customer["Customer"], exact=True).click()
    row = visit.page.get_by_role("row").filter(has=visit.page.get_by_role("link", name="March collections"))
    result, outcome = customer["Result"].partition(";")[0], customer["Outcome"]
    calls = visit.page.locator("section[aria-labelledby=h-calls]")
    if result == "none":
        expect(row).to_contain_text(outcome.partition(",")[0])
        expect(calls.get_by_role("listitem")).to_have_count(2)
    elif outcome == "Refused":
        expect(row).to_contain_text("NDNC")
    else:
        expect(row).to_contain_text(result)
        expect(calls).to_contain_text(result)


def call_of(product: Product, campaign: int, name: str) -> dict[str, Any]:
    """The latest call to somebody, from the database."""
    names = ("id", "sid", "phone", "outcome", "disposition", "recording_url", "slot_evidence", "closed_by", "code")
    rows = product.query(
        "SELECT a.id, a.sid, a.phone, a.outcome, a.disposition, a.recording_url, a.slot_evidence, s.closed_by,"
        " s.close_code FROM campaigns_callattempt a JOIN campaigns_campaigncontact c ON c.id = a.campaign_contact_id"
        " LEFT JOIN campaigns_stream s ON s.attempt_id = a.id"
        " WHERE a.campaign_id = %s AND c.name = %s ORDER BY a.id DESC LIMIT 1",
        campaign,
        name,
    )
    return dict(zip(names, rows[0], strict=True))


def hold_the_call_against_the_carrier(product: Product, call: dict[str, Any]) -> None:
    """Record and dual were asked for, the bot closed the stream, the terminal callback brought the recording."""
    (made,) = product.ledger().by_number(call["phone"])
    order = made.accepted["order"]
    assert (order["record"], order["recording_channels"]) == (True, "dual")
    assert made.ended is not None
    assert made.ended["by"] == "bot"
    assert (call["outcome"], call["closed_by"], call["code"]) == ("answered", "bot", 1000)
    assert [told["status"] for told in made.callbacks if told["kind"] == "terminal"] == [200]
    assert call["sid"] in call["recording_url"]
    fields = "SELECT fields FROM campaigns_callevent WHERE attempt_id = %s AND source = 'callback'"
    assert call["recording_url"] in str(product.query(fields, call["id"]))


def hear_the_recording(visit: Visitor, call: int) -> None:
    """It is fetched, drawn, played, moved about in by ranges, and kept as a file."""
    page = visit.page
    until_the_recording_is_here(visit, call)
    until_audio(visit, "audio.readyState > 0 && audio.duration > 5")
    assert page.locator("[data-lane] path.later").count() == 2
    page.get_by_role("button", name="Play").first.click()
    until_audio(visit, "!audio.paused && audio.currentTime > 0.2")
    page.get_by_role("slider", name="Position").press("End")
    until_audio(visit, "audio.ended || audio.currentTime >= audio.duration - 0.3")
    page.locator(".timeline a.at").first.click()
    until_audio(visit, "audio.currentTime < audio.duration - 2 && !audio.seeking")
    visit.look("recorded")
    address = f"{visit.address}/calls/{call}/recording"
    assert {status for url, status in visit.answers if url == address} == {206}
    part = page.request.get(address, headers={"Range": "bytes=-1000"})
    assert (part.status, len(part.body())) == (206, 1000)
    with page.expect_download() as kept:
        page.get_by_role("link", name="Download", exact=True).click()
    sound = Path(kept.value.path()).read_bytes()
    assert (sound[:4], part.headers["content-range"].rpartition("/")[2]) == (b"RIFF", str(len(sound)))


def until_the_recording_is_here(visit: Visitor, call: int) -> None:
    """Reload, and press "Try now" where the page offers it: the waits between tries are made for a real carrier."""

    def here() -> bool:
        visit.go(f"/calls/{call}/")
        if visit.page.locator("[data-lane] path.later").count():  # the wave is drawn a moment after it is stored
            return True
        if visit.page.get_by_role("button", name="Try now").count():
            visit.page.get_by_role("button", name="Try now").click()
        visit.page.wait_for_timeout(500)
        return False

    wait_until(here, 60, "the recording")


def until_audio(visit: Visitor, true: str) -> None:
    """Wait for an expression of `audio`; Playwright's own wait needs eval in the page, which the policy forbids."""
    expression = f"() => {{ const audio = document.querySelector('audio'); return {true}; }}"
    wait_until(lambda: visit.page.evaluate(expression), 20, true)


def export_the_calls(visit: Visitor, campaign: int) -> None:
    visit.go(f"/calls/?campaign={campaign}")
    with visit.page.expect_download() as kept:
        visit.page.get_by_role("link", name="Export these").click()
    rows = list(csv.DictReader(io.StringIO(Path(kept.value.path()).read_bytes().decode("utf-8-sig"))))
    assert len(rows) == 8
    (asha,) = [row for row in rows if row["Name"] == "Asha Rao"]
    assert (asha["Outcome"], asha["Disposition"], asha["Key"]) == ("Answered", "Promised to pay", "1")
    assert (asha["customer_id"], asha["amount"], asha["due_date"]) == ("C-1001", "4,350", "5 March")


# ---------------------------------------------------------------------------------------------------------- blended
def test_a_slot_is_kept_while_a_human_talks_after_the_bot(shared: Product, visit: Visitor, tmp_path: Path) -> None:
    paste_into_the_flow(shared, {name: copied(visit, title) for name, title in PASTED.items()})
    file = tmp_path / "warm.csv"
    file.write_text("phone,name,city\n+91 90000 01801,Kavita Rao,Nagpur\n", encoding="utf-8")
    operator_acts.upload(visit, file, "Asked for an advisor", "phone")
    keys = "1 = advisor (goal): Wants an advisor"
    wanted = Wanted(
        "Bot, then an advisor",
        {"message": "Hello {name}. Press 1 to talk to an advisor.", "question": "", "keys": keys},
        fields={"Columns sent with the stream": "city"},
        chosen={"Passthru sends the call to branch B when": "The bot reached its goal"},
        flow_url=FLOW,
    )
    operator_acts.write_campaign(visit, wanted)
    campaign = operator_acts.launch(visit, 1)

    made = until_the_human_talks(shared)
    attempt = call_of(shared, campaign, "Kavita Rao")
    assert (attempt["closed_by"], attempt["disposition"], attempt["outcome"]) == ("bot", "Wants an advisor", "")
    assert slot(shared, attempt["id"]) == (None, "")
    expect(visit.page.locator("#f-in-call")).to_have_text("1")
    expect(visit.page.locator("#account-pulse")).to_contain_text(re.compile(r"Slots\s*1 / "))
    assert not ended(shared, made.sid), "all this was seen while the human talked"

    operator_acts.until_completed(visit, 60)
    given_back, evidence = slot(shared, attempt["id"])
    assert given_back.timestamp() >= ended(shared, made.sid)
    assert evidence != "passthru"
    expect(visit.page.locator("#f-in-call")).to_have_text("0")
    expect(visit.page.locator("#account-pulse")).to_contain_text(re.compile(r"Slots\s*0 / "))
    visit.go(f"/calls/{attempt['id']}/")
    expect(visit.page.locator(".head__title")).to_contain_text(re.compile(r"Answered\s*Wants an advisor"))
    expect(visit.page.locator("section[aria-labelledby=h-who]")).to_contain_text("Nagpur")
    visit.look("blended")


def copied(visit: Visitor, title: str) -> str:
    """Settings → Flows, and the button beside an address; what is then in the clipboard."""
    visit.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    visit.go("/settings/")
    visit.page.get_by_role("link", name="Flows", exact=True).click()
    visit.page.locator(".field").filter(has_text=title).get_by_role("button", name="Copy").click()
    expect(visit.page.get_by_role("button", name="Copied")).to_be_visible()
    visit.look("flows")
    return str(visit.page.evaluate("navigator.clipboard.readText()"))


def paste_into_the_flow(product: Product, addresses: dict[str, str]) -> None:
    """What is done in Exotel's dashboard: addresses into applets."""
    answer = httpx.put(
        f"{simulator(product)}/_simulator/flow-vars", json=addresses, auth=("simulator", "simulator"), trust_env=False
    )
    assert answer.status_code == 200


def until_the_human_talks(product: Product) -> Any:
    """The ledger's record of the call, once the second leg has picked up."""

    def talking() -> bool:
        return any(leg["state"] == "answered" for call in calls() for leg in call.legs)

    def calls() -> list[Any]:
        return product.ledger().by_number("9000001801")

    wait_until(talking, 60, "the human")
    return calls()[0]


def slot(product: Product, attempt: int) -> tuple[Any, str]:
    """When the slot was given back, and on what evidence."""
    query = "SELECT slot_released_at, slot_evidence FROM campaigns_callattempt WHERE id = %s"
    ((at, evidence),) = product.query(query, attempt)
    return at, evidence


def ended(product: Product, sid: str) -> float:
    """When the carrier says the call ended; 0 while it goes on."""
    record = product.ledger().calls[sid]
    return record.ended_at if record.ended else 0.0
