"""The announcer: speaks a message made from the contact's columns, asks for a key, confirms it, hangs up."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from botbridge import audio, speech
from botbridge.bots.spec import BotContext, BotSpec, Option, Prompt
from botbridge.bots.wording import KeyChoice, fill, key_choices, spoken_key, unknown_columns
from botbridge.line import Line, LineClosed, Said

WAIT_SECONDS: Final = 6
WAIT_SECONDS_MAX: Final = 30
POLITE_SECONDS: Final = 2.0
"""How long a bot that may be interrupted lets somebody finish a sentence before it speaks."""
SPOKEN: Final = ("message", "question", "thanks", "sorry", "goodbye")
"""The options whose text is spoken."""

OPTIONS: Final = (
    Option(
        "message",
        "Message",
        "long_text",
        help="Spoken to everybody. {name} is replaced by the contact's column of that name.",
        default="Hello {name}.",
    ),
    Option(
        "recording",
        "Recording (WAV)",
        "audio",
        help="Played before the message, or instead of it if the message is empty. At most 5 minutes.",
    ),
    Option("voice", "Voice", "choice", default=speech.DEFAULT_VOICE, choices=speech.voices()),
    Option(
        "question",
        "Question",
        "long_text",
        help="Spoken after the message and again if no key is pressed. Leave it empty to repeat the message.",
        default="Press 1 to confirm. Press 9 if you do not want to be called again.",
    ),
    Option(
        "keys",
        "Keys",
        "keys",
        help=(
            "One line a key: 1 = confirmed (goal): Promised to pay. The word in brackets is goal, progress, objection, "
            "stop or none; stop adds the number to do-not-call. Without any line the bot asks for no key."
        ),
        default="1 = confirmed (goal): Confirmed\n9 = stop: Do not call again",
    ),
    Option("thanks", "After a key", "text", default="You pressed {key}. Thank you."),
    Option("sorry", "After a wrong key", "text", default="Sorry, that is not one of the choices."),
    Option("goodbye", "Without a key", "text", default="Goodbye."),
    Option("wait_seconds", "Wait for a key, in seconds", "number", default=str(WAIT_SECONDS)),
    Option(
        "speech_cuts",
        "Talking interrupts the message",
        "choice",
        help="Keys always interrupt it.",
        default="no",
        choices=(("no", "No"), ("yes", "Yes")),
    ),
)


@dataclass(frozen=True)
class Script:
    """Everything that is said to one contact, filled in."""

    message: str
    question: str
    thanks: str
    sorry: str
    goodbye: str
    voice: str
    keys: Mapping[str, KeyChoice]
    wait_seconds: int
    speech_cuts: bool

    def thanks_for(self, choice: KeyChoice) -> str:
        """The confirmation of a key."""
        return fill(self.thanks, {"key": spoken_key(choice.digit)})

    def texts(self) -> tuple[str, ...]:
        """All texts that may be spoken, each once, the empty ones left out."""
        answers = [self.thanks_for(choice) for choice in self.keys.values()]
        asked = [self.question, *answers, self.sorry, self.goodbye] if self.keys else []
        return tuple(text for text in dict.fromkeys([self.message, *asked]) if text)


def script(options: Mapping[str, str], variables: Mapping[str, str]) -> Script:
    """The operator's settings made into what one contact will hear."""
    chosen = SPEC.with_defaults(options)
    spoken = {name: fill(chosen[name], variables) for name in SPOKEN if name != "thanks"}
    choices, _ = key_choices(chosen["keys"])
    return Script(
        **spoken,
        # {key} is known only when it is pressed
        thanks=fill(chosen["thanks"], {**variables, "key": "{key}"}),
        voice=chosen["voice"],
        keys=choices,
        wait_seconds=_wait_seconds(chosen) or WAIT_SECONDS,
        speech_cuts=chosen["speech_cuts"] == "yes",
    )


# A campaign plays the same recording into every call.
_decoded = lru_cache(maxsize=4)(audio.read_wav)


