"""The workloads: what the specs declare, what is run on them, and the quota of the emulated AWS."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

# Processes that end without AWS: the arguments of Python. "{specs}": the specs of the quickstart.
STARTS: dict[str, tuple[str, ...]] = {
    "`import sesform`": ("-c", "import sesform"),
    "`sesform --version`": ("-m", "sesform", "--version"),
    "`sesform --help`": ("-m", "sesform", "--help"),
    "`sesform validate` on the quickstart": ("-m", "sesform", "validate", "{specs}"),
}


@dataclass(frozen=True, slots=True)
class Scene:
    """What specs declare: an owner with a delegate that has topics and sets, or `accounts` that each have all they need."""

    identities: int
    sets: int = 0
    accounts: int = 0

    @property
    def name(self) -> str:
        return f"{self.accounts}x{self.identities}" if self.accounts else f"{self.identities}+{self.sets}"


@dataclass(frozen=True, slots=True)
class Workload:
    """A command to measure on a scene.

    `rate`: the quota of SES calls in each account and region, which sesform is told; None for no quota. `used`: the number of
    accounts of the scene, None for all. `taken`: the part of the owner's quota that another program uses. `base`: the name of the
    workload that the time is compared with. `terraform_runs`: the most runs of Terraform, 0 for none.
    """

    name: str
    title: str
    scene: Scene
    command: Literal["plan", "apply"]
    rate: float | None = None
    used: int | None = None
    taken: float = 0.0
    base: str = ""
    terraform_runs: int = 0


@dataclass(frozen=True, slots=True)
class Suite:
    """Everything that one run of the benchmark measures."""

    workloads: Sequence[Workload]
    offline: Sequence[int]  # numbers of identities
    sizes: Sequence[Workload] = field(default=())  # for the plot of cost against size
    accounts: Sequence[Workload] = field(default=())  # for the plot of accounts against time
    runs: int = 3


MANY = 1_000  # as many runs as sesform's

_COMMANDS = {"plan": "plan without changes", "apply": "first apply"}


def _pair(scene: Scene, rate: float | None, command: Literal["plan", "apply"], terraform_runs: int) -> Workload:
    title = f"{_COMMANDS[command]}, {scene.identities} identities × 3, {scene.sets} sets, 2 accounts, {_quota(rate)}"
    name = f"{command}-{scene.name}{_suffix(rate)}"
    return Workload(name, title, scene, command, rate, terraform_runs=terraform_runs)


def _shared(scene: Scene, rate: float) -> Workload:
    """Return a first apply while another program uses half of the owner's quota."""
    alone = _pair(scene, rate, "apply", 0)
    return replace(alone, name=f"{alone.name}-shared", title=f"{alone.title}, another program asks for half", taken=0.5)


def _many(scene: Scene, used: int, rate: float | None, command: Literal["plan", "apply"], base: str = "") -> Workload:
    accounts = "1 account" if used == 1 else f"{used} accounts"
    title = f"{_COMMANDS[command]}, {accounts} × {scene.identities} identities, {_quota(rate)}"
    name = f"{command}-{used}-of-{scene.name}{_suffix(rate)}"
    return Workload(name, title, scene, command, rate, used=used, base=base)


def _quota(rate: float | None) -> str:
    return "no quota" if rate is None else f"{rate:g} call{'' if rate == 1 else 's'}/s"


def _suffix(rate: float | None) -> str:
    return "" if rate is None else f"-at-{rate:g}"


def full() -> Suite:
    """Return the workloads of the design's budgets. With Terraform they take about an hour."""
    small, large = Scene(20, 5), Scene(200, 20)
    ten, crowd = Scene(10, accounts=10), Scene(10, accounts=200)
    alone, all_ten = _many(ten, 1, 5, "apply"), _many(ten, 10, 5, "apply", base=_many(ten, 1, 5, "apply").name)
    unpaced = _many(crowd, 200, None, "plan")
    return Suite(
        workloads=(
            _pair(large, None, "plan", MANY),
            _pair(small, 1, "plan", 1),
            _pair(small, 1, "apply", 1),
            _shared(small, 5),
            alone,
            all_ten,
            unpaced,
            _many(crowd, 200, 1, "plan", base=unpaced.name),
        ),
        offline=(1_000, 10_000),
        sizes=tuple(_pair(Scene(n, 5), None, "plan", 1 if n <= 200 else 0) for n in (10, 50, 200, 1_000)),
        accounts=tuple(_many(crowd, n, 1, "plan") for n in (1, 10, 50, 100, 200)),
    )


def quick() -> Suite:
    """Return small workloads of the same kinds, each run once, for a look at the mechanism."""
    small, four = Scene(5, 2), Scene(3, accounts=4)
    alone = _many(four, 1, 10, "apply")
    return Suite(
        workloads=(
            _pair(small, None, "plan", 1),
            _pair(small, 10, "plan", 1),
            _pair(small, 10, "apply", 1),
            _shared(small, 10),
            alone,
            _many(four, 4, 10, "apply", base=alone.name),
            _many(four, 4, None, "plan"),
        ),
        offline=(100,),
        sizes=tuple(_pair(Scene(n, 2), None, "plan", 1) for n in (2, 5)),
        accounts=tuple(_many(four, n, 10, "plan") for n in (1, 4)),
        runs=1,
    )
