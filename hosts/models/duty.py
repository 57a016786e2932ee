from django.db import models

from hosts.models.leased import Leased


class Duty(Leased):
    """Something that one process of the whole installation does at a time, such as "guardian"; others stand by."""

    name = models.CharField(max_length=40, unique=True)

    def __str__(self) -> str:
        return self.name
