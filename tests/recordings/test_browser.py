"""The player in a real browser: play, seek by click, key and link, spoken values, no violation of the policy."""

import io
import wave
from collections.abc import Iterator
from typing import Any

import pytest
from django.template.loader import render_to_string
from django.test import RequestFactory
from playwright.sync_api import Page, Route, sync_playwright

from campaigns.recordings import waveform
from campaigns.recordings.ranges import read_range
from campaigns.views.player import Lane, Player, _marker, bars, marks
from dialer import env
from tests.recordings.far_end import sound

pytestmark = pytest.mark.browser

SECONDS = 84
HOST = "http://dialer.test"
POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; media-src 'self'; img-src 'self'"
TURNS = "".join(
    f'<div class="turn turn--bot"><a class="turn__at" href="#t={at}">{at}</a><p class="bubble">{at}</p></div>'
    for at in ("0:01", "0:31", "1:02")
)


def recording() -> bytes:
    """84 seconds of sound, said twice per second."""
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setparams((2, 2, 8000, 0, "NONE", ""))
        writer.writeframes(sound(1)[44:] * SECONDS)
    return file.getvalue()


def page_html(recorded: bytes) -> str:
    """The player in a bare page; drawn from the real peaks."""
    peaks = waveform.measure(io.BytesIO(recorded)).peaks
    shown = Player(
        call_id=7,
        recording=None,
        state="stored",
        seconds=float(SECONDS),
        lanes=[Lane("Bot", "bot", bars(peaks[1], 100)), Lane("Caller", "caller", bars(peaks[0], 100))],
        markers=[_marker(17.4, "warn", "Spoke over the bot", SECONDS), _marker(61.2, "info", "Key 1", SECONDS)],
        marks=marks(SECONDS),
    )
    inner = render_to_string("recordings/_player.html", {"player": shown}, RequestFactory().get("/"))
    sprite = render_to_string("_sprite.html")
    return (
        '<!doctype html><html lang="en"><head><title>t</title><link rel="stylesheet" href="/static/dialer.css"></head>'
        f'<body>{sprite}<main class="main">{inner}<div class="transcript">{TURNS}</div></main></body></html>'
    )


def answers(recorded: bytes) -> Any:
    html = page_html(recorded)

    def answer(route: Route) -> None:
        path = route.request.url.removeprefix(HOST).partition("?")[0].partition("#")[0]
        if path == "/calls/7/recording":
            span = read_range(route.request.headers.get("range"), len(recorded))
            told = {"Accept-Ranges": "bytes", "Content-Type": "audio/wav"}
            if span:
                told["Content-Range"] = f"bytes {span.first}-{span.last}/{len(recorded)}"
            body = recorded[span.first : span.last + 1] if span else recorded
            route.fulfill(status=206 if span else 200, headers=told, body=body)
        elif path.startswith("/static/"):
            route.fulfill(path=env.ROOT / path.lstrip("/"))
        else:
            route.fulfill(
                body=html, headers={"Content-Type": "text/html; charset=utf-8", "Content-Security-Policy": POLICY}
            )

    return answer


@pytest.fixture
def page() -> Iterator[Page]:
    with sync_playwright() as playwright:
        flags = ["--no-sandbox", "--autoplay-policy=no-user-gesture-required", "--mute-audio"]
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=flags)
        made = browser.new_page(viewport={"width": 1366, "height": 768})
        said: list[str] = []
        made.on("console", lambda message: said.append(message.text))
        made.on("pageerror", lambda error: said.append(str(error)))
        made.route("**/*", answers(recording()))
        made.goto(f"{HOST}/")
        yield made
        browser.close()
        assert said == []


def spoken(page: Page) -> str | None:
    return page.get_by_role("slider", name="Position").get_attribute("aria-valuetext")


def at(page: Page) -> float:
    return float(page.evaluate("document.querySelector('audio').currentTime"))


def until(page: Page, true: str) -> None:
    """Wait for an expression of `audio`; Playwright's own wait needs eval in the page, which the policy forbids."""
    for _ in range(200):
        if page.evaluate(f"() => {{ const audio = document.querySelector('audio'); return {true}; }}"):
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"never: {true}")


def ready(page: Page) -> None:
    until(page, "audio.readyState > 0")


def test_the_player_plays_seeks_and_says_where_it_is(page: Page) -> None:
    ready(page)
    slider = page.get_by_role("slider", name="Position")
    assert spoken(page) == "0:00 of 1:24"
    assert page.locator("audio").is_hidden()

    slider.press("ArrowRight")
    assert spoken(page) == "0:05 of 1:24"
    slider.press("ArrowDown")
    assert spoken(page) == "0:31 of 1:24"
    slider.press("ArrowDown")
    assert spoken(page) == "1:02 of 1:24"
    slider.press("ArrowUp")
    assert spoken(page) == "0:31 of 1:24"
    slider.press("End")
    assert spoken(page) == "1:24 of 1:24"
    slider.press("Home")
    assert spoken(page) == "0:00 of 1:24"

    lane = page.locator("[data-lane]").first.bounding_box()
    assert lane
    page.mouse.click(lane["x"] + lane["width"] / 2, lane["y"] + 20)
    assert at(page) == pytest.approx(42, abs=0.5)
    assert page.locator(".wave__svg .played").count() == 2

    page.get_by_role("link", name="1:02").click()
    assert at(page) == pytest.approx(62, abs=0.1)
    assert page.locator(".turn.is-now").inner_text().startswith("1:02")

    slider.focus()
    slider.press(" ")
    until(page, "audio.currentTime > 62.1")
    assert (spoken(page) or "").endswith(", playing")
    page.get_by_role("button", name="Pause").first.click()
    assert page.evaluate("document.querySelector('audio').paused")
    page.get_by_role("button", name="2×").click()
    assert page.evaluate("document.querySelector('audio').playbackRate") == 2


def test_a_link_to_a_moment_opens_there(page: Page) -> None:
    page.goto("about:blank")
    page.goto(f"{HOST}/#t=0:31")
    ready(page)
    until(page, "audio.currentTime === 31")
    assert spoken(page) == "0:31 of 1:24"
