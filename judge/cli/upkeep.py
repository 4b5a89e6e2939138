"""`judge upkeep`: the reconciler as a process of its own."""

from importlib import import_module

from judge import telemetry
from judge.settings import read_settings

UPKEEP = "workers.upkeep"


def upkeep() -> None:
    """Every JUDGE_UPKEEP_SECONDS set right what a crash left, until interrupted."""
    telemetry.set_up(as_json=read_settings().log == "json")
    import_module(UPKEEP).serve()
