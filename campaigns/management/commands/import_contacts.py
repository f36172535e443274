"""manage.py import_contacts FILE --list NAME: a CSV into a contact list, in this process."""

import json
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any, BinaryIO

from django.core.files import File
from django.core.management.base import CommandError

from campaigns.audit import COMMAND_LINE
from campaigns.importing import loading, mapping, phones, reading, report, uploads
from campaigns.importing.loading import Counts
from campaigns.management.base import DialerCommand
from campaigns.models import ContactImport, ContactList


class Command(DialerCommand):
    help = "Import a CSV of people into a contact list, which is made if there is none of that name."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("file", metavar="FILE", help="a CSV; encoding and delimiter are found out")
        parser.add_argument("--list", required=True, metavar="NAME", help="the list, made or appended to")
        parser.add_argument("--region", default="", help="country of numbers written without one, e.g. IN (default)")
        parser.add_argument("--phone-column", default="", metavar="COLUMN", help="guessed when left out")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            self._import(**{name: options[name] for name in ("file", "list", "region", "phone_column", "json")})
        except (reading.NotACsv, uploads.NotAList) as refused:
            raise CommandError(str(refused)) from refused
        except OSError as error:
            raise CommandError(f"{options['file']}: {error.strerror or error}.") from error

    def _import(self, *, file: str, list: str, region: str, phone_column: str, json: bool) -> None:  # noqa: A002
        path = Path(file)
        with path.open("rb") as opened:
            target = _target(list.strip(), region.upper())
            phone, name = _columns(opened, phone_column, target)
            contact_import = uploads.receive(File(opened, name=path.name), target, by=COMMAND_LINE)
        progress = None if json or not sys.stderr.isatty() else self._progress
        counts = loading.run_now(contact_import, phone, name, by=COMMAND_LINE, progress=progress)
        self._say_json(target.name, counts) if json else self._say(contact_import, counts)

    def _progress(self, counts: Counts) -> None:
        self.stderr.write(f"\r{counts.rows:,} rows", ending="")

    def _say_json(self, name: str, counts: Counts) -> None:
        self.stdout.write(json.dumps({"list": name} | vars(counts), ensure_ascii=False))

    def _say(self, contact_import: ContactImport, counts: Counts) -> None:
        self.stdout.write(
            f"{counts.rows:,} rows = {counts.imported:,} imported + {counts.duplicates:,} duplicates "
            f"+ {counts.rejected:,} rejected, into the list “{contact_import.contact_list}”."
        )
        for issue in report.examples(contact_import):
            self.stdout.write(f"  line {issue.line:,}: {issue.reason} ({issue.value!r})")


def _target(name: str, region: str) -> uploads.Target:
    if not name:
        raise CommandError("Give the list a name: --list NAME.")
    if region and not phones.is_region(region):
        raise CommandError(f"“{region}” is not a country code that Dialer knows. India is IN, Singapore is SG.")
    existing = ContactList.objects.filter(name=name).first()
    if existing and region and region != existing.region:
        raise CommandError(f"The list “{name}” reads numbers as {existing.region}; --region {region} contradicts it.")
    return uploads.Target(name, existing.region if existing else region or "IN", existing)


def _columns(opened: BinaryIO, phone_column: str, target: uploads.Target) -> tuple[str, str]:
    shape = reading.look(opened)
    guess = mapping.guess_in(opened, shape, target.region)
    phone = phone_column or guess.phone
    if phone in shape.header:
        return phone, guess.name if guess.name != phone else ""
    problem = f"The file has no column “{phone}”" if phone else "No column of the file looks like phone numbers"
    names = ", ".join(f"“{name}”" for name in shape.header)
    raise CommandError(f"{problem}. Its columns are {names}: choose one with --phone-column.")
