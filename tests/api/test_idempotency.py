"""The same POST with the same key is done once."""

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from datacenter.models import KeptAnswer
from hosts.models import Operation
from tests.api.conftest import Api
from tests.factory import make_vm


@pytest.mark.django_db
def test_it_does_it_once_and_answers_twice(ada: Api) -> None:
    vm = make_vm()
    first, second = (ada.post(f"/vms/{vm.uuid}/power", {"verb": "shutdown"}, Idempotency_Key="k1") for _ in range(2))
    assert first.status_code == second.status_code == 201
    assert first.content == second.content
    assert second["Idempotency-Replayed"] == "true"
    assert Operation.objects.count() == 1


@pytest.mark.django_db
def test_it_refuses_a_key_that_was_used_for_something_else(ada: Api) -> None:
    vm = make_vm()
    ada.post(f"/vms/{vm.uuid}/power", {"verb": "shutdown"}, Idempotency_Key="k1")
    answer = ada.post(f"/vms/{vm.uuid}/power", {"verb": "reboot"}, Idempotency_Key="k1")
    assert (answer.status_code, answer.json()["field"]) == (422, "Idempotency-Key")
    assert ada.post(f"/vms/{vm.uuid}/measure", Idempotency_Key="a key").status_code == 422


@pytest.mark.django_db
def test_it_keeps_no_refusal_so_that_it_may_be_tried_again(ada: Api) -> None:
    vm = make_vm(state="down")
    assert ada.post(f"/vms/{vm.uuid}/power", {"verb": "shutdown"}, Idempotency_Key="k1").status_code == 409
    vm.state = "up"
    vm.save()
    assert ada.post(f"/vms/{vm.uuid}/power", {"verb": "shutdown"}, Idempotency_Key="k1").status_code == 201


@pytest.mark.django_db
def test_it_knows_each_tokens_keys_apart_and_forgets_them_after_a_day(ada: Api, make: Callable[..., Any]) -> None:
    vm = make_vm()
    ada.post(f"/vms/{vm.uuid}/power", {"verb": "shutdown"}, Idempotency_Key="k1")
    other = Api(make("ada", called="other")[1])
    assert other.post(f"/vms/{vm.uuid}/power", {"verb": "shutdown"}, Idempotency_Key="k1").status_code == 409
    KeptAnswer.objects.update(at=timezone.now() - timedelta(hours=25))
    again = ada.post(f"/vms/{vm.uuid}/power", {"verb": "shutdown"}, Idempotency_Key="k1")
    assert "Idempotency-Replayed" not in again
    assert again.status_code == 409  # done anew: one is under way already


@pytest.mark.django_db(transaction=True)
def test_it_does_one_of_two_at_once_and_lets_the_other_wait(make: Callable[..., Any]) -> None:
    text, vm = make("ada")[1], make_vm()
    answers: list[Any] = []
    ready = threading.Barrier(4)

    def ask() -> None:
        ready.wait(10)
        try:
            answers.append(Api(text).post(f"/vms/{vm.uuid}/power", {"verb": "shutdown"}, Idempotency_Key="k1"))
        finally:
            connection.close()

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join(30)
    assert [each.status_code for each in answers] == [201] * 4
    assert sorted("Idempotency-Replayed" in each for each in answers) == [False, True, True, True]
    assert Operation.objects.count() == 1
