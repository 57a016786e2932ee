from django.db import models


class DataCenter(models.Model):
    """A place with clusters in it; nothing migrates between two of them. It has one migration network today."""

    name = models.CharField(max_length=80, unique=True)
    description = models.CharField(max_length=200, blank=True)
    most_on_network = models.PositiveSmallIntegerField(default=16)  # migrations at once on its migration network

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name
