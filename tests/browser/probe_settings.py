"""A server with a page of our own, on which the live path is tried apart from what the screens look like."""

from datacenter.settings import BASE_DIR, TEMPLATES
from tests.browser.web_settings import *  # noqa: F403

ROOT_URLCONF = "tests.browser.probe_urls"
TEMPLATES = [{**TEMPLATES[0], "DIRS": [BASE_DIR / "tests/browser/templates", *TEMPLATES[0]["DIRS"]]}]
