from django.apps import AppConfig


class HostsConfig(AppConfig):
    """The machine room."""

    name = "hosts"
    default_auto_field = "django.db.models.BigAutoField"
