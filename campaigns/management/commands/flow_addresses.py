from typing import Any

from campaigns import account_tokens, creating
from campaigns.management.base import DialerCommand


class Command(DialerCommand):
    help = "Print the addresses to type into a flow's Passthru, Voicebot and Stream applets."

    def handle(self, **options: Any) -> None:
        account = creating.default_account()
        found = {one.key: one.address for one in account_tokens.addresses_of(account)}
        self.answer(options, found, "\n".join(f"{key}: {address}" for key, address in found.items()))
