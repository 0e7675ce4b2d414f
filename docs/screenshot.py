"""Make docs/images/routes.png: a page of routes, as Chromium shows it. `make screenshot` runs it.

It needs Chromium (on Debian `apt-get install chromium`). The routes are those of made-up accounts on the sandbox.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

IMAGE = Path(__file__).resolve().parent / "images" / "routes.png"
SIZE = "1280,1260"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
# No network, no settings of the user, no questions.
OPTIONS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
BRANDS = "".join(f"  brand-{number:02}.example: {{feedback_forwarding: false}}\n" for number in range(1, 41))
SPECS = f"""\
kind: Owner
name: example-corp
account: "111111111111"
regions: [eu-west-1]
defaults: {{identity: {{notifications: {{bounce: acme-mailer/feedback, complaint: acme-mailer/feedback}}}}}}
topics: {{operations: {{subscriptions: [{{protocol: email, endpoint: operations@example.com}}]}}}}
identities:
  shop.example: {{notifications: {{bounce: operations, complaint: operations}}, feedback_forwarding: false}}
  news.example: {{feedback_forwarding: true}}
{BRANDS}---
kind: Delegate
name: acme-mailer
account: "222222222222"
regions: [eu-west-1]
topics: {{feedback: {{subscriptions: [{{protocol: sqs, endpoint: "arn:aws:sqs:eu-west-1:222222222222:feedback"}}]}}}}
configuration_sets:
  transactional: {{event_destinations: {{feedback: {{events: [bounce, complaint], sns: feedback}}}}}}
"""


def page(folder: Path) -> Path:
    """Return the file with the page of the routes, on a sandbox in this folder."""
    specs, file = folder / "specs.yaml", folder / "routes.html"
    specs.write_text(SPECS, encoding="utf-8")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "SESFORM_"))}
    for arguments in (["apply", "--auto-approve", "--allow-dark"], ["routes", "--format", "html"]):
        command = [sys.executable, "-m", "sesform", *arguments, "--sandbox", "-q", specs.name]
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
        if done.returncode not in (0, 2):
            raise SystemExit(done.stderr)
    file.write_text(done.stdout, encoding="utf-8")
    return file


def main() -> None:
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        raise SystemExit(f"There is no browser: install one of {', '.join(BROWSERS)}.")
    IMAGE.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        own = [f"--user-data-dir={folder / 'profile'}", f"--window-size={SIZE}", f"--screenshot={IMAGE}"]
        subprocess.run([browser, *OPTIONS, *own, page(folder).as_uri()], check=True, capture_output=True, timeout=120)
    print(f"Wrote {IMAGE}")


if __name__ == "__main__":
    main()
