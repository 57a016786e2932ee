"""Measuring a guest's dirty rate when a person asks: it …"""

import pytest
from procrastinate.contrib.django.models import ProcrastinateJob

from hosts.livemigration.measure import MeasureRefused, latest, perform, request_measurement
from hosts.models import VM
from hosts.states import OperationState
from hosts.virt.pool import Pool
from tests.factory import make_host, make_migration, make_vm
from tests.livemigration.conftest import MIB, Place

pytestmark = pytest.mark.django_db


def test_it_writes_the_rate_with_its_age_and_says_it_in_words(place: Place) -> None:
    operation = request_measurement(place.vm, actor="ann")
    assert ProcrastinateJob.objects.get().task_name == "hosts.livemigration.tasks.measure"
    perform(operation.pk, pool=place.pool)
    operation.refresh_from_db()
    vm = VM.objects.get(pk=place.vm.pk)
    assert operation.state == OperationState.DONE
    assert operation.because.startswith("It dirties ")
    assert vm.dirty_rate is not None
    assert 10 * MIB < vm.dirty_rate < 60 * MIB
    assert vm.dirty_rate_at is not None
    assert latest(vm) == operation


def test_it_measures_once_more_and_longer_where_the_first_says_that_it_matters(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GODWIT_MEASURE_LONG", "1")
    operation = request_measurement(place.vm, actor="ann")
    perform(operation.pk, pool=place.pool)
    operation.refresh_from_db()
    vm = VM.objects.get(pk=place.vm.pk)
    assert "over 4 s" in operation.because
    assert vm.dirty_rate is not None
    assert vm.dirty_rate_long is not None  # 60 MiB that are rewritten at 40 MiB/s: the rate falls
    assert vm.dirty_rate_long < 0.7 * vm.dirty_rate
    assert vm.dirty_rate_long_at == vm.dirty_rate_at


def test_it_leaves_a_quiet_guest_with_one_measurement_and_drops_an_old_long_one(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GODWIT_MEASURE_LONG", "1")
    VM.objects.filter(pk=place.vm.pk).update(dirty_rate_long=1.0 * MIB)
    place.dirty(10 * MIB, 2 * MIB)
    operation = request_measurement(place.vm, actor="ann")
    perform(operation.pk, pool=place.pool)
    vm = VM.objects.get(pk=place.vm.pk)
    assert vm.dirty_rate is not None
    assert vm.dirty_rate < 4 * MIB
    assert vm.dirty_rate_long is None


def test_a_second_run_of_the_same_job_does_nothing(place: Place) -> None:
    operation = request_measurement(place.vm, actor="ann")
    perform(operation.pk, pool=place.pool)
    before = VM.objects.get(pk=place.vm.pk).dirty_rate_at
    perform(operation.pk, pool=place.pool)
    assert VM.objects.get(pk=place.vm.pk).dirty_rate_at == before


def test_it_says_why_it_could_not(db: None) -> None:
    vm = make_vm(host=make_host("nobody", uri="sim://nobody/"))
    operation = request_measurement(vm, actor="ann")
    pool = Pool()
    perform(operation.pk, pool=pool)
    pool.close()
    operation.refresh_from_db()
    assert operation.state == OperationState.FAILED
    assert operation.because.startswith("It could not be measured: ")


@pytest.mark.parametrize(("fields", "words"), [({"state": "down"}, "is down"), ({"state": "paused"}, "is paused")])
def test_it_refuses_a_vm_that_does_not_run(fields: dict[str, str], words: str) -> None:
    with pytest.raises(MeasureRefused, match=words):
        request_measurement(make_vm(**fields), actor="ann")


def test_it_refuses_a_second_one_and_one_that_is_being_migrated() -> None:
    vm = make_vm()
    request_measurement(vm, actor="ann")
    with pytest.raises(MeasureRefused, match="already"):
        request_measurement(vm, actor="ben")
    with pytest.raises(MeasureRefused, match="being migrated"):
        request_measurement(make_migration().vm, actor="ben")
    with pytest.raises(MeasureRefused, match="does not answer"):
        request_measurement(make_vm(host=make_host(state="non_responsive")), actor="ben")
