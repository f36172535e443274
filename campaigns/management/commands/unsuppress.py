from argparse import ArgumentParser
from typing import Any

from campaigns import suppressing
from campaigns.audit import COMMAND_LINE
from campaigns.management.base import DialerCommand, country


class Command(DialerCommand):
    help = "Take numbers off the do-not-call list."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("numbers", nargs="+")
        parser.add_argument("--region", type=country, default="IN", help="country of numbers written without one")

    def handle(self, **options: Any) -> None:
        phones = suppressing.read_numbers(options["numbers"], options["region"])
        removed = suppressing.unsuppress(phones, by=COMMAND_LINE)
        self.answer(options, {"removed": removed, "numbers": len(phones)}, f"{removed} numbers were taken off.")
