"""What the vendor's pages ask of the operator and no code can do: the guide says it; and close codes have words."""

import re
from pathlib import Path

import pytest

from campaigns.views.stream_words import close_words
from tests.conformance.table import ROOT, headings

GUIDE = ROOT / "docs" / "guide"
# What the vendor's pages tell the operator, and the page of ours and the words that hand it on.
ASKED = (
    ("real-account", "dashboard at my.exotel.com"),
    ("real-account", "`EXOTEL_ACCOUNT_SID`"),
    ("real-account", "`EXOTEL_API_KEY`, `EXOTEL_API_TOKEN`"),
    ("real-account", "the ExoPhone that people see"),
    ("real-account", "hello@exotel.com"),
    ("real-account", "ask for AgentStream"),
    ("real-account", "over wss for the talk"),
    ("real-account", "close to India"),
    ("real-account", "Is the certificate valid"),
    ("real-account", "firewall let Exotel's addresses"),
    ("real-account", "handshake end within 10 seconds"),
    ("real-account", "user name and a password"),
    ("real-account", "frames in and out are above zero"),
    ("flows", "App Bazaar"),
    ("flows", "Create a new app (flow) and give it a name"),
    ("flows", "Drag the applets onto the canvas"),
    ("flows", "right behind the Voicebot or Stream applet"),
    ("flows", "must exist and be active before the first call"),
    ("flows", "Its id is the number at the end of its address"),
    ("flows", "assign it to a virtual number"),
    ("flows", "applet's advanced settings"),
)


def plain(page: Path) -> str:
    return " ".join(page.read_text(encoding="utf-8").split())


@pytest.mark.parametrize(("page", "words"), ASKED)
def test_the_guide_says_what_only_the_operator_can_do(page: str, words: str) -> None:
    assert words in plain(GUIDE / f"{page}.md")


@pytest.mark.parametrize("code", [1000, 1001, 1002, 1003, 1006, 1007, 1008, 1009, 1011, 1012, 1013])
def test_every_printed_close_code_has_words(code: int) -> None:
    assert close_words(code).startswith(f"{code}: ")
    assert "without a meaning" not in close_words(code)
    if code != 1000:
        assert close_words(code + 3000).endswith(close_words(code).split(": ", 1)[1])


@pytest.mark.parametrize("page", sorted(GUIDE.glob("*.md")), ids=lambda page: page.stem)
def test_every_link_of_the_guide_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]*(?:#[^)\s]+)?)\)", page.read_text(encoding="utf-8")):
        path, _, heading = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.is_file(), target
        assert not heading or heading in headings(file), target


@pytest.mark.parametrize("page", sorted(GUIDE.glob("*.md")), ids=lambda page: page.stem)
def test_every_command_of_the_guide_is_there(page: Path) -> None:
    known = {file.stem for file in (ROOT / "campaigns" / "management" / "commands").glob("*.py")}
    named = set(re.findall(r"manage\.py (\w+)", page.read_text(encoding="utf-8")))
    assert named <= known | {"migrate"}
