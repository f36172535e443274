"""Adding somebody who signs in, and changing one's own password."""

from typing import Any

from django import forms
from django.contrib.auth.forms import PasswordChangeForm
from django.contrib.auth.validators import UnicodeUsernameValidator

from campaigns.forms.fields import PlainForm, dress


class UserForm(PlainForm):
    """The password is made here and shown once."""

    username = forms.CharField(
        label="User name",
        max_length=150,
        validators=[UnicodeUsernameValidator(message="Use letters, digits and @ . + - _ only.")],
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        error_messages={"required": "Enter a user name."},
    )
    first_name = forms.CharField(label="First name", required=False, max_length=150)
    last_name = forms.CharField(label="Last name", required=False, max_length=150)
    manages = forms.BooleanField(label="Manages users and accounts", required=False)


class MailForm(PlainForm):
    """Where one's own mail goes, and whether there is any."""

    email = forms.EmailField(
        label="E-mail",
        required=False,
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
        error_messages={"invalid": "Enter an address like meera@example.com."},
    )
    on_stall = forms.BooleanField(label="Mail me when a running campaign dials nobody for two minutes", required=False)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if cleaned.get("on_stall") and not cleaned.get("email") and "email" not in self.errors:
            self.add_error("email", "Enter the address that the mail shall go to.")
        return cleaned


class OwnPasswordForm(PasswordChangeForm):
    """The old one, and the new one twice."""

    use_required_attribute = False
    error_messages = {
        **PasswordChangeForm.error_messages,
        "password_incorrect": "This is not your password of now. Enter it again.",
        "password_mismatch": "The two new passwords differ. Enter them again.",
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["old_password"].label = "Your password of now"
        self.fields["old_password"].widget.attrs.pop("autofocus", None)
        self.fields["new_password1"].label = "New password"
        self.fields["new_password1"].help_text = "At least 12 characters."
        self.fields["new_password2"].label = "New password again"
        self.fields["new_password2"].help_text = ""
        for field in self.fields.values():
            dress(field)
