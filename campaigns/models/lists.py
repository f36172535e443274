from collections.abc import Iterable

from django.conf import settings
from django.db import models
from django.utils import timezone

from campaigns.lifecycle import DUE_IMPORTS, ImportStatus


class ContactList(models.Model):
    """People to call, as imported. `region` is the country of numbers written without one (ISO 3166, e.g. IN)."""

    name = models.CharField(max_length=120, unique=True)
    region = models.CharField(max_length=2, default="IN")
    columns = models.JSONField(default=list)  # names of the extra columns, in the order of the first file
    types = models.JSONField(default=dict)  # kinds (campaigns.importing.values) of those that are not text, by name
    created_at = models.DateTimeField(default=timezone.now)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True)

    def __str__(self) -> str:
        return self.name


def columns_of(lists: Iterable[ContactList]) -> list[str]:
    """What is known of each person of the lists: the name first, then their other columns in order of the alphabet."""
    return ["name", *sorted({column for one in lists for column in one.columns} - {"name"})]


class ContactImport(models.Model):
    """One uploaded file on its way into a list. rows = imported + duplicates + rejected once it is done."""

    contact_list = models.ForeignKey(ContactList, on_delete=models.CASCADE, related_name="imports")
    status = models.CharField(max_length=10, choices=ImportStatus, default=ImportStatus.UPLOADED)
    name = models.CharField(max_length=120, default="", blank=True)  # an operator's word for it
    file_name = models.CharField(max_length=255)
    digest = models.CharField(max_length=64, default="", blank=True, db_index=True)  # SHA-256 of the file
    file = models.FileField(upload_to="imports/", max_length=255)
    # of a workbook: the sheet that was taken, all that may be taken instead, and the workbook itself until it is queued
    sheet = models.CharField(max_length=255, default="", blank=True)
    sheets = models.JSONField(default=list)
    workbook = models.FileField(upload_to="imports/", max_length=255, default="", blank=True)
    size = models.BigIntegerField(default=0)
    encoding = models.CharField(max_length=20, default="utf-8")
    delimiter = models.CharField(max_length=1, default=",")
    header = models.JSONField(default=list)
    phone_column = models.CharField(max_length=255, default="", blank=True)
    name_column = models.CharField(max_length=255, default="", blank=True)
    options = models.JSONField(default=dict)  # campaigns.importing.options.Options
    rows = models.PositiveIntegerField(default=0)
    imported = models.PositiveIntegerField(default=0)
    duplicates = models.PositiveIntegerField(default=0)
    rejected = models.PositiveIntegerField(default=0)
    updated = models.PositiveIntegerField(default=0)  # of the imported: were on the list and brought up to date
    removed = models.PositiveIntegerField(default=0)  # people who left the list because the file replaced it
    undone = models.PositiveIntegerField(default=0)  # of the imported: gone, or as before, since the import was undone
    kept = models.PositiveIntegerField(default=0)  # who stayed when others were removed: they have been called
    cursor = models.BigIntegerField(default=0)  # id of the last contact that was looked at to be removed
    restoring = models.BooleanField(default=False, db_default=False)  # an undo that only has to give back what changed
    # people who would leave, more than stay: the import has failed until somebody confirms that they shall
    leaving = models.PositiveIntegerField(default=0, db_default=0)
    tried_at = models.DateTimeField(null=True)  # when a worker last took it on
    flagged = models.PositiveIntegerField(default=0)  # of the imported: with a value that is not of its column's kind
    suppressed = models.PositiveIntegerField(default=0)  # of the imported: on do-not-call at that moment
    repairs = models.JSONField(default=dict)  # by kind: {"rows": n, "line": of the first, "before": …, "after": …}
    bytes_read = models.BigIntegerField(default=0)
    error = models.TextField(default="", blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            # import_tick: the next file to import
            models.Index(
                fields=["created_at"],
                name="import_waiting",
                condition=models.Q(status__in=DUE_IMPORTS),
            )
        ]

    def __str__(self) -> str:
        return self.name or self.file_name


class ImportIssue(models.Model):
    """A row that did not become a contact, or whose value was flagged, and why. `line` is where the row starts."""

    class Kind(models.TextChoices):
        DUPLICATE = "duplicate", "Duplicate"
        REJECTED = "rejected", "Rejected"
        FLAGGED = "flagged", "Taken and flagged"

    contact_import = models.ForeignKey(ContactImport, on_delete=models.CASCADE, related_name="issues", db_index=False)
    kind = models.CharField(max_length=10, choices=Kind)
    line = models.PositiveIntegerField()
    column = models.CharField(max_length=100, default="", blank=True)  # heading of the cell at fault
    reason = models.CharField(max_length=200)
    value = models.CharField(max_length=200, default="", blank=True)
    row = models.JSONField(default=list)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["contact_import", "line"], name="one_issue_per_line"),
        ]
        # the report's page, in the order of the file
        indexes = [models.Index(fields=["contact_import", "id"], name="issue_in_order")]
        ordering = ["contact_import", "line"]

    def __str__(self) -> str:
        return f"line {self.line}: {self.reason}"


class Contact(models.Model):
    """One person of one list: the number in E.164, and everything else of the row by column name.

    The two references are checked once a statement, by triggers (migration `references_by_statement`): PostgreSQL's own
    checks run once a row and took as long as the row itself.
    """

    contact_list = models.ForeignKey(
        ContactList, on_delete=models.CASCADE, related_name="contacts", db_index=False, db_constraint=False
    )
    phone = models.CharField(max_length=16)
    name = models.CharField(max_length=200, default="", blank=True)
    time_zone = models.CharField(max_length=64, default="", blank=True)  # '' = the campaign's
    variables = models.JSONField(default=dict)
    alternatives = models.JSONField(default=list)  # further numbers of the person in E.164; only `phone` is dialled
    language = models.CharField(max_length=100, default="", blank=True)
    external_id = models.CharField(max_length=100, default="", blank=True)  # theirs in the system that made the file
    consent = models.CharField(max_length=100, default="", blank=True)  # as the file says it; a no is not imported
    flag = models.CharField(max_length=300, default="", blank=True)  # what to look at, in words
    # taken off the list after a call to them: they stay for its sake, and no campaign calls them
    kept = models.BooleanField(default=False, db_default=False)
    contact_import = models.ForeignKey(
        ContactImport, on_delete=models.SET_NULL, null=True, related_name="+", db_index=False, db_constraint=False
    )
    line = models.PositiveIntegerField(default=0)  # of the file that brought or last changed them
    changed_by = models.BigIntegerField(null=True)  # id of the import that last brought them up to date
    before = models.JSONField(null=True)  # what that import has replaced, by column
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["contact_list", "phone"], name="person_once_per_list")]
        indexes = [
            # merging: who has this id
            models.Index(
                fields=["contact_list", "external_id"],
                name="person_by_external_id",
                condition=~models.Q(external_id=""),
            ),
            # importing: who was kept and is named again
            models.Index(fields=["contact_list", "phone"], name="person_kept", condition=models.Q(kept=True)),
            # enrolling, and the list's page: the next people of a list, in its order
            models.Index(fields=["contact_list", "id"], name="person_in_order"),
        ]

    def __str__(self) -> str:
        return self.name or f"contact {self.pk}"
