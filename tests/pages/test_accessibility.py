"""Every page in a real browser, light and dark, wide and on a phone: no serious finding of axe, nothing wider than the
screen, a clean console, no violation of the policy. The same pages are the pictures of the README.

`PICTURES=docs/pictures` writes those pictures anew; `LOOK=folder` keeps every page in all four ways, for looking at.
"""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from django.conf import LazySettings
from django.test import Client
from playwright.sync_api import expect

from campaigns.models import User
from tests.pages import lively, pictures, world
from tests.pages.noon import noon
from tests.pages.serving import served
from tests.product.browser import SIZES, Visitor, visitor

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

GRAVE = ("serious", "critical")
# Only colours differ between the themes; on a phone parts are hidden, folded and scrolled as well.
OF_COLOUR = ("color-contrast", "link-in-text-block")
OF_LAYOUT = ("target-size", "scrollable-region-focusable", "aria-hidden-focus", "button-name", "link-name", "label")
RULES: dict[tuple[str, str], tuple[str, ...]] = {  # none: all of them
    ("light", "wide"): (),
    ("dark", "wide"): OF_COLOUR,
    ("light", "phone"): (*OF_LAYOUT, *OF_COLOUR),
    ("dark", "phone"): OF_COLOUR,
}
# From the file to the last call; the other pages do without the dark phone, whose colours and layout they share.
WALK = ("overview", "upload", "map", "report", "new", "form-errors", "review", "live", "call")
# Further rows of a table repeat the first ones.
PART = {"include": [["html"]], "exclude": [["tbody tr:nth-child(n+9)"]]}
# A background that is still fading from one theme into the other is no colour yet.
SHOW = """theme => {
  document.documentElement.dataset.theme = theme;
  document.getAnimations().filter(one => one instanceof CSSTransition).forEach(one => one.finish());
}"""
LOOK = os.environ.get("LOOK", "")


def write_nothing(visit: Visitor) -> None:
    """The form of a campaign, sent without a word in it."""
    visit.go("/campaigns/new")
    visit.page.get_by_label("Campaign name").fill("")
    visit.page.locator("main form .btn--primary").first.click()
    expect(visit.page.locator("[aria-invalid=true]").first).to_be_visible()


def upload_numbers(visit: Visitor) -> None:
    """A file of do-not-call numbers, some of them none."""
    visit.go("/do-not-call/")
    visit.page.locator("input[type=file]").set_input_files(
        {"name": "stop.csv", "mimeType": "text/csv", "buffer": b"phone\n9000001234\n12\n9000001234\n"}
    )
    visit.page.get_by_label("Reason of lines without one").fill("Asked by letter")
    visit.page.get_by_role("button", name="Never call the numbers of this file").click()
    expect(visit.page.locator("#report")).to_be_visible()


def show_the_menu(visit: Visitor) -> None:
    """The menu beside one's own name, over the page."""
    visit.go("/settings/")
    visit.page.locator(".nav__user").click()
    expect(visit.page.locator("#menu")).to_be_visible()


def sign_out(visit: Visitor) -> None:
    visit.page.context.clear_cookies()
    visit.go("/")
    expect(visit.page.get_by_role("button", name="Sign in")).to_be_visible()


# What is reached by doing something; signing out comes last.
ACTS: dict[str, Callable[[Visitor], None]] = {
    "form-errors": write_nothing,
    "do-not-call-report": upload_numbers,
    "menu": show_the_menu,
    "not-found": lambda visit: visit.go("/calls/99999999/"),
    "sign-in": sign_out,
}


@pytest.fixture
def ravi(settings: LazySettings, tmp_path: Path) -> Client:
    """Somebody who may see every page."""
    settings.MEDIA_ROOT = tmp_path / "media"
    user = User.objects.create_user("ravi", password="a long enough secret", first_name="Ravi", is_staff=True)
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def pages(ravi: Client) -> Iterator[dict[str, str]]:
    with noon():
        yield lively.pages(world.account(), ravi)


@pytest.fixture
def visit(ravi: Client, pages: dict[str, str], settings: LazySettings, tmp_path: Path) -> Iterator[Visitor]:
    with served(tmp_path, at_noon=True) as address, visitor(address, "accessibility") as found:
        session = ravi.cookies[settings.SESSION_COOKIE_NAME].value
        found.page.context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": session, "url": address}])
        found.expected = {400, 404}
        yield found


def findings(visit: Visitor, rules: tuple[str, ...]) -> list[str]:
    """What axe, which is on the page already, finds there as it is: one line each."""
    options: dict[str, object] = {"resultTypes": ["violations"], "selectors": False, "preload": False}
    options |= {"runOnly": [*rules]} if rules else {}
    found: dict[str, Any] = visit.page.evaluate("([part, options]) => axe.run(part, options)", [PART, options])
    return [
        f"{visit.page.url}: {one['id']} ({one['impact']}): {node['html'][:160]} {node['failureSummary'][:200]}"
        for one in found["violations"]
        if one["impact"] in GRAVE
        for node in one["nodes"][:3]
    ]


def audit(visit: Visitor, name: str) -> list[str]:
    """The page that is open, in both themes and both sizes."""
    found = []
    visit.page.evaluate(AXE_SCRIPT)
    for (theme, size), rules in RULES.items():
        if (theme, size) == ("dark", "phone") and name not in WALK:
            continue
        width, height = SIZES[size]
        visit.page.set_viewport_size({"width": width, "height": height})
        visit.page.evaluate(SHOW, theme)
        found += [f"{theme}, {size}: {finding}" for finding in findings(visit, rules)]
        wide: int = visit.page.evaluate("document.documentElement.scrollWidth")
        if wide > width:
            found.append(f"{visit.page.url} is {wide} pixels wide on a screen of {width}")
        if LOOK:
            path = Path(LOOK) / f"{name}-{theme}-{size}.png"
            visit.page.screenshot(path=path, full_page=True, caret="initial")
    visit.page.set_viewport_size({"width": 1366, "height": 768})
    return found


@pytest.mark.timeout(400)
def test_no_page_has_a_serious_finding_in_any_theme_or_size(
    visit: Visitor, pages: dict[str, str], tmp_path: Path
) -> None:
    pictures.take(visit, pages, Path(os.environ.get("PICTURES") or tmp_path))
    found: list[str] = []
    for name, path in pages.items():
        visit.go(path)
        found += audit(visit, name)
    for name, act in ACTS.items():
        act(visit)
        found += audit(visit, name)
    assert found == []
    assert visit.wrong == []
    unexpected = [answer for answer in visit.answers if answer[1] in visit.expected]
    assert len(unexpected) == 2, "the form's refusal and the page that is not there"
