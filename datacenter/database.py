"""Where the database is: DATABASE_URL, or the private PostgreSQL that `manage.py up` keeps in var/."""

import json
import os
from pathlib import Path

# Without a file nothing was ever started here: connecting then fails with "no such file", which names this folder.
NOWHERE = "postgres://godwit@%2Fnonexistent%2Frun-manage.py-up-first/godwit"


def var_folder() -> Path:
    """Where this installation keeps what it writes: GODWIT_VAR, or var/ in the clone."""
    return Path(os.environ.get("GODWIT_VAR") or Path(__file__).resolve().parent.parent / "var")


def database_url() -> str:
    """The URL of the database. Only reads: it starts nothing, and a URL does not say that a server listens there."""
    if url := os.environ.get("DATABASE_URL"):
        return url
    try:
        return str(json.loads((var_folder() / "postgres.json").read_text())["url"])
    except FileNotFoundError:
        return NOWHERE
