"""How forms look: every widget carries the class of the stylesheet, every error is words."""

from typing import Any

from django import forms

CLASSES: dict[type[forms.Widget], str] = {
    forms.CheckboxInput: "",
    forms.CheckboxSelectMultiple: "",
    forms.RadioSelect: "",
    forms.HiddenInput: "",
    forms.Select: "select",
    forms.Textarea: "textarea",
}


def dress(field: forms.Field) -> None:
    """Give the field's widget its class: select, textarea, or input."""
    kind = next((name for widget, name in CLASSES.items() if isinstance(field.widget, widget)), "input")
    if kind:
        field.widget.attrs.setdefault("class", kind)


class PlainForm(forms.Form):
    """A form whose fields are shown by templates/_field.html. Errors come from us, not from the browser."""

    use_required_attribute = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            dress(field)
