from django.apps import AppConfig


class DataCenterConfig(AppConfig):
    """The control room."""

    name = "datacenter"
    default_auto_field = "django.db.models.BigAutoField"
