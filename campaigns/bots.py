"""The bots that an installation has, by short name. A campaign stores the name; settings.BOTS maps it to a spec.

`campaigns` may not import `botbridge`, so the spec's shape is repeated here as protocols, and the roof's settings say
where the real ones are.
"""

from collections.abc import Collection, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Protocol, cast

from django.conf import settings
from django.utils.module_loading import import_string


class Option(Protocol):
    name: str
    label: str
    kind: str
    help: str
    default: str
    required: bool
    choices: tuple[tuple[str, str], ...]


class Prompt(Protocol):
    text: str
    voice: str


class BotSpec(Protocol):
    """What `campaigns` needs of a bot; see botbridge/bots/spec.py for the meaning of each part."""

    name: str
    label: str
    description: str
    options: tuple[Option, ...]
    max_seconds: int
    listens_only: bool

    def problems(
        self,
        options: Mapping[str, str],
        columns: Collection[str],
        speech_available: bool,  # noqa: FBT001
        /,
    ) -> list[str]: ...

    def prompts(self, options: Mapping[str, str], variables: Mapping[str, str], /) -> Sequence[Prompt]: ...


class Speech(Protocol):
    """The module named by settings.SPEECH."""

    SpeechError: type[Exception]

    def available(self) -> bool: ...

    def render(self, text: str, voice: str, sample_rate: int, directory: Path) -> bytes: ...

    def prune(self, directory: Path, *, older_than: float) -> int: ...


class Sound(Protocol):
    """The module named by settings.SOUND."""

    WavError: type[Exception]

    def read_wav(self, data: bytes, sample_rate: int) -> bytes: ...


def names() -> list[tuple[str, str]]:
    """(short name, label) of every bot, in the order of settings.BOTS."""
    return [(name, spec(name).label) for name in settings.BOTS]


def spec(name: str) -> BotSpec:
    """The bot's spec; KeyError when this installation has no such bot."""
    return cast("BotSpec", import_string(settings.BOTS[name]))


def sound() -> Sound:
    return cast("Sound", import_module(settings.SOUND))


def speech() -> Speech:
    return cast("Speech", import_module(settings.SPEECH))
