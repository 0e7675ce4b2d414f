"""Measure how long a new process takes to import sesform and to print help: seconds, the median of several runs.

python bench/startup.py [RUNS]
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

PROGRAMS = {
    "python": ["-c", "pass"],
    "import sesform": ["-c", "import sesform"],
    "sesform --version": ["-m", "sesform", "--version"],
    "sesform --help": ["-m", "sesform", "--help"],
}


def main(runs: int) -> None:
    for name, arguments in PROGRAMS.items():
        print(f"{name:<18} {statistics.median(seconds(arguments) for _ in range(runs)):.3f} s")


def seconds(arguments: list[str]) -> float:
    start = time.perf_counter()
    subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 9)
