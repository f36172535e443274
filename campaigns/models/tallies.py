from django.db import models


class Tally(models.Model):
    """A change of one count: the sum of `n` over the rows of a count is the count. Append-only.

    Triggers write it beside every change of the rows that are counted (migration `tallies`); `campaigns.tallies` reads,
    folds and recounts. No foreign key: it would lock the campaign's row. `about` is "campaign:12", "list:3",
    "do-not-call" or "hours:simulator". `minute` is 0 for a count of all time, else minutes since 1970 at which the
    count of a minute, five minutes or half an hour begins.
    """

    about = models.CharField(max_length=30)
    minute = models.IntegerField(default=0)
    measure = models.CharField(max_length=40)
    n = models.BigIntegerField()

    class Meta:
        # every reader: the counts of one thing, or those since a moment, from the index alone
        indexes = [models.Index(fields=["about", "minute", "measure"], include=["n"], name="tally_read")]

    def __str__(self) -> str:
        return f"{self.about} {self.measure} {self.n:+}"
