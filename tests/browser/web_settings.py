"""The product's settings, but for static files: found where they lie, without a collectstatic before each run."""

from datacenter.settings import *  # noqa: F403
from datacenter.settings import STORAGES as PRODUCT

STORAGES = {**PRODUCT, "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = True
