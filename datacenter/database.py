"""Where the database is: DATABASE_URL, or the private PostgreSQL that `manage.py up` keeps in var/."""

import os


def database_url() -> str:
    return os.environ.get("DATABASE_URL", "postgres:///godwit")
