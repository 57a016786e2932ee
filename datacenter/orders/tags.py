"""Tags of VMs and hosts: words by which lists, policies and people choose them."""

import re
from collections.abc import Iterable, Sequence
from typing import Any

from django.db import transaction

from datacenter import audit
from datacenter.access import Verb
from datacenter.orders.ask import require
from datacenter.orders.errors import Refused
from hosts import feed
from hosts.models import VM, Host

#: a tag is one word: letters, digits and - _ . of any script
_TAG = re.compile(r"[\w.-]{1,60}")
MOST_TAGS = 20


def checked(tags: Iterable[str]) -> list[str]:
    """The tags, each once. Refused naming one that is none, or if there are too many."""
    wanted = list(dict.fromkeys(tags))
    bad = next((tag for tag in wanted if not _TAG.fullmatch(tag)), None)
    if bad is not None:
        raise Refused(f"“{bad[:60]}” is no tag: one word of at most 60 letters, digits, “-”, “_”, “.”.", field="tags")
    if len(wanted) > MOST_TAGS:
        raise Refused(f"Nothing has more than {MOST_TAGS} tags.", field="tags")
    return wanted


def tag_host(user: Any, host: Host, tags: Sequence[str]) -> None:
    """Give a host exactly these tags, by which policies choose hosts. Forbidden, or Refused naming the tag."""
    require(user, Verb.MAINTAIN, host, order="tag_host")
    wanted = checked(tags)
    with transaction.atomic():
        Host.objects.filter(pk=host.pk).update(tags=wanted)
        audit.record(user, "tag_host", host, detail=", ".join(wanted) or "none")
        feed.changed("host", host.pk)


def tag_vm(user: Any, vm: VM, tags: Sequence[str]) -> None:
    """Give a VM exactly these tags. Forbidden, or Refused naming the tag."""
    require(user, Verb.EDIT_VM, vm, order="tag_vm")
    wanted = checked(tags)
    with transaction.atomic():
        VM.objects.filter(pk=vm.pk).update(tags=wanted)
        audit.record(user, "tag_vm", vm, detail=", ".join(wanted) or "none")
        feed.changed("vm", vm.pk)


def retag_vm(user: Any, vm: VM, *, add: Sequence[str] = (), remove: Sequence[str] = ()) -> None:
    """Give a VM these tags beside its own, and take those. Forbidden, or Refused: then its tags are as they were."""
    require(user, Verb.EDIT_VM, vm, order="tag_vm")
    with transaction.atomic():
        now = VM.objects.select_for_update(of=("self",)).values_list("tags", flat=True).get(pk=vm.pk)
        wanted = checked([*(tag for tag in now if tag not in remove), *add])
        if wanted == now:
            return
        VM.objects.filter(pk=vm.pk).update(tags=wanted)
        audit.record(user, "tag_vm", vm, detail=", ".join(wanted) or "none")
        feed.changed("vm", vm.pk)
