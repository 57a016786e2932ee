"""What the next window of each policy would find in its way: a plan is made, read, and taken back; now and then."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import Error as DatabaseError
from django.db import transaction

from datacenter.alerts.records import Blocked, HostFact
from datacenter.maintenance import plans
from datacenter.maintenance.policies import hosts_of, rule_of
from datacenter.maintenance.terms import Terms
from datacenter.maintenance.triggers import ByPolicy
from datacenter.maintenance.windows import RuleRefused, occurrences
from datacenter.models import MaintenancePolicy, PlanMove
from datacenter.orders.errors import Refused
from hosts.recording import Place
from hosts.states import HostState

log = logging.getLogger(__name__)

#: how old an answer may be: a plan over thousands of VMs costs seconds
FRESH = timedelta(minutes=20)
#: how far ahead it is looked at all; the kind's own limit is nearer
HORIZON = timedelta(days=14)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    at: datetime
    version: int
    starts_at: datetime
    blocked: tuple[Blocked, ...]


class Foresight:
    """Kept by the process that looks. One policy a round is looked at anew, so that a round stays short."""

    def __init__(self) -> None:
        self._seen: dict[int, _Seen] = {}

    def blocked(self, now: datetime, hosts: dict[int, HostFact]) -> Iterator[Blocked]:
        """VMs that stand in the way of the next window of any enabled policy."""
        policies = {row.pk: row for row in MaintenancePolicy.objects.filter(enabled=True).order_by("pk")}
        for pk in [pk for pk in self._seen if pk not in policies]:
            del self._seen[pk]
        for policy in policies.values():
            if self._is_old(policy, now):
                self._look(policy, now, hosts)
                break
        for seen in self._seen.values():
            yield from seen.blocked

    def knows_all(self) -> bool:
        """Whether each enabled policy was looked at: until then nobody can say that a VM is no longer in the way."""
        return set(MaintenancePolicy.objects.filter(enabled=True).values_list("pk", flat=True)) <= self._seen.keys()

    def _is_old(self, policy: MaintenancePolicy, now: datetime) -> bool:
        seen = self._seen.get(policy.pk)
        return seen is None or seen.version != policy.version or now - seen.at > FRESH or seen.starts_at <= now

    def _look(self, policy: MaintenancePolicy, now: datetime, hosts: dict[int, HostFact]) -> None:
        found: tuple[Blocked, ...] = ()
        starts_at = now + HORIZON
        try:
            window = next(iter(occurrences(rule_of(policy), now, 1)), None)
            if window is not None:
                starts_at = window.starts_at
                if starts_at - now <= HORIZON:
                    found = tuple(_reds(policy, starts_at, hosts))
        except (RuleRefused, Refused) as exc:  # its hosts are held by a plan, whose own moves are told of
            log.info("%s was not foreseen: %s", policy, exc, extra={"action": "window_not_foreseen"})
        except DatabaseError:
            raise
        except Exception:  # a fault in one policy must not end the round; it is looked at again later
            log.exception("The next window of %s could not be foreseen.", policy, extra={"action": "foresight_broke"})
        self._seen[policy.pk] = _Seen(at=now, version=policy.version, starts_at=starts_at, blocked=found)


def _reds(policy: MaintenancePolicy, starts_at: datetime, hosts: dict[int, HostFact]) -> list[Blocked]:
    up = [host for host in hosts_of(policy) if host.state == HostState.UP]
    if not up:
        return []
    with transaction.atomic():
        plan = plans.make_plan(
            ByPolicy(name=policy.name), up, title="A look ahead", reason="", terms=Terms.from_json(policy.terms)
        )
        red = PlanMove.objects.filter(plan_host__plan=plan, leg=PlanMove.Leg.OUT, light=PlanMove.Light.RED)
        found = [_blocked(row, policy, starts_at, hosts) for row in red.select_related("vm", "plan_host__host")]
        transaction.set_rollback(True)
    return found


def _blocked(row: PlanMove, policy: MaintenancePolicy, starts_at: datetime, hosts: dict[int, HostFact]) -> Blocked:
    fact = hosts.get(row.plan_host.host_id)
    where = fact.place if fact else Place()
    return Blocked(
        vm=row.vm_id,
        name=row.vm.name,
        host=row.plan_host.host.name,
        why=row.why,
        remedy=row.remedy,
        told=f"the policy “{policy}”",
        place=Place(datacenter=where.datacenter, cluster=where.cluster, host=row.plan_host.host_id, vm=row.vm_id),
        starts_at=starts_at,
    )
