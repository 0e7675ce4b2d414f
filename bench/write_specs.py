"""Write the specs that the budgets are measured with: an owner with many identities, a delegate with topics and sets.

python bench/write_specs.py FOLDER IDENTITIES SETS
"""

from __future__ import annotations

import sys
from pathlib import Path


def owner(identities: int) -> str:
    names = "\n".join(f"  d{i}.example.com: {{}}" for i in range(identities))
    return f"""kind: Owner
name: corp
account: "111111111111"
regions: [eu-west-1]
defaults:
  identity:
    notifications:
      bounce: {{topic: mailer/bounces, headers: true}}
      complaint: {{topic: mailer/complaints, headers: true}}
      delivery: {{topic: mailer/deliveries, headers: true}}
identities:
{names}
"""


def delegate(sets: int) -> str:
    declared = "\n".join(
        f"  set-{i}:\n    event_destinations:\n      feedback: {{events: [bounce, complaint], sns: bounces}}"
        for i in range(sets)
    )
    return f"""kind: Delegate
name: mailer
account: "222222222222"
regions: [eu-west-1]
topics: {{bounces: {{}}, complaints: {{}}, deliveries: {{}}}}
configuration_sets:
{declared}
"""


def write(folder: Path, identities: int, sets: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "owner.yaml").write_text(owner(identities), encoding="utf-8")
    (folder / "delegate.yaml").write_text(delegate(sets), encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
