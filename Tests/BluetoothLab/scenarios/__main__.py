"""Runs one scenario inside the lab: `python -m scenarios NAME`. The last line is the verdict, and so is the exit status."""

from __future__ import annotations

import importlib
import os
import sys
import time
import traceback

from .world import Failure, uptime


def main(name: str) -> int:
    module = importlib.import_module(f"scenarios.{name}")
    began = time.monotonic()
    try:
        measured = module.run() or []
    except Exception as error:
        if not isinstance(error, Failure):
            traceback.print_exc()
        print(f"{uptime():8.2f} s  FAILED {name}: {error}", flush=True)
        return 1
    summary = "; ".join(measured)
    with open(os.path.join(os.environ["LAB_RESULTS"], "summary"), "w") as file:
        file.write(summary + "\n")
    print(f"{uptime():8.2f} s  ok {name} in {time.monotonic() - began:.1f} s: {summary}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
