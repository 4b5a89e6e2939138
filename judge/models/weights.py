"""Which weights a spec means, and whether they may be loaded. Reads names and two JSON files only.

A folder of weights is somebody else's, and three things in one could run code: pickled tensors, a
config that names Python files, and an adapter that names a module to import. Only safetensors are
read, `trust_remote_code` is never on, and adapters are plain LoRA. An adapter is refused, too, if it
cannot be taken off again: with trained biases, or with a start that rewrote its base.
"""

import importlib.util
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from judge.errors import UsageError
from judge.models.base import ModelSpec

QUANTISATIONS = ("", "float32", "bfloat16", "float16", "4bit")
REMEDY = "pip install 'judge[transformers]'"
COMMIT = re.compile(r"[0-9a-f]{40}")
HUB_ID = re.compile(r"[\w-][\w.-]*(/[\w-][\w.-]*)?")
KEEPING_BASE = (True, False, "gaussian", "eva", "orthogonal")  # of LoRA's starts


@dataclass(frozen=True, slots=True)
class Weights:
    """One set of base weights: a folder (an absolute path) or a hub's repository at a commit, and
    the type they are loaded as."""

    place: str
    commit: str
    quantisation: str


def weights_of(spec: ModelSpec) -> Weights:
    """The base weights of a spec. Raises UsageError for what cannot or may not be loaded."""
    name = f"model {spec.name!r}"
    lacking = [each for each in ("torch", "transformers", "peft") if not _installed(each)]
    if lacking:
        raise UsageError(f"{name}: {', '.join(lacking)} not installed; run {REMEDY}")
    if spec.quantisation not in QUANTISATIONS:
        raise UsageError(
            f"{name}: transformers_local knows no quantisation {spec.quantisation!r}; "
            f"leave it out or use one of {', '.join(QUANTISATIONS[1:])}"
        )
    if spec.quantisation == "4bit" and not _installed("bitsandbytes"):
        raise UsageError(f"{name}: 4bit needs a CUDA device and pip install bitsandbytes")
    if Path(spec.id).is_absolute():
        if spec.revision:
            raise UsageError(f"{name}: a folder has no revision; leave it out")
        try:
            check_folder(Path(spec.id))
        except UsageError as error:
            raise UsageError(f"{name}: {error}") from None
    elif not HUB_ID.fullmatch(spec.id):
        raise UsageError(f"{name}: {spec.id!r} is neither an absolute path nor a hub's id")
    elif not COMMIT.fullmatch(spec.revision):
        raise UsageError(
            f"{name}: {spec.id} is a hub's id and branches move; "
            "give the commit as revision, 40 hex digits"
        )
    if spec.adapter:
        try:
            check_adapter(Path(spec.adapter))
        except UsageError as error:
            raise UsageError(f"{name}: {error}") from None
    return Weights(spec.id, spec.revision, spec.quantisation)


def check_folder(folder: Path) -> None:
    """Raise UsageError unless the folder holds a model in safetensors."""
    if not folder.is_dir():
        raise UsageError(f"no such folder: {folder}")
    if (folder / "adapter_config.json").exists():
        raise UsageError(f"{folder} is an adapter; give its base as id, and the folder as adapter")
    if not (folder / "config.json").is_file():
        raise UsageError(f"{folder} holds no config.json; is it a saved transformers model?")
    if not any(folder.glob("*.safetensors")):
        raise UsageError(
            f"{folder} holds no *.safetensors; other weights could run code and are not read: "
            "save them anew with save_pretrained"
        )


def check_adapter(folder: Path) -> None:
    """Raise UsageError unless the folder holds a LoRA adapter that leaves its base as it is."""
    if not folder.is_absolute():
        raise UsageError(f"adapter {folder}: not an absolute path")
    if not (folder / "adapter_model.safetensors").is_file():
        raise UsageError(f"adapter {folder}: no adapter_model.safetensors there")
    try:
        config: Any = json.loads((folder / "adapter_config.json").read_bytes())
        kind = config.get("peft_type")
    except (OSError, ValueError, RecursionError, AttributeError):
        raise UsageError(f"adapter {folder}: no readable adapter_config.json there") from None
    if kind != "LORA" or config.get("megatron_config"):
        raise UsageError(f"adapter {folder}: of kind {str(kind)[:40]!r}; only plain LORA is read")
    if config.get("layer_replication"):
        raise UsageError(f"adapter {folder}: it repeats layers of its base; merge it and save that")
    if config.get("bias", "none") != "none":
        raise UsageError(f"adapter {folder}: trained biases change its base; train with bias none")
    start = config.get("init_lora_weights", True)
    if start not in KEEPING_BASE:
        raise UsageError(
            f"adapter {folder}: started as {str(start)[:40]!r}, which rewrites its base; "
            "save it converted to plain LoRA"
        )


def _installed(package: str) -> bool:
    return importlib.util.find_spec(package) is not None
