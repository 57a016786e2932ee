from django.db import models


class DataCenter(models.Model):
    """A place with clusters in it; nothing migrates between two of them."""

    name = models.CharField(max_length=80, unique=True)
    description = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name
