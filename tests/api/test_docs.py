"""What docs/api.md shows is run as it stands there."""

import os
import re
import shutil
import subprocess
from typing import Any

import pytest
from django.conf import settings

from datacenter.api.problems import KINDS
from datacenter.models import Plan
from hosts.models import Migration
from tests.api.house import furnish

TEXT = (settings.BASE_DIR / "docs/api.md").read_text()


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(shutil.which("curl") is None, reason="the examples are for curl")
def test_it_does_what_the_examples_say(live_server: Any, people: Any, make: Any) -> None:
    there = furnish(people["ada"])
    given = {
        "GODWIT": live_server.url,
        "TOKEN": make("ada")[1],
        "VM": there["vms"]["uuid"],
        "PLAN": str(there["plans"]["pk"]),
    }
    examples = re.findall(r"```sh\n(.*?)```", TEXT, re.DOTALL)
    assert len(examples) == 6
    for example in examples:
        if "/events/stream" in example:  # needs the server's event loop: test_stream.py
            continue
        ran = subprocess.run(
            ["bash", "-euc", example], env=os.environ | given, capture_output=True, text=True, timeout=60, check=False
        )
        assert ran.returncode == 0, (example, ran.stdout, ran.stderr)
        assert ran.stdout
    assert Migration.objects.filter(requested_by="ada (token deploy)").count() == 1
    assert Plan.objects.get(pk=there["plans"]["pk"]).state == "approved"


def test_it_lists_every_problem() -> None:
    told = dict(re.findall(r"\| `urn:godwit:([a-z-]+)` \| (\d+) \|", TEXT))
    assert told == {kind: str(status) for kind, (status, _) in KINDS.items()}
