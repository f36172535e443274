"""Debian's chromium, driven by Playwright, that notes whatever the pages do wrong."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import ConsoleMessage, Page, Response, ViewportSize, expect, sync_playwright

from dialer import env

CHROMIUM = "/usr/bin/chromium"
PATIENCE = 20_000  # milliseconds: an overloaded machine is slow, not wrong
QUIETLY = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--mute-audio",
)  # fmt: skip
SIZES = {"wide": (1366, 768), "phone": (390, 844)}
# Where a test that failed leaves its last page; LOOK=folder keeps every page that it looked at there, in both sizes.
LOOK = os.environ.get("LOOK", "")
PICTURES = Path(LOOK or env.ROOT / "test-results" / "product")
# Runs before any script of the page; what the policy stops is said on the console as well, but not always as an error.
WATCH_POLICY = """
  addEventListener("securitypolicyviolation", event => {
    const where = `${event.sourceFile}:${event.lineNumber}`;
    console.error(`CSP: ${event.violatedDirective} at ${where}, ${event.target.outerHTML?.slice(0, 200)}`);
  });
"""


class Visitor:
    """A page, what went wrong on it so far, and pictures of it.

    `answers` holds (address, status) of each response; a status in `expected` is not held against the page.
    """

    def __init__(self, page: Page, address: str, pictures: Path, screen: str = "wide") -> None:
        self.page = page
        self.address = address
        self._screen = screen
        self.wrong: list[str] = []
        self.answers: list[tuple[str, int]] = []
        self.expected: set[int] = set()
        self._pictures = pictures
        page.add_init_script(WATCH_POLICY)
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.wrong.append(f"{page.url}: {error}"))
        page.on("response", self._response)

    def go(self, path: str) -> None:
        self.page.goto(self.address + path)

    def look(self, name: str) -> None:
        """The page in both sizes; anything wider than the screen is wrong."""
        for size, (width, height) in SIZES.items():
            self.page.set_viewport_size({"width": width, "height": height})
            wide: int = self.page.evaluate("document.documentElement.scrollWidth")
            if wide > width:
                self.wrong.append(f"{self.page.url} is {wide} pixels wide on a screen of {width}")
            if LOOK:
                self.picture(f"{name}-{size}")
        self.page.set_viewport_size(viewport(self._screen))

    def picture(self, name: str) -> None:
        """The whole page as a file, once its charts have settled."""
        self._pictures.mkdir(parents=True, exist_ok=True)
        self.page.wait_for_timeout(150)
        # Hiding the caret would leave style attributes behind, which htmx copies and the policy forbids.
        self.page.screenshot(path=self._pictures / f"{name}.png", full_page=True, caret="initial")

    def _console(self, message: ConsoleMessage) -> None:
        expected = any(f"responded with a status of {status}" in message.text for status in self.expected)
        if message.type in ("error", "warning") and not expected:
            self.wrong.append(f"{self.page.url}: {message.type}: {message.text}")

    def _response(self, response: Response) -> None:
        self.answers.append((response.url, response.status))
        if response.status >= 400 and response.status not in self.expected:
            self.wrong.append(f"{response.request.method} {response.url}: {response.status}")
        if not response.url.startswith((self.address, "data:", "blob:")):
            self.wrong.append(f"{response.url} is somebody else's")


def viewport(screen: str) -> ViewportSize:
    width, height = SIZES[screen]
    return {"width": width, "height": height}


@contextmanager
def visitor(
    address: str, pictures: str, screen: str = "wide", theme: Literal["light", "dark"] = "light"
) -> Iterator[Visitor]:
    """A browser at the address; skipped with the reason where there is none, except in CI."""
    if not shutil.which(CHROMIUM):
        reason = "Chromium is not installed: apt-get install -y --no-install-recommends chromium fonts-noto-core"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    folder = PICTURES / pictures
    shutil.rmtree(folder, ignore_errors=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*QUIETLY])
        page = browser.new_page(viewport=viewport(screen), color_scheme=theme)
        page.set_default_timeout(PATIENCE)
        expect.set_options(timeout=PATIENCE)
        yield Visitor(page, address, folder, screen)
        browser.close()
