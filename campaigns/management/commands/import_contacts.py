"""manage.py import_contacts FILE --list NAME: a CSV into a contact list, in this process."""

import json
import sys
from argparse import ArgumentParser
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

from django.core.files import File
from django.core.management.base import CommandError

from campaigns.audit import COMMAND_LINE
from campaigns.importing import loading, mapping, phones, reading, report, uploads, workbooks
from campaigns.importing.loading import Counts
from campaigns.importing.one_at_a_time import in_front_of
from campaigns.importing.options import APPEND, BY_ID, BY_PHONE, FLAG, MERGE, REJECT, REPLACE, ROLES, Options
from campaigns.importing.replacing import MostWouldLeave
from campaigns.management.base import DialerCommand
from campaigns.models import ContactImport, ContactList


class Command(DialerCommand):
    help = "Import a CSV of people into a contact list, which is made if there is none of that name."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "file", metavar="FILE", help="a CSV or an Excel workbook (.xlsx); encoding and delimiter are found out"
        )
        parser.add_argument("--sheet", default="", metavar="NAME", help="of a workbook; its first that is not empty")
        parser.add_argument("--list", required=True, metavar="NAME", help="the list, made or appended to")
        parser.add_argument("--region", default="", help="country of numbers written without one, e.g. IN (default)")
        parser.add_argument("--phone-column", default="", metavar="COLUMN", help="guessed when left out")
        parser.add_argument(
            "--map",
            action="append",
            default=[],
            metavar="COLUMN=ROLE",
            help=f"what a column is, where the guess is not right: one of {', '.join(ROLES)}",
        )
        how = parser.add_mutually_exclusive_group()
        how.add_argument("--merge", action="store_true", help="bring people who are on the list up to date")
        how.add_argument("--replace", action="store_true", help="merge, and remove whoever is not in the file")
        parser.add_argument(
            "--leaving",
            type=int,
            default=0,
            metavar="N",
            help="with --replace: so many people may leave the list, even if that is more than stay",
        )
        parser.add_argument("--by-id", action="store_true", help="merge by the column with the role id, not by number")
        parser.add_argument("--name", default="", help="of this import; the file's if left out")
        parser.add_argument("--only-mobiles", action="store_true", help="reject numbers that are no mobiles")
        parser.add_argument("--reject-wrong-values", action="store_true", help="reject them instead of flagging them")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            asked = Asked(**{name: options[name] for name in Asked.__dataclass_fields__})
            self._import(asked, **{name: options[name] for name in ("file", "list", "region", "sheet", "json")})
        except MostWouldLeave as asks:
            raise CommandError(f"{asks} If they shall, say --leaving {asks.leaving}.") from asks
        except (reading.NotACsv, uploads.NotAList) as refused:
            raise CommandError(str(refused)) from refused
        except OSError as error:
            raise CommandError(f"{options['file']}: {error.strerror or error}.") from error

    def _import(
        self,
        asked: "Asked",
        *,
        file: str,
        list: str,  # noqa: A002
        region: str,
        sheet: str,
        json: bool,
    ) -> None:
        path = Path(file)
        with path.open("rb") as opened, workbooks.as_text(opened, sheet) as text:
            target = _target(list.strip(), region.upper())
            phone, name, options = _columns(text.file, asked, target)
            named = workbooks.named(path.name, text.sheet) if text.sheet else path.name
            contact_import = uploads.receive(File(text.file, name=named), target, by=COMMAND_LINE)
        if same := uploads.same_file(contact_import):
            self.stderr.write(f"This very file was imported before, into “{same.contact_list}”; it is imported again.")
        if first := in_front_of(contact_import):
            self.stderr.write(f"“{first}” is on its way into that list; this file comes after it.")
        progress = None if json or not sys.stderr.isatty() else self._progress
        counts = loading.run_now(
            contact_import, phone, name, by=COMMAND_LINE, options=options, name=asked.name, progress=progress
        )
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


@dataclass(frozen=True)
class Asked:
    """What the command line says about the columns."""

    phone_column: str
    map: Sequence[str]
    only_mobiles: bool
    reject_wrong_values: bool
    merge: bool
    replace: bool
    leaving: int
    by_id: bool
    name: str

    def changes(self) -> dict[str, Any]:
        """What it says about Options beside the columns."""
        return {
            "only_mobiles": self.only_mobiles,
            "wrong_values": REJECT if self.reject_wrong_values else FLAG,
            "how": REPLACE if self.replace else MERGE if self.merge else APPEND,
            "match_by": BY_ID if self.by_id else BY_PHONE,
            "leaving": self.leaving,
        }


def _columns(opened: BinaryIO, asked: Asked, target: uploads.Target) -> tuple[str, str, Options]:
    """(phone, name, everything else): the guess, with what was asked for in its place."""
    shape = reading.look(opened)
    guess = mapping.guess_in(opened, shape, target.region)
    phone, name, options = guess.phone, guess.name, guess.options
    for column, role in _mapped(asked.map, shape.header):
        phone, name = (value if value != column else "" for value in (phone, name))
        options = options.without(column)
        if role in ("phone", "name"):
            phone, name = (column, name) if role == "phone" else (phone, column)
        else:
            options = options.having(column, role)
    phone = asked.phone_column or phone
    options = replace(options.without(phone), **asked.changes())
    if asked.by_id and not options.external_id:
        raise CommandError("--by-id needs a column with your ids: say --map COLUMN=id.")
    if phone in shape.header:
        return phone, name if name != phone else "", options
    problem = f"The file has no column “{phone}”" if phone else "No column of the file looks like phone numbers"
    raise CommandError(f"{problem}. {_names(shape.header)}: choose one with --phone-column.")


def _mapped(given: Sequence[str], header: Sequence[str]) -> Iterator[tuple[str, str]]:
    for one in given:
        column, _, role = one.rpartition("=")
        if role not in ROLES:
            raise CommandError(f"--map {one}: say COLUMN=ROLE, with a role out of {', '.join(ROLES)}.")
        if column not in header:
            raise CommandError(f"The file has no column “{column}”. {_names(header)}.")
        yield column, role


def _names(header: Sequence[str]) -> str:
    return "Its columns are " + ", ".join(f"“{name}”" for name in header)
