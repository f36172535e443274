"""Every page in a real browser, light and dark: no serious finding of axe, a clean console, no violation of the policy.

`PICTURES=folder` keeps a picture of each page in both sizes and both themes, for looking at.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.conf import LazySettings
from django.test import Client

from campaigns.models import User
from tests.pages import lively, world
from tests.pages.serving import served
from tests.product.browser import SIZES, Visitor, visitor

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

GRAVE = ("serious", "critical")
# Between the themes only colours differ: the dark one is asked about contrast alone.
THEMES: dict[str, dict[str, object]] = {"light": {}, "dark": {"runOnly": ["color-contrast"]}}
OUT = os.environ.get("PICTURES", "")


@pytest.fixture
def pages(settings: LazySettings, tmp_path: Path) -> dict[str, str]:
    settings.MEDIA_ROOT = tmp_path / "media"
    return lively.pages(world.account())


@pytest.fixture
def ravi(pages: dict[str, str], settings: LazySettings) -> str:
    """The session of somebody who may see every page."""
    user = User.objects.create_user("ravi", password="a long enough secret", first_name="Ravi", is_staff=True)
    client = Client()
    client.force_login(user)
    return client.cookies[settings.SESSION_COOKIE_NAME].value


@pytest.fixture
def visit(ravi: str, settings: LazySettings, tmp_path: Path) -> Iterator[Visitor]:
    with served(tmp_path) as address, visitor(address, "accessibility") as found:
        found.page.context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": ravi, "url": address}])
        yield found


def findings(visit: Visitor, **options: object) -> list[str]:
    """What axe finds on the page as it is, in one line each."""
    found: dict[str, Any] = Axe().run(visit.page, options={"resultTypes": ["violations"], **options}).response
    return [
        f"{visit.page.url}: {one['id']} ({one['impact']}): {node['html'][:160]} {node['failureSummary'][:200]}"
        for one in found["violations"]
        if one["impact"] in GRAVE
        for node in one["nodes"][:3]
    ]


def look(visit: Visitor, name: str, theme: str) -> None:
    """Nothing is wider than a phone; a picture of both sizes if they are wanted."""
    for size, (width, height) in SIZES.items():
        visit.page.set_viewport_size({"width": width, "height": height})
        wide: int = visit.page.evaluate("document.documentElement.scrollWidth")
        if wide > width:
            visit.wrong.append(f"{visit.page.url} is {wide} pixels wide on a screen of {width}")
        if OUT:
            path = Path(OUT) / f"{name}-{theme}-{size}.png"
            visit.page.screenshot(path=path, full_page=True, caret="initial")


@pytest.mark.timeout(400)
def test_no_page_has_a_serious_finding_in_light_or_in_dark(visit: Visitor, pages: dict[str, str]) -> None:
    found: list[str] = []
    for theme, options in THEMES.items():
        visit.page.context.add_cookies([{"name": "theme", "value": theme, "url": visit.address}])
        for name, path in pages.items():
            visit.page.set_viewport_size({"width": 1366, "height": 768})
            visit.go(path)
            found += findings(visit, **options)
            look(visit, name, theme)
    assert found == []
    assert visit.wrong == []
