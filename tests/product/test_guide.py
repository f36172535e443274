"""The guide speaks the product's words: what is bold in it stands on a screen. Its links and pictures lead to files."""

import re
from functools import cache
from pathlib import Path

import pytest

from dialer import env
from tests.product import guide

# Bold for another reason: Exotel's own words, numbers of flows and answers, the beginning of a warning.
NOT_OURS = {
    "Voicebot", "Stream", "Passthru", "Restoring is dangerous in one way:", "A campaign straight to a bot: nowhere.",
    "A campaign through a flow:", "bold",
}  # fmt: skip
PICTURE = re.compile(r"!\[[^\]]+\]\(([^)]+)\)")
LINK = re.compile(r"(?<!!)\[[^\]]+\]\(([^)#:]+)(?:#[^)]*)?\)")
MOST = 150_000  # bytes of a picture


@cache
def screens() -> str:
    """Every word that a page can show: the templates without their tags, and the texts in the code of the pages."""
    templates = " ".join(path.read_text(encoding="utf-8") for path in env.ROOT.glob("templates/**/*.html"))
    code = [*env.ROOT.glob("campaigns/**/*.py"), *env.ROOT.glob("botbridge/bots/*.py")]
    texts = " ".join(path.read_text(encoding="utf-8") for path in code if "migrations" not in path.parts)
    return words(re.sub(r"<[^>]*>", " ", templates) + texts).lower()


def words(text: str) -> str:
    return re.sub(r"\s+", " ", text.replace("’", "'"))


def bold(page: Path) -> list[str]:
    """Each thing on a screen that a page names; a way through the menus is several."""
    found = re.findall(r"\*\*([^*]+)\*\*", page.read_text(encoding="utf-8"))
    return [words(part) for one in found if one not in NOT_OURS for part in one.split(" → ")]


@pytest.mark.parametrize("page", guide.pages(), ids=lambda page: str(page.stem))
def test_what_is_bold_in_the_guide_stands_on_a_screen(page: Path) -> None:
    named = {name for name in bold(page) if not re.search(r"\d", name)}
    assert sorted(name for name in named if name.lower() not in screens()) == []


@pytest.mark.parametrize("page", [env.ROOT / "README.md", *guide.pages()], ids=lambda page: str(page.stem))
def test_every_link_and_picture_leads_to_a_file(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    places = PICTURE.findall(text) + LINK.findall(text)
    assert [place for place in places if not (page.parent / place).exists()] == []


def test_the_readmes_pictures_are_small_and_all_of_them_are_shown() -> None:
    shown = {Path(place).name for place in PICTURE.findall((env.ROOT / "README.md").read_text(encoding="utf-8"))}
    kept = {path.name: path.stat().st_size for path in (env.ROOT / "docs" / "pictures").glob("*.png")}
    assert shown == set(kept)
    assert len(shown) >= 5
    assert {name for name, size in kept.items() if size > MOST} == set()
