"""`manage.py demo` fills an empty inventory, and changes nothing the second time."""

from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from datacenter.maintenance.policies import hosts_of, preview
from datacenter.models import MaintenancePolicy
from hosts.models import Host


@pytest.mark.django_db
def test_it_adds_hosts_and_one_policy_once(settings: Any, tmp_path: Path) -> None:
    settings.VAR = tmp_path
    for _ in range(2):
        call_command("demo")
    assert Host.objects.count() == 40
    policy = MaintenancePolicy.objects.get()
    assert len(hosts_of(policy)) == 10
    assert [window.local_start.strftime("%a %H:%M") for window in preview(policy, 2)] == ["Sun 02:00", "Sun 02:00"]
