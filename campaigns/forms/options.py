"""The options of the bots as form fields: their names, their kinds, and the box that removes an uploaded recording."""

from dataclasses import dataclass
from typing import Any

from django import forms

from campaigns import bots
from campaigns.forms.audio import AudioField


@dataclass(frozen=True)
class BotChoice:
    """A bot on the form: its radio button and the fields of its options."""

    name: str
    label: str
    description: str
    chosen: bool
    fields: list[forms.BoundField]


def option_key(bot: str, option: str) -> str:
    return f"option-{bot}-{option}"


def removal_key(bot: str, option: str) -> str:
    return f"remove-{bot}-{option}"


def option_field(option: bots.Option, kept: str = "") -> forms.Field:
    """The form field for one of a bot's options."""
    shared: dict[str, Any] = {
        "label": option.label,
        "required": False,
        "help_text": option.help,
        "initial": option.default,
    }
    if option.kind == "audio":
        shared["help_text"] = f"{option.help} Kept: {kept}. Choose a file to replace it." if kept else option.help
        return AudioField(**shared)
    if option.kind == "choice":
        return forms.ChoiceField(choices=option.choices, **shared)
    if option.kind == "number":
        error = {"invalid": "Enter a whole number."}
        return forms.RegexField(
            r"^\d{1,6}$", widget=forms.TextInput(attrs={"inputmode": "numeric"}), error_messages=error, **shared
        )
    if option.kind in ("long_text", "keys"):
        return forms.CharField(widget=forms.Textarea(attrs={"rows": 3}), max_length=10_000, **shared)
    return forms.CharField(max_length=1000, **shared)
