from django.db import models


class DataCenter(models.Model):
    """A place with clusters in it; nothing migrates between two of them.

    It has one migration network, which may have a name and a subnet.
    """

    name = models.CharField(max_length=80, unique=True)
    description = models.CharField(max_length=200, blank=True)
    most_on_network = models.PositiveSmallIntegerField(default=16)  # migrations at once on its migration network
    migration_network = models.CharField(max_length=80, blank=True, default="")  # its name; "": it has none
    migration_subnet = models.CharField(max_length=43, blank=True, default="")  # "10.78.0.0/24"; "": not stated

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name
