"""API tokens, and what was answered to requests that carried an Idempotency-Key."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils import timezone


class ApiToken(models.Model):
    """The right to use the API in its owner's name, narrowed to ``verbs`` and to what lies below ``roots``.

    The token itself is shown once and kept nowhere: ``digest`` is its SHA-256, which suffices for 256 random bits.
    """

    noun = "api_token"

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="api_tokens")
    name = models.CharField(max_length=60)
    prefix = models.CharField(max_length=16)  # the token's first characters, by which a person knows it again
    digest = models.CharField(max_length=64, unique=True)
    verbs = ArrayField(models.CharField(max_length=20), default=list)  # of access.Verb
    roots = models.JSONField(null=True, blank=True)  # [["cluster", 3], …]; None: all that the owner may
    made_at = models.DateTimeField(default=timezone.now)
    made_by = models.CharField(max_length=150)
    expires_at = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True, blank=True)  # to the minute
    last_used_from = models.GenericIPAddressField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    revoked_by = models.CharField(max_length=150, blank=True, default="")

    class Meta:
        ordering = ("-made_at", "-id")
        constraints = [
            models.UniqueConstraint(
                fields=["owner", "name"],
                condition=models.Q(revoked_at=None),
                name="one_live_token_of_a_name",
            )
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_over(self) -> bool:
        """Revoked, or past its date."""
        return self.revoked_at is not None or self.expires_at <= timezone.now()


class KeptAnswer(models.Model):
    """What a POST with an Idempotency-Key was answered: written in the transaction of the order itself.

    So there is no key without its answer, and a second request with the key waits for the first one's end.
    """

    token = models.ForeignKey(ApiToken, on_delete=models.CASCADE, related_name="kept_answers")
    key = models.CharField(max_length=200)
    fingerprint = models.CharField(max_length=64)  # SHA-256 of method, path and body
    status = models.PositiveSmallIntegerField(default=0)
    body = models.TextField(blank=True, default="")
    content_type = models.CharField(max_length=80, blank=True, default="")
    headers = models.JSONField(default=dict, blank=True)  # Location, ETag
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes = [models.Index(fields=["at"], name="kept_answer_at")]
        constraints = [models.UniqueConstraint(fields=["token", "key"], name="one_answer_a_key")]
