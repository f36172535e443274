"""What an operator does in the browser. Whoever changes the words of a page changes the one act that presses them."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from playwright.sync_api import Locator, Page, expect

from tests.product.browser import Visitor

LAUNCH = re.compile(r"^Call [\d,]+ (people|person) now$")
MOST_STEPS = 4


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
    expect(visit.page.get_by_role("heading", name=re.compile("^Imported"), level=1)).to_be_visible()
    visit.look("report")
    figures = visit.page.locator(".sum .sum__fig").all_inner_texts()
    labels = visit.page.locator(".sum .sum__lab").all_inner_texts()
    return dict(zip(labels, map(int, figures), strict=True))


@dataclass(frozen=True)
class Wanted:
    """A campaign as it is written on the form, label -> text; `bot`: option of the announcement -> text."""

    name: str
    bot: dict[str, str]
    fields: dict[str, str] = field(default_factory=dict)
    chosen: dict[str, str] = field(default_factory=dict)  # label of a select -> label of its option
    ticked: tuple[str, ...] = ()
    minutes: str = ""  # before each retry
    flow_url: str = ""

    def acts(self, page: Page) -> Iterator[tuple[Locator, Callable[[Locator], None]]]:
        """Each field of the form with what is done to it, in the order of the form."""
        yield page.get_by_label("Campaign name"), lambda box: box.fill(self.name)
        reached = "Through an Exotel flow" if self.flow_url else "Straight to a bot"
        yield page.get_by_role("radio", name=reached), lambda radio: radio.check()
        if self.flow_url:
            yield page.get_by_label("Address of the flow"), lambda box: box.fill(self.flow_url)
        texts = {f"#id_option-announcer-{option}": text for option, text in self.bot.items()}
        for place, text in texts.items():
            yield page.locator(place), partial(_fill, text)
        for label, text in self.fields.items():
            yield page.get_by_label(label, exact=True), partial(_fill, text)
        for label, text in self.chosen.items():
            yield page.get_by_label(label, exact=True), partial(_choose, text)
        for label in self.ticked:
            yield page.get_by_label(label), lambda box: box.check()
        if self.minutes:
            yield page.get_by_label("after, in minutes"), partial(_fill_all, self.minutes)


def _fill(text: str, box: Locator) -> None:
    box.fill(text)


def _fill_all(text: str, boxes: Locator) -> None:
    for box in boxes.all():
        box.fill(text)


def _choose(label: str, box: Locator) -> None:
    box.select_option(label=label)


def write_campaign(visit: Visitor, wanted: Wanted) -> None:
    """From the report of an import to the review, step by step; every wish finds its field on one of the steps."""
    visit.page.get_by_role("link", name="Call these people").click()
    expect(visit.page.get_by_role("heading", name="New campaign")).to_be_visible()
    open_wishes = set(range(len([*wanted.acts(visit.page)])))
    for step in range(MOST_STEPS):
        for place, (where, act) in enumerate(wanted.acts(visit.page)):
            if place in open_wishes and where.count():
                act(where)
                open_wishes.remove(place)
        visit.look(f"form-{step}")
        with visit.page.expect_navigation():
            visit.page.locator("main form .btn--primary").click()
        assert not visit.page.locator("[aria-invalid=true]").count(), visit.page.url
        if visit.page.get_by_role("button", name=LAUNCH).count():
            break
    assert not open_wishes


def launch(visit: Visitor, people: int) -> int:
    """From the review; returns the campaign's number."""
    button = visit.page.get_by_role("button", name=LAUNCH)
    expect(button).to_have_text(re.compile(f" {people} "))
    expect(button).to_be_enabled()
    visit.look("review")
    button.click()
    expect(visit.page.locator(".head__title .badge")).to_have_text(re.compile("Running|Completed"))
    return int(visit.page.url.rstrip("/").rpartition("/")[2])


def until_completed(visit: Visitor, seconds: float) -> None:
    """The page refreshes itself: nothing is reloaded here."""
    expect(visit.page.locator(".head__title .badge")).to_have_text("Completed", timeout=seconds * 1000)
