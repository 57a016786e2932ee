"""What must be forgotten when somebody's roles change, and what goes when an object does."""

from typing import Any

from django.db.models.signals import m2m_changed, post_delete, post_save

from datacenter.access.paths import LEVELS
from datacenter.access.reach import forget
from datacenter.models import Role, RoleBinding, User
from hosts import feed
from hosts.models import Cluster

#: the feed's topic by which other processes hear that somebody's roles changed
TOPIC = "access:1"


def connect() -> None:
    """Called once, when the models are there."""
    for model in (Role, RoleBinding, Cluster):  # a new cluster is below its data center
        post_save.connect(_changed, sender=model)
        post_delete.connect(_changed, sender=model)
    m2m_changed.connect(_changed, sender=User.groups.through)
    for level in LEVELS.values():
        post_delete.connect(_gone, sender=level)


def _changed(**given: Any) -> None:
    forget()
    feed.changed("access", 1)


def _gone(sender: Any, instance: Any, **given: Any) -> None:
    """Nobody has a role on what is gone."""
    level = next(level for level, model in LEVELS.items() if model is sender)
    RoleBinding.objects.filter(level=level, row=instance.pk).delete()
