"""What times depend on: the machine, versions, compilers, threads."""

from __future__ import annotations

import os
import platform
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import fastloss as fl

from . import peers


def _from_file(path: str, name: str) -> str:
    try:
        lines = Path(path).read_text().splitlines()
    except OSError:
        return ""
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(name)), "")


def caches() -> dict[str, str]:
    found = {}
    for folder in sorted(Path("/sys/devices/system/cpu/cpu0/cache").glob("index*")):
        level, kind, size = ((folder / name).read_text().strip() for name in ("level", "type", "size"))
        if kind != "Instruction":
            found[f"L{level}"] = size
    return found


def facts() -> dict[str, Any]:
    config = fl.config()
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "cpu": _from_file("/proc/cpuinfo", "model name") or platform.processor(),
        "cpus": os.cpu_count(),
        "caches": caches(),
        "memory": _from_file("/proc/meminfo", "MemTotal"),
        "system": platform.platform(),
        "python": sys.version.split()[0],
        "fastloss": fl.__version__,
        "isa": config["isa_active"],
        "layer": config["threading_layer"],
        "compiler": config["compiler"],
        "flags": config["flags"],
        "versions": peers.versions(),
    }
