"""The pictures of the README: pages of a lively morning, as small files."""

from dataclasses import dataclass
from pathlib import Path

from tests.product.browser import Visitor


@dataclass(frozen=True)
class Picture:
    """A page by its name in `lively.pages`, the theme, the screen, and how much of the page is shown."""

    page: str
    theme: str = "light"
    width: int = 1200
    height: int = 640


PICTURES = {
    "overview.png": Picture("overview"),
    "campaign.png": Picture("live", "dark", height=660),
    "call.png": Picture("call", height=600),
    "import.png": Picture("report", height=560),
    "phone.png": Picture("live", width=390, height=760),
}


def take(visit: Visitor, pages: dict[str, str], folder: Path) -> None:
    """Write them all. Those of the README must stay below 150 kB each: tests/product/test_guide.py looks."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, picture in PICTURES.items():
        visit.page.set_viewport_size({"width": picture.width, "height": picture.height})
        visit.page.context.add_cookies([{"name": "theme", "value": picture.theme, "url": visit.address}])
        visit.go(pages[picture.page])
        visit.page.wait_for_timeout(100)  # the waveform's lanes and the fonts settle
        visit.page.screenshot(path=folder / name, caret="initial")
    visit.page.context.clear_cookies(name="theme")
    visit.page.set_viewport_size({"width": 1366, "height": 768})
