"""Signing in, with errors that say what to do next."""

from typing import Any

from django.contrib.auth.forms import AuthenticationForm
from django.core.exceptions import NON_FIELD_ERRORS

from campaigns.forms.fields import dress
from campaigns.templatetags.dialer import plural


class SignInForm(AuthenticationForm):
    """User name and password."""

    use_required_attribute = False
    error_messages = {
        "invalid_login": "User name and password do not match.",
        "inactive": "This user has been switched off. Somebody who manages this installation can switch it on again.",
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["username"].label = "User name"
        self.fields["username"].error_messages["required"] = "Enter your user name."
        self.fields["password"].error_messages["required"] = "Enter your password."
        for field in self.fields.values():
            dress(field)

    def say_tries_left(self, tries: int) -> None:
        """Replace the error by one that counts down to the wait."""
        self.errors[NON_FIELD_ERRORS] = self.error_class(
            [f"User name and password do not match. {plural(tries, 'try,tries')} left before a wait of 15 min."],
            error_class="nonfield",
        )
