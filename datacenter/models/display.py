"""A wall display: a named link that only shows, and the screens that show it."""

from django.db import models
from django.utils import timezone

#: which scene, and for how many seconds: the rotation of a display that nobody has arranged
ROTATION = [["heat", 20], ["hosts", 20], ["migrations", 20], ["alerts", 15]]


def rotation() -> list[list[object]]:
    """A copy of the shipped one, for a new row."""
    return [list(each) for each in ROTATION]


class Display(models.Model):
    """One link. Whoever has it may look at the scope, and at nothing else; the link itself is not kept.

    A link is ``handle.secret``: the row is found by its handle, the secret is compared with ``secret_hash`` (SHA-256).
    """

    noun = "display"

    class Scope(models.TextChoices):
        SYSTEM = "system", "Everything"
        DATACENTER = "datacenter", "Data center"
        CLUSTER = "cluster", "Cluster"

    class Theme(models.TextChoices):
        DARK = "dark", "Dark"
        LIGHT = "light", "Light"

    name = models.CharField(max_length=80, unique=True)
    scope = models.CharField(max_length=12, choices=Scope.choices, default=Scope.SYSTEM)
    scope_pk = models.BigIntegerField(null=True, blank=True)  # None with SYSTEM; a row that is gone shows nothing
    scenes = models.JSONField(default=rotation)  # [[scene, seconds], …] in the order of the rotation
    comes_forward = models.BooleanField(default=True)  # the scene that shows what is wrong, in the rotation or not
    theme = models.CharField(max_length=10, choices=Theme.choices, default=Theme.DARK)

    handle = models.CharField(max_length=16, unique=True)
    secret_hash = models.CharField(max_length=64)
    link_made_at = models.DateTimeField(default=timezone.now)
    made_by = models.CharField(max_length=150)
    made_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    revoked_by = models.CharField(max_length=150, blank=True, default="")

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name


class DisplayScreen(models.Model):
    """One screen that showed a display: seen at its hello and every few seconds while its socket is open."""

    display = models.ForeignKey(Display, on_delete=models.CASCADE, related_name="screens")
    key = models.CharField(max_length=32)  # random, of its page as it was loaded
    address = models.CharField(max_length=45, blank=True, default="")  # from where, as the web process saw it
    size = models.CharField(max_length=20, blank=True, default="")  # "3840x2160", by its own word
    version = models.CharField(max_length=20, blank=True, default="")  # of the page it shows
    opened_at = models.DateTimeField(default=timezone.now)
    seen_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ("-seen_at",)
        indexes = [models.Index(fields=["display", "seen_at"], name="display_screens_seen")]
