from django.db import models


class Heartbeat(models.Model):
    """When a kind of process was last seen, whether or not there was anything to do; see campaigns.heartbeat."""

    name = models.CharField(max_length=20, primary_key=True)
    seen_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.name} at {self.seen_at}"
