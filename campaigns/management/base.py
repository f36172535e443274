"""What the commands share: --json, and refusals as one sentence on standard error with exit status 1."""

import json
import sys
from argparse import ArgumentParser, ArgumentTypeError
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError
from django.db import OperationalError, connections

from campaigns.importing import phones
from campaigns.models import Campaign
from campaigns.refusals import NotAllowed


class DialerCommand(BaseCommand):
    """A command whose answer is one sentence, or with --json one object on standard output."""

    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def answer(self, options: dict[str, Any], found: dict[str, Any], sentence: str) -> None:
        self.stdout.write(json.dumps(found, ensure_ascii=False) if options["json"] else sentence)

    def run_from_argv(self, argv: list[str]) -> None:
        """From the command line a refusal is its sentence alone, without a traceback or a class name."""
        try:
            parser = self.create_parser(argv[0], argv[1])
            options = vars(parser.parse_args(argv[2:]))
            self.execute(*options.pop("args", ()), **options)
        except CommandError as refused:
            self.stderr.write(str(refused))
            sys.exit(1)
        except ImproperlyConfigured as wrong:
            self.stderr.write(str(wrong))
            sys.exit(1)
        except OperationalError:
            self.stderr.write("The database does not answer: is the installation still running? Try again.")
            sys.exit(1)
        finally:
            connections.close_all()

    def execute(self, *args: Any, **options: Any) -> str | None:
        try:
            return super().execute(*args, **options)
        except NotAllowed as refused:
            raise CommandError("\n".join(refused.problems)) from refused


def country(text: str) -> str:
    """A country code for argparse's `type`."""
    if not phones.is_region(text.upper()):
        raise ArgumentTypeError(f"“{text}” is not a country code that Dialer knows. India is IN, Singapore is SG.")
    return text.upper()


class CampaignCommand(DialerCommand):
    """A command about one campaign, named by its id."""

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("id", type=int, help="the campaign's id, as create_campaign printed it")

    def campaign(self, options: dict[str, Any]) -> Campaign:
        found = Campaign.objects.select_related("account").filter(pk=options["id"]).first()
        if found is None:
            raise CommandError(f"There is no campaign {options['id']}.")
        return found
