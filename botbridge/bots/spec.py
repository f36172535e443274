"""What a bot is to the rest of the product: its options, what it will say, why it cannot start, how it talks.

Free of Django and Channels, so that forms are made and prompts rendered from it anywhere.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

from botbridge.line import Line

OptionKind = Literal["text", "long_text", "choice", "keys", "audio", "number"]


@dataclass(frozen=True)
class Option:
    """One thing the operator may set. `choices` are (value, label) pairs of a *choice*.

    *keys* is text, one line a key. *audio* is an uploaded WAV; the option's value is empty without one.
    """

    name: str
    label: str
    kind: OptionKind
    help: str = ""
    default: str = ""
    required: bool = False
    choices: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Prompt:
    """A text to be spoken in a voice; render it before the call is placed."""

    text: str
    voice: str


class Conversation(Protocol):
    """One talk on one line."""

    async def run(self, line: Line) -> None:
        """Hold the talk; when it returns, the line is hung up. LineClosed ends it when the person is gone."""


@dataclass(frozen=True)
class BotContext:
    """What a conversation is made from.

    `options`: the operator's settings; `variables`: the contact's columns; `audio`: uploaded WAV files by option name;
    `speak`: a prompt's PCM16 at a sample rate (Hz), from the cache or rendered now; raises speech.SpeechError.
    """

    options: Mapping[str, str]
    variables: Mapping[str, str]
    speak: Callable[[Prompt, int], Awaitable[bytes]]
    audio: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True)
class BotSpec:
    """A bot. `max_seconds` is the longest talk it can want; of one that `listens_only` nothing is ever sent.

    `problems(options, columns, speech_available)` says in an operator's words why a campaign cannot be launched.
    `prompts(options, variables)` lists everything it may say to one contact.
    """

    name: str
    label: str
    description: str
    options: tuple[Option, ...]
    max_seconds: int
    problems: Callable[[Mapping[str, str], Collection[str], bool], list[str]]
    prompts: Callable[[Mapping[str, str], Mapping[str, str]], tuple[Prompt, ...]]
    create: Callable[[BotContext], Conversation]
    listens_only: bool = False

    def with_defaults(self, options: Mapping[str, str]) -> dict[str, str]:
        """The operator's settings, the defaults where there are none."""
        return {option.name: options.get(option.name, option.default) for option in self.options}
