"""Django's settings. What an installation may set is read from the environment, each named in docs/settings.md."""

import os
import secrets
from pathlib import Path

import dj_database_url

from datacenter.database import database_url

BASE_DIR = Path(__file__).resolve().parent.parent
VAR = Path(os.environ.get("GODWIT_VAR", BASE_DIR / "var"))


def _secret_key() -> str:
    """From GODWIT_SECRET_KEY, else made once and kept in var/ for this installation alone."""
    if key := os.environ.get("GODWIT_SECRET_KEY"):
        return key
    kept = VAR / "secret_key"
    if not kept.exists():
        VAR.mkdir(parents=True, exist_ok=True)
        try:
            with os.fdopen(os.open(kept, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                file.write(secrets.token_urlsafe(50))
        except FileExistsError:  # another process was faster
            pass
    return kept.read_text()


SECRET_KEY = _secret_key()
DEBUG = os.environ.get("GODWIT_DEBUG") == "1"
ALLOWED_HOSTS = os.environ.get("GODWIT_ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]").split(",")
CSRF_TRUSTED_ORIGINS = [origin for origin in os.environ.get("GODWIT_TRUSTED_ORIGINS", "").split(",") if origin]

INSTALLED_APPS = [
    "whitenoise.runserver_nostatic",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.messages",
    "django.contrib.postgres",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "channels",
    "csp",
    "procrastinate.contrib.django",
    "hosts",
    "datacenter",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",  # default deny: a public view says so itself
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "datacenter.urls"
ASGI_APPLICATION = "datacenter.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
            "builtins": ["datacenter.templatetags.godwit"],
        },
    }
]

DATABASES = {"default": dj_database_url.parse(database_url(), conn_max_age=60, conn_health_checks=True)}
# libpq would wait for ever, for a connection and for an answer over a line that has gone dead: a worker that is cut off
# has to notice it about as soon as its leases run out (10 s)
DATABASES["default"]["OPTIONS"] = {
    "connect_timeout": 5,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
    **DATABASES["default"].get("OPTIONS", {}),
}

AUTH_USER_MODEL = "datacenter.User"
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "overview"
LOGOUT_REDIRECT_URL = "login"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = os.environ.get("GODWIT_HTTPS") == "1"
CSRF_FAILURE_VIEW = "datacenter.screens.errors.csrf_failed"
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'self'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "connect-src": ["'self'"],
        "object-src": ["'none'"],
        "base-uri": ["'none'"],
        "form-action": ["'self'"],
        "frame-ancestors": ["'none'"],
    }
}

STATIC_URL = "static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT = VAR / "static"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
WHITENOISE_MANIFEST_STRICT = False

PROCRASTINATE_IMPORT_PATHS = ["hosts.livemigration.tasks", "hosts.lifecycle.tasks"]

# SSH keys and known hosts, a folder a data center (docs/host-work.md)
KEYS = Path(os.environ.get("GODWIT_KEYS", VAR / "keys"))

# signs webhooks; made once and kept in var/ where it is not given
WEBHOOK_SECRET = os.environ.get("GODWIT_WEBHOOK_SECRET", "")
# webhooks go to public addresses only, and to these networks
WEBHOOK_NETWORKS = [each for each in os.environ.get("GODWIT_WEBHOOK_NETWORKS", "").split(",") if each.strip()]

# reports by mail; without a server none is sent
EMAIL_HOST = os.environ.get("GODWIT_SMTP_HOST", "")
_smtp_security = os.environ.get("GODWIT_SMTP_SECURITY", "starttls")
EMAIL_USE_TLS, EMAIL_USE_SSL = _smtp_security == "starttls", _smtp_security == "tls"
EMAIL_PORT = int(os.environ.get("GODWIT_SMTP_PORT", "465" if EMAIL_USE_SSL else "587" if EMAIL_USE_TLS else "25"))
EMAIL_HOST_USER = os.environ.get("GODWIT_SMTP_USER", "")
EMAIL_HOST_PASSWORD = os.environ.get("GODWIT_SMTP_PASSWORD", "")
EMAIL_TIMEOUT = 20
DEFAULT_FROM_EMAIL = os.environ.get("GODWIT_MAIL_FROM", "godwit@localhost")

USE_TZ = True
TIME_ZONE = "UTC"
USE_I18N = True
LANGUAGE_CODE = "en"

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": os.environ.get("GODWIT_LOG_LEVEL", "INFO")},
    "loggers": {
        "procrastinate": {"level": "WARNING"},
        "asyncssh": {"level": "WARNING"},  # below, it logs each command
        "django.request": {"level": "ERROR"},
    },
}
