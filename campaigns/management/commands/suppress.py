from argparse import ArgumentParser
from typing import Any

from campaigns import suppressing
from campaigns.audit import COMMAND_LINE
from campaigns.management.base import DialerCommand, country


class Command(DialerCommand):
    help = "Put numbers on the do-not-call list."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("numbers", nargs="+")
        parser.add_argument("--reason", required=True)
        parser.add_argument("--region", type=country, default="IN", help="country of numbers written without one")

    def handle(self, **options: Any) -> None:
        phones = suppressing.read_numbers(options["numbers"], options["region"])
        added = suppressing.suppress(phones, reason=options["reason"], by=COMMAND_LINE)
        self.answer(options, {"added": added, "numbers": len(phones)}, f"{added} of {len(phones)} numbers were new.")
