"""Print how many mutants of each file the tests killed, after `mutmut run`. Exits with 1 if more than 5 % survived."""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path

FOLDER = Path("mutants") / "src"
MOST = 0.05  # the share of mutants that may survive
SURVIVED, UNTESTED = 0, 33  # exit codes of mutmut's runs; all others are kills: failures, time limits, crashes


def main() -> int:
    """Return 0 if few enough mutants survived."""
    rows: list[tuple[str, Counter[str]]] = []
    for file in sorted(FOLDER.rglob("*.meta")):
        codes = json.loads(file.read_text(encoding="utf-8"))["exit_code_by_key"].values()
        counts = Counter(
            "not run" if c is None else "survived" if c in (SURVIVED, UNTESTED) else "killed" for c in codes
        )
        rows.append((file.relative_to(FOLDER).as_posix().removesuffix(".meta"), counts))
    total: Counter[str] = sum((counts for _, counts in rows), Counter())
    for name, counts in [*rows, ("all", total)]:
        share = counts["survived"] / max(1, counts["survived"] + counts["killed"])
        print(f"{name:<50} {counts['killed']:>5} killed {counts['survived']:>5} survived {share:>6.1%}")
    if total["not run"]:
        print(f"{total['not run']} mutants were not run")
    return int(not rows or total["survived"] > MOST * (total["survived"] + total["killed"]))


if __name__ == "__main__":
    sys.exit(main())
