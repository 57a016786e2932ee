from importlib import import_module

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class DataCenterConfig(AppConfig):
    """The control room."""

    name = "datacenter"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from datacenter.access import changes  # models can be imported from here on only
        from datacenter.access.ship import ship_roles

        post_migrate.connect(ship_roles, sender=self)
        changes.connect()
        import_module("datacenter.people.journal")  # what happens at the door is written down
