"""What an operator does in the browser. Whoever changes the words of a page changes the one act that presses them."""

import re
from dataclasses import dataclass, field
from pathlib import Path

from playwright.sync_api import expect

from tests.product.browser import Visitor


def sign_in(visit: Visitor, password: str) -> None:
    visit.go("/")
    visit.look("sign-in")
    visit.page.get_by_label("User name").fill("operator")
    visit.page.get_by_label("Password", exact=True).fill(password)
    visit.page.get_by_role("button", name="Sign in").click()
    expect(visit.page).to_have_url(visit.address + "/")


def upload(visit: Visitor, csv: Path, name: str, phone_column: str) -> dict[str, int]:
    """Import a file into a new list; returns what the report adds up: label -> figure."""
    visit.go("/lists/upload")
    visit.look("upload")
    visit.page.locator("input[type=file]").set_input_files(csv)
    visit.page.get_by_label("Name of the new list").fill(name)
    visit.page.get_by_role("button", name="Upload and match the columns").click()
    expect(visit.page.get_by_role("heading", name="Match the columns")).to_be_visible()
    expect(visit.page.locator("#id_phone_column")).to_have_value(phone_column)
    visit.look("match")
    visit.page.get_by_role("button", name="Import the people of this file").click()
    expect(visit.page.get_by_role("heading", name=re.compile("^Imported"))).to_be_visible()
    visit.look("report")
    figures = visit.page.locator(".sum .sum__fig").all_inner_texts()
    labels = visit.page.locator(".sum .sum__lab").all_inner_texts()
    return dict(zip(labels, map(int, figures), strict=True))


@dataclass(frozen=True)
class Wanted:
    """A campaign as it is written on the form. `fields`: label -> text, `bot`: option of the announcement -> text."""

    name: str
    bot: dict[str, str]
    fields: dict[str, str] = field(default_factory=dict)
    chosen: dict[str, str] = field(default_factory=dict)  # label of a select -> label of its option
    ticked: tuple[str, ...] = ()
    minutes: str = ""  # before each retry
    flow_url: str = ""


def write_campaign(visit: Visitor, wanted: Wanted) -> None:
    """From the report of an import to the review: the form, and its button."""
    page = visit.page
    page.get_by_role("link", name="Call these people").click()
    expect(page.get_by_role("heading", name="New campaign")).to_be_visible()
    page.get_by_label("Campaign name").fill(wanted.name)
    page.get_by_role("radio", name="Through an Exotel flow" if wanted.flow_url else "Straight to a bot").check()
    if wanted.flow_url:
        page.get_by_label("Address of the flow").fill(wanted.flow_url)
    for option, text in wanted.bot.items():
        page.locator(f"#id_option-announcer-{option}").fill(text)
    for label, text in wanted.fields.items():
        page.get_by_label(label, exact=True).fill(text)
    for label, text in wanted.chosen.items():
        page.get_by_label(label, exact=True).select_option(label=text)
    for label in wanted.ticked:
        page.get_by_label(label).check()
    for minutes in page.get_by_label("after, in minutes").all() if wanted.minutes else []:
        minutes.fill(wanted.minutes)
    visit.look("form")
    page.get_by_role("button", name="Save and review").click()
    expect(page.get_by_role("heading", name=wanted.name)).to_be_visible()


def launch(visit: Visitor, people: int) -> int:
    """From the review; returns the campaign's number."""
    button = visit.page.get_by_role("button", name=re.compile(rf"^Call {people} (people|person) now$"))
    expect(button).to_be_enabled()
    visit.look("review")
    button.click()
    expect(visit.page.locator(".head__title .badge")).to_have_text(re.compile("Running|Completed"))
    return int(visit.page.url.rstrip("/").rpartition("/")[2])


def until_completed(visit: Visitor, seconds: float) -> None:
    """The page refreshes itself: nothing is reloaded here."""
    expect(visit.page.locator(".head__title .badge")).to_have_text("Completed", timeout=seconds * 1000)
