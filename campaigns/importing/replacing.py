"""A file replaces a list: it is looked first whether it can mean that.

The wrong file, or the wrong column of the right one, would take a list apart, and nothing brings people back who have
left. So where more people would leave than stay somebody has to say that they shall.
"""

from django.db import connection, transaction

from campaigns import audit
from campaigns.audit import Actor
from campaigns.importing.options import Options
from campaigns.importing.reading import NotACsv
from campaigns.lifecycle import DUE_IMPORTS, IMPORT, ImportStatus, advance
from campaigns.models import ContactImport

NOBODY = (
    "Nobody in this file can be imported, so it replaces nobody and the list stays as it is. "
    "Check the phone column and upload it again."
)
_COUNT = """
    SELECT count(*) FILTER (WHERE NOT named), count(*) FILTER (WHERE named)
    FROM (SELECT changed_by IS NOT DISTINCT FROM %(import)s AS named FROM campaigns_contact
            WHERE contact_list_id = %(list)s AND NOT kept AND contact_import_id IS DISTINCT FROM %(import)s) AS one"""


class MostWouldLeave(NotACsv):
    """More would leave than stay, and nobody has said that so many shall: `leaving` people."""

    def __init__(self, leaving: int, staying: int) -> None:
        self.leaving = leaving
        would = "1 person" if leaving == 1 else f"{leaving:,} people"
        stay = {0: "nobody stays", 1: "1 stays"}.get(staying, f"{staying:,} stay")
        super().__init__(f"{would} would leave the list and {stay}. Nobody has left yet; the file’s people are on it.")


def check(job: ContactImport) -> None:
    """Of a replacing file whose rows are all in. Raises NotACsv before anybody leaves."""
    if not job.imported:
        raise NotACsv(NOBODY)
    if job.cursor:
        return  # they leave already: a process that died had checked
    with connection.cursor() as cursor:
        cursor.execute(_COUNT, {"import": job.pk, "list": job.contact_list_id})
        leaving, staying = cursor.fetchone()
    if leaving > max(staying, Options.of(job.options).leaving):
        raise MostWouldLeave(leaving, staying)


def let_them_leave(contact_import: ContactImport, *, by: Actor) -> bool:
    """The people of `contact_import.leaving` shall leave: the import goes on. False if it does not ask, or no more.

    A later file for the list ends the asking: whom that brought would leave, too.
    """
    job = ContactImport.objects.filter(pk=contact_import.pk, status=ImportStatus.FAILED, leaving__gt=0)
    later = ContactImport.objects.filter(contact_list=contact_import.contact_list_id, pk__gt=contact_import.pk)
    with transaction.atomic():
        asking = job.select_for_update().first()
        if asking is None or later.filter(rows__gt=0).exists() or later.filter(status__in=DUE_IMPORTS).exists():
            return False
        options = {**asking.options, "leaving": asking.leaving}
        again = {"options": options, "leaving": 0, "error": "", "finished_at": None}
        advance(job, IMPORT, ImportStatus.QUEUED, field="status", **again)
        subject = f"list:{asking.contact_list_id}"
        audit.record(by, "let people leave", subject, file=asking.file_name, people=asking.leaving)
    return True
