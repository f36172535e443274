"""What an operator does, in a real browser: sign in, upload, match, import, launch, watch, look into a call."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.product.browser import Visitor, visitor
from tests.product.conftest import Start
from tests.product.people import numbers, write_csv
from tests.product.running import OUTCOME_OF, Product

pytestmark = [pytest.mark.processes, pytest.mark.browser, pytest.mark.timeout(300)]

FATES = ("01", "00", "02", "10", "11", "12", "20", "03", "13", "92", "93", "94", "95", "96", "97", "31", "33", "09")
ROWS = {"rows in the file": 200, "imported": 175, "duplicates": 16, "rejected": 9}
MESSAGE = "Hello {name}, an amount of {amount} rupees is due. Press 1 to confirm, 9 to stop these calls."


def sign_in(visit: Visitor, password: str) -> None:
    visit.go("/")
    visit.picture("01-sign-in")
    visit.page.get_by_label("User name").fill("operator")
    visit.page.get_by_label("Password", exact=True).fill(password)
    visit.page.get_by_role("button", name="Sign in").click()
    expect(visit.page).to_have_url(visit.address + "/")
    visit.picture("02-home-empty")


def upload(visit: Visitor, csv: Path) -> None:
    visit.go("/lists/upload")
    visit.picture("03-upload")
    visit.page.locator("input[type=file]").set_input_files(csv)
    visit.page.get_by_label("Name of the new list").fill("December")
    visit.page.get_by_role("button", name="Upload and match the columns").click()
    expect(visit.page.get_by_role("heading", name="Match the columns")).to_be_visible()
    expect(visit.page.locator("#id_phone_column")).to_have_value("Mobile No.")
    visit.picture("04-match")
    visit.page.get_by_role("button", name="Import the people of this file").click()
    expect(visit.page.get_by_role("heading", name="Imported 175 contacts")).to_be_visible()
    figures = visit.page.locator(".sum .sum__fig").all_inner_texts()
    labels = visit.page.locator(".sum .sum__lab").all_inner_texts()
    assert dict(zip(labels, map(int, figures), strict=True)) == ROWS
    visit.picture("05-imported")


def launch(visit: Visitor) -> str:
    """The address of the campaign's page."""
    visit.page.get_by_role("link", name="Call these people").click()
    expect(visit.page.get_by_role("heading", name="New campaign")).to_be_visible()
    visit.page.get_by_label("Campaign name").fill("December reminders")
    visit.page.locator("#id_option-announcer-message").fill(MESSAGE)
    visit.picture("06-form")
    visit.page.get_by_role("button", name="Save and review").click()
    button = visit.page.get_by_role("button", name="Call 175 people now")
    expect(button).to_be_enabled()
    visit.picture("07-review")
    button.click()
    expect(visit.page.locator(".head__title .badge")).to_have_text(re.compile("Running|Completed"))
    return visit.page.url


def legend(visit: Visitor, heading: str) -> dict[str, int]:
    """A legend of the live page: word -> number."""
    items = visit.page.locator(f"section[aria-labelledby={heading}] .legend li").all_inner_texts()
    found = (re.fullmatch(r"\s*(.+?)\s+([\d,]+)\s*", item) for item in items)
    return {match.group(1): int(match.group(2).replace(",", "")) for match in found if match}


def the_sum_of_what_ended(visit: Visitor) -> int:
    counts = legend(visit, "h-contacts")
    return counts.get("Done", 0) + counts.get("Skipped", 0) + counts.get("Uncertain", 0)


def watch_until_all_have_ended(visit: Visitor) -> None:
    """The page refreshes itself: nothing is reloaded here."""
    expect(visit.page.locator("#live-calls .livecall").first).to_be_visible()
    visit.picture("08-live")
    expect(visit.page.locator("#f-answered")).not_to_have_text("0")
    expect(visit.page.locator(".head__title .badge")).to_have_text("Completed", timeout=150_000)
    assert the_sum_of_what_ended(visit) == ROWS["imported"]
    visit.picture("09-live-ended")


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


def look_around(visit: Visitor, campaign: str) -> None:
    visit.go("/calls/")
    visit.picture("10-calls")
    row = visit.page.get_by_role("row").filter(has_text="Answered").first
    row.get_by_role("link").first.click()
    expect(visit.page).to_have_url(re.compile(r"/calls/\d+/$"))
    visit.picture("11-call")
    places = (f"{campaign}contacts", "/", "/campaigns/", "/lists/", "/lists/1/", "/do-not-call/", "/settings/")
    for number, place in enumerate(places, 12):
        visit.go(place)
        visit.picture(f"{number}-{'-'.join(filter(None, place.split('/'))) or 'home'}")


def test_a_list_is_uploaded_called_and_watched_to_its_end_in_a_browser(start: Start, tmp_path: Path) -> None:
    product = start(SIMULATOR_SPEED="12")
    csv = tmp_path / "people of December.csv"
    write_csv(csv, numbers(FATES, ROWS["imported"]), duplicates=ROWS["duplicates"], bad=ROWS["rejected"])
    with visitor(product.address, "one-list") as visit:
        sign_in(visit, product.password())
        upload(visit, csv)
        campaign = launch(visit).removeprefix(visit.address)
        watch_until_all_have_ended(visit)
        hold_against_the_ledger(visit, product, int(campaign.strip("/").split("/")[1]))
        look_around(visit, campaign)
        assert visit.wrong == []
    assert product.trouble() == []
