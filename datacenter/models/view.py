"""Saved views of lists."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone


class SavedView(models.Model):
    """A list as somebody wants to see it again: its address's parameters under a name, for oneself or for everybody."""

    noun = "saved_view"

    name = models.CharField(max_length=80)
    listing = models.CharField(max_length=40)  # the list's address name: "vms", "hosts"
    query = models.CharField(max_length=2000, blank=True, default="")  # "q=…&sort=…&columns=…"
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="saved_views")
    shared = models.BooleanField(default=False)
    made_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ("name", "id")
        constraints = [
            models.UniqueConstraint(fields=["owner", "listing", "name"], name="one_view_of_a_name_a_person"),
            models.UniqueConstraint(
                fields=["listing", "name"], condition=Q(shared=True), name="one_shared_view_of_a_name"
            ),
        ]

    def __str__(self) -> str:
        return self.name
