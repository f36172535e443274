from django.conf import settings
from django.db import models
from django.utils import timezone


class AuditEntry(models.Model):
    """Who did what to which thing. Written in the transaction of the act itself; never changed."""

    at = models.DateTimeField(default=timezone.now)
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True)
    actor_name = models.CharField(max_length=150)  # "Dialer" for the product itself, "command line" for manage.py
    action = models.CharField(max_length=40)
    subject = models.CharField(max_length=40)  # e.g. campaign:12
    details = models.JSONField(default=dict)

    class Meta:
        indexes = [models.Index(fields=["subject", "-at"], name="audit_of_subject")]

    def __str__(self) -> str:
        return f"{self.actor_name} {self.action} {self.subject}"
