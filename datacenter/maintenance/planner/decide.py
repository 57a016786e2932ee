"""What becomes of the VMs of one host when its turn comes: fates, then places, each taken at once. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from datacenter.maintenance.planner.expect import Expectations
from datacenter.maintenance.planner.fates import fate, unmovable
from datacenter.maintenance.planner.place import Place, Placing
from datacenter.maintenance.planner.records import Action, Choice, Leg, Light, Move, Refusal, VMFact, Wishes
from datacenter.maintenance.planner.rooms import takes

_NO_CHOICE = Choice()


@dataclass(slots=True, kw_only=True)
class Decided:
    """``placed`` are those of ``moves`` that have a place; ``short``: one found none for want of room."""

    moves: list[Move] = field(default_factory=list)
    placed: list[Move] = field(default_factory=list)
    short: bool = False


class Deciding:
    """Decisions on the rooms and groups as they are at that moment of the roll; both change with each place taken."""

    def __init__(
        self,
        vms: Mapping[int, VMFact],
        names: Mapping[int, str],
        wishes: Wishes,
        placing: Placing,
        expected: Expectations,
    ) -> None:
        self.vms, self.names, self.wishes, self.placing, self.expected = vms, names, wishes, placing, expected

    def choice(self, host: int, vm: int) -> Choice:
        return self.wishes.choices.get((host, vm), _NO_CHOICE)

    def decide(self, host: int, here: Sequence[int]) -> Decided:
        """A fate for each VM of ``here``, and a place for those that move, the biggest first."""
        decided = Decided()
        movers: list[VMFact] = []
        for vm in here:
            found = fate(self.vms[vm], self.choice(host, vm), stop_unmovable=self.wishes.stop_unmovable)
            if found.action is Action.MIGRATE and found.light is Light.GREEN:
                movers.append(self.vms[vm])
                continue
            wanted = self.choice(host, vm).target if found.action is Action.MIGRATE else None
            decided.moves.append(
                Move(host=host, vm=vm, leg=Leg.OUT, action=found.action, light=found.light, why=found.why,
                     remedy=found.remedy, target=wanted)
            )  # fmt: skip
        movers.sort(key=lambda vm: (-vm.memory_bytes, vm.name, vm.key))
        for bundle in self._bundles(movers):
            self._place(host, bundle, decided)
        return decided

    def take_back(self, host: int, decided: Decided, before: Refusal | None) -> None:
        """As if it had not been decided; ``before``: why the host was closed then."""
        rooms = self.placing.rooms
        for move in decided.placed:
            assert move.target is not None
            rooms.give(move.target, takes([self.vms[move.vm]]))
            self.placing.affinity.moved(move.vm, move.target, host)
        rooms.open(host)
        if before is not None:
            rooms.close(host, before)

    def _bundles(self, movers: Sequence[VMFact]) -> list[list[VMFact]]:
        """VMs that a rule keeps together go together."""
        keys = [vm.key for vm in movers]
        bundles, seen = [], set[int]()
        for vm in movers:
            if vm.key not in seen:
                bundle = self.placing.affinity.bundle(vm.key, keys)
                seen.update(bundle)
                bundles.append([self.vms[key] for key in bundle])
        return bundles

    def _place(self, host: int, bundle: Sequence[VMFact], decided: Decided) -> None:
        targets = (self.choice(host, vm.key).target for vm in bundle)
        wanted = next((target for target in targets if target is not None), None)
        found = self.placing.find(bundle, host, wanted)
        if isinstance(found, Refusal):
            decided.short |= found.room
            decided.moves += [self._without_place(host, vm, found) for vm in bundle]
            return
        placed = [self._to(host, vm, found) for vm in bundle]
        decided.moves += placed
        decided.placed += placed

    def _without_place(self, host: int, vm: VMFact, because: Refusal) -> Move:
        wanted = self.choice(host, vm.key).target
        if wanted is not None:
            because = replace(because, reason=f"{self.names.get(wanted, 'That host')} cannot take it: {because.reason}")
        found = unmovable(vm, because, stop_unmovable=self.wishes.stop_unmovable)
        return Move(
            host=host, vm=vm.key, leg=Leg.OUT, action=found.action, light=found.light, why=found.why,
            remedy=found.remedy, target=wanted if found.action is Action.MIGRATE else None,
        )  # fmt: skip

    def _to(self, host: int, vm: VMFact, place: Place) -> Move:
        """Its place is taken at once, so that the next one sees it."""
        self.placing.rooms.give(place.target, -takes([vm]))
        self.placing.affinity.moved(vm.key, host, place.target)
        load = self.expected.of(vm)
        warnings = " ".join(part for part in (place.warning, load.doubt) if part)
        return Move(
            host=host, vm=vm.key, leg=Leg.OUT, action=Action.MIGRATE, target=place.target,
            fallback=Action.SHUTDOWN if self.wishes.stop_unmovable and vm.persistent else None,
            light=Light.YELLOW if warnings else Light.GREEN, why=place.why, remedy=warnings, pause_ms=load.pause_ms,
        )  # fmt: skip
