"""Every file of the corpus through the real import: the rows add up, each rejection has its reason."""

import pytest
from django.core.files.base import ContentFile

from campaigns.audit import COMMAND_LINE
from campaigns.importing import loading, mapping, uploads
from campaigns.importing.loading import Counts
from campaigns.importing.reading import NotACsv
from campaigns.models import Contact, ContactImport, ContactList, ImportIssue
from tests.importing.corpus import CORPUS, Case
from tests.importing.corpus_refused import REFUSED

pytestmark = pytest.mark.django_db


def received(content: bytes, region: str = "IN", name: str = "People") -> ContactImport:
    target = uploads.Target(name, region)
    return uploads.receive(ContentFile(content, name="people.csv"), target, by=COMMAND_LINE)


def imported(content: bytes, region: str = "IN", name: str = "People") -> tuple[ContactImport, Counts]:
    """As the page does it, with the columns that are guessed; the last one for the phone when none is found."""
    contact_import = received(content, region, name)
    guess = mapping.guess(contact_import)
    phone = guess.phone or contact_import.header[-1]
    named = guess.name if guess.name != phone else ""
    assert uploads.queue(contact_import, phone, named, guess.options.without(phone), by=COMMAND_LINE)
    return contact_import, loading.run(contact_import.pk)


def conserved(contact_import: ContactImport, counts: Counts) -> None:
    """rows = imported + duplicates + rejected, of people and lines as they are stored, each rejection with a reason."""
    assert counts.rows == counts.imported + counts.duplicates + counts.rejected
    assert Contact.objects.filter(contact_import=contact_import).count() == counts.imported
    issues = list(contact_import.issues.filter(kind__in=[ImportIssue.Kind.REJECTED, ImportIssue.Kind.DUPLICATE]))
    assert len(issues) == counts.duplicates + counts.rejected
    assert all(issue.reason for issue in issues)
    people = Contact.objects.filter(contact_import=contact_import).values_list("line", flat=True)
    assert len({*people, *(issue.line for issue in issues)}) == counts.rows


@pytest.mark.parametrize("case", CORPUS.values(), ids=CORPUS.keys())
def test_a_file_of_the_corpus_comes_in_as_expected(case: Case) -> None:
    contact_import, counts = imported(case.content, case.region)
    assert (counts.imported, counts.duplicates, counts.rejected) == (case.imported, case.duplicates, case.rejected)
    assert counts.rows == case.rows
    conserved(contact_import, counts)
    assert contact_import.encoding == (case.encoding or contact_import.encoding)
    assert contact_import.delimiter == (case.delimiter or contact_import.delimiter)
    issues = contact_import.issues.filter(kind=ImportIssue.Kind.REJECTED).order_by("line")
    for issue, words in zip(issues, case.reasons, strict=bool(case.reasons)):
        assert words.lower() in issue.reason.lower()


@pytest.mark.parametrize(("content", "words"), REFUSED.values(), ids=REFUSED.keys())
def test_a_file_that_holds_no_list_is_refused_and_leaves_nothing(content: bytes, words: str) -> None:
    with pytest.raises(NotACsv, match=words) as refused:
        received(content)
    assert refused.value.reason.endswith(".")
    assert not ContactList.objects.exists()


def test_the_corpus_is_large() -> None:
    assert len(CORPUS) + len(REFUSED) >= 150
