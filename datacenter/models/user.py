from django.contrib.auth.models import AbstractUser
from django.db import models
from django.utils import timezone


class User(AbstractUser):
    """A person. Our own class from the start, since Django cannot change it later."""

    noun = "user"

    class Source(models.TextChoices):
        """Who knows the password."""

        LOCAL = "local", "Godwit"
        LDAP = "ldap", "LDAP"
        OIDC = "oidc", "Single sign-on"

    source = models.CharField(max_length=8, choices=Source.choices, default=Source.LOCAL)
    #: until a password of their own is chosen, they reach nothing else
    must_change_password = models.BooleanField(default=False)
    #: an IANA zone in which times are shown; "": the browser's
    zone = models.CharField(max_length=64, blank=True, default="")


class UserSession(models.Model):
    """One browser in which somebody is signed in. ``key`` is Django's session; without that, this row means nothing."""

    noun = "session"

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="browsers")
    key = models.CharField(max_length=40, unique=True)
    since = models.DateTimeField(default=timezone.now)
    seen_at = models.DateTimeField(default=timezone.now)
    address = models.GenericIPAddressField(null=True)
    agent = models.CharField(max_length=300, blank=True, default="")

    class Meta:
        ordering = ("-seen_at", "-id")

    def __str__(self) -> str:
        return f"session of {self.user.get_username()}"
