"""Adding and removing hosts. Nothing is changed on a host by either."""

import re
from collections.abc import Sequence
from typing import Any, TypedDict

from django.db import IntegrityError, transaction
from django.db.models import ProtectedError

from datacenter import audit
from datacenter.access import Verb
from datacenter.orders.ask import require
from datacenter.orders.errors import Refused
from hosts import feed
from hosts.lifecycle import off
from hosts.livemigration.preflight.host_page import is_address
from hosts.models import Cluster, Host
from hosts.virt.connect import parse_uri
from hosts.virt.errors import UriRefused


def add_host(user: Any, uri: str, *, name: str = "", cluster: Cluster) -> Host:
    """Put a host into the inventory; a collector connects to it within a second. Forbidden, or Refused.

    That two URIs lead to one machine shows only when it answers: then its row says so and reads nothing from it.
    """
    require(user, Verb.ADMINISTER, cluster, order="add_host")
    try:
        parsed = parse_uri(uri)
    except UriRefused as exc:
        raise Refused(str(exc), field="uri") from exc
    if twin := Host.objects.filter(uri=parsed.text).first():
        raise Refused(f"{twin} has this URI already.", field="uri")
    try:
        with transaction.atomic():
            host = Host.objects.create(
                uri=parsed.text, name=(name or parsed.host or "localhost")[:253], cluster=cluster
            )
            audit.record(user, "add_host", host, detail=parsed.text)
            feed.changed("host", host.pk)
    except IntegrityError as exc:  # somebody added the same between the look and the write
        raise Refused("A host with this URI exists already.", field="uri") from exc
    return host


def remove_host(user: Any, host: Host) -> None:
    """Take a host out of the inventory. Refused while VMs or migrations are known of it: they keep their history."""
    require(user, Verb.ADMINISTER, host, order="remove_host")
    try:
        with transaction.atomic():
            audit.record(user, "remove_host", host, detail=host.uri)
            feed.changed("host", host.pk)
            host.delete()
    except ProtectedError as exc:
        raise Refused(
            f"{host} cannot be removed: VMs or migrations that Godwit keeps the history of were seen on it."
        ) from exc


def state_off(user: Any, host: Host) -> None:
    """A person's word that this silent host is switched off: its VMs are down from then on, and what was left alone
    because it might run there is done. Forbidden, or Refused where the host answers.
    """
    require(user, Verb.ADMINISTER, host, order="state_off")
    try:
        with transaction.atomic():
            gone = off.state_off(host, actor=user.get_username())
            names = ", ".join(vm.name for vm in gone[:20]) + (" and more" if len(gone) > 20 else "")
            audit.record(user, "state_off", host, detail=f"VMs that are down by this: {names or 'none'}")
    except off.OffRefused as exc:
        audit.record(user, "state_off", host, detail=str(exc), refused=True)
        raise Refused(str(exc)) from exc


class Stated(TypedDict):
    """What an administrator says of a host, because libvirt cannot be asked; None: not known."""

    migration_address: str
    locks: str  # of hosts.models.host.LOCKS
    keepalive_tuned: bool | None
    migration_tls: bool | None


def state_host(user: Any, host: Host, stated: Stated) -> None:
    """Keep what an administrator states of a host. Forbidden, or Refused. Nothing is changed on the host."""
    require(user, Verb.ADMINISTER, host, order="state_host")
    address = stated["migration_address"]
    if address and not is_address(address):
        raise Refused(f"“{address[:60]}” is not a host name or address.", field="migration_address")
    with transaction.atomic():
        Host.objects.filter(pk=host.pk).update(**stated)
        audit.record(user, "state_host", host, detail=", ".join(f"{name}: {said}" for name, said in stated.items()))
        feed.changed("host", host.pk)


#: a tag is one word: letters, digits and - _ . of any script
_TAG = re.compile(r"[\w.-]{1,60}")
MOST_TAGS = 20


def tag_host(user: Any, host: Host, tags: Sequence[str]) -> None:
    """Give a host exactly these tags, by which policies choose hosts. Forbidden, or Refused naming the tag."""
    require(user, Verb.OPERATE, host, order="tag_host")
    wanted = list(dict.fromkeys(tags))
    if bad := next((tag for tag in wanted if not _TAG.fullmatch(tag)), None):
        raise Refused(f"“{bad[:60]}” is no tag: one word of at most 60 letters, digits, “-”, “_”, “.”.", field="tags")
    if len(wanted) > MOST_TAGS:
        raise Refused(f"A host has at most {MOST_TAGS} tags.", field="tags")
    with transaction.atomic():
        Host.objects.filter(pk=host.pk).update(tags=wanted)
        audit.record(user, "tag_host", host, detail=", ".join(wanted) or "none")
        feed.changed("host", host.pk)