class Announcer:
    """One announcement."""

    def __init__(self, context: BotContext) -> None:
        self._speak = context.speak
        self._recording = context.audio.get("recording", b"")
        self._script = script(context.options, context.variables)
        self._result: tuple[str, str, str] = ("hung_up", "none", "Hung up before the end")

    async def run(self, line: Line) -> None:
        """Announce, ask, confirm. A disposition is recorded however it ends."""
        details: dict[str, str] = {}
        try:
            choice = await self._talk(line)
            if choice:
                self._result = (choice.disposition, choice.kind, choice.label)
                details = {"key": choice.digit}
        except LineClosed:
            line.dispose(*self._result, details)
            raise
        line.dispose(*self._result, details)
        await self._close(line, choice)

    async def _talk(self, line: Line) -> KeyChoice | None:
        """The message and, if there are keys, the question and its answer."""
        await self._announce(line)
        if not self._script.keys:
            self._result = ("heard", "progress", "Heard the message")
            return None
        choice = await self._answer(line)
        if choice is None and self._result[0] != "wrong_key":
            self._result = ("no_key", "none", "No key pressed")
        return choice

    async def _announce(self, line: Line) -> None:
        if self._recording:
            pcm = await asyncio.to_thread(_decoded, self._recording, line.sample_rate)
            if await self._say(line, pcm, "[recording]") is not Said.HEARD:
                return
        if await self._say_text(line, self._script.message) is Said.HEARD and self._script.keys:
            await self._say_text(line, self._script.question)

    async def _answer(self, line: Line) -> KeyChoice | None:
        """The choice made, asking twice at most; None without a valid key."""
        for last in (False, True):
            digit = await line.wait_key(self._script.wait_seconds)
            choice = self._script.keys.get(digit) if digit else None
            if choice:
                return choice
            if digit:
                self._result = ("wrong_key", "none", "Only keys without a meaning pressed")
                await self._say_text(line, self._script.sorry)
            if not last:
                await self._say_text(line, self._script.question or self._script.message)
        return None

    async def _close(self, line: Line, choice: KeyChoice | None) -> None:
        """The last words; nothing cuts them short."""
        if choice:
            await self._say_text(line, self._script.thanks_for(choice), last=True)
        elif self._script.keys:
            await self._say_text(line, self._script.goodbye, last=True)

    async def _say_text(self, line: Line, text: str, *, last: bool = False) -> Said:
        if not text:
            return Said.HEARD
        pcm = await self._speak(Prompt(text, self._script.voice), line.sample_rate)
        return await self._say(line, pcm, text, last=last)

    async def _say(self, line: Line, pcm: bytes, text: str, *, last: bool = False) -> Said:
        if self._script.speech_cuts:
            await line.wait_quiet(POLITE_SECONDS)
        keys_cut = bool(self._script.keys) and not last
        return await line.say(pcm, text, keys_cut=keys_cut, speech_cuts=self._script.speech_cuts and not last)


def prompts(options: Mapping[str, str], variables: Mapping[str, str]) -> tuple[Prompt, ...]:
    """Everything that may be said to one contact, to be rendered before the call is placed."""
    said = script(options, variables)
    return tuple(Prompt(text, said.voice) for text in said.texts())


def problems(options: Mapping[str, str], columns: Collection[str], speech_available: bool) -> list[str]:  # noqa: FBT001
    """Why a campaign cannot be launched with these options, in an operator's words."""
    chosen = SPEC.with_defaults(options)
    _, found = key_choices(chosen["keys"])
    found = _unknown(chosen, columns) + found
    if not chosen["message"].strip() and not chosen["recording"]:
        found.append("There is nothing to say: write a message or upload a recording.")
    if chosen["voice"] not in dict(speech.voices()):
        found.append(f"There is no voice “{chosen['voice']}”: choose one of the list.")
    if _wait_seconds(chosen) is None:
        found.append(f"“Wait for a key” must be a whole number of seconds from 1 to {WAIT_SECONDS_MAX}.")
    if not speech_available and script(chosen, {}).texts():
        found.append(
            "No voice is installed here, so text cannot be spoken: install the speech extra (make run does), or "
            "upload a recording and leave the message and the keys empty."
        )
    return found + [_too_long(name) for name in SPOKEN if len(chosen[name]) > speech.TEXT_MAX // 2]


def _unknown(chosen: Mapping[str, str], columns: Collection[str]) -> list[str]:
    with_key = {"thanks": [*columns, "key"]}
    return [
        f"“{_label(name)}” uses {{{column}}}, but the list has no column of that name. {_choice(columns)}"
        for name in SPOKEN
        for column in unknown_columns(chosen[name], with_key.get(name, columns))
    ]


def _choice(columns: Collection[str]) -> str:
    """What may be written instead. The column that holds the name is {name}, whatever the file calls it."""
    return f"There is {', '.join(f'{{{column}}}' for column in sorted(columns))}."


def _too_long(name: str) -> str:
    return f"“{_label(name)}” is too long to be spoken: at most {speech.TEXT_MAX // 2} characters."


def _label(name: str) -> str:
    return next(option.label for option in OPTIONS if option.name == name)


def _wait_seconds(options: Mapping[str, str]) -> int | None:
    written = options["wait_seconds"].strip()
    seconds = int(written) if written.isascii() and written.isdigit() and len(written) < 4 else 0
    return seconds if 1 <= seconds <= WAIT_SECONDS_MAX else None


SPEC: Final = BotSpec(
    name="announcer",
    label="Announcement",
    description="Speaks a message made from your columns, asks for a key and records the answer.",
    options=OPTIONS,
    max_seconds=600,
    problems=problems,
    prompts=prompts,
    create=Announcer,
)
