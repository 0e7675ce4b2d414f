"""The only place that calls AWS. It checks accounts, paces and retries calls, and raises errors that say what to do.

`Logins.connect` returns a Connection for each spec and region; everything else calls AWS through `Connection.call`. The rules:

- **Pacing.** In each account and region SES accepts one call a second, and CloudTrail two lookups. Every attempt of such a call
  waits for its turn in its scope; other services are not paced.
- **Retries.** Throttled calls, transient faults, and answers that mean "not yet" are sent again; `retries` says for how long.
  Every attempt is paced and counted like the first. botocore's own retries, which cannot
  be stopped, are off but for STS.
- **Read-only.** A connection refuses writing calls before they are sent, until `Connections.allow_writes`.

Only this package uses botocore. It does not use boto3, whose import takes a tenth of a second.
"""

from __future__ import annotations

from sesform.aws.clients import Login
from sesform.aws.connection import CLOUDTRAIL, TAGGING, Connection, Throttled
from sesform.aws.logins import Answers, Connections, Logins, Settings, connect
from sesform.aws.pacing import Pacer, Stopped, Timer
from sesform.aws.senders import Senders
from sesform.aws.sessions import OpenSession, external_id, open_session, sessions_by_profile

__all__ = [
    "CLOUDTRAIL",
    "TAGGING",
    "Answers",
    "Connection",
    "Connections",
    "Login",
    "Logins",
    "OpenSession",
    "Pacer",
    "Senders",
    "Settings",
    "Stopped",
    "Throttled",
    "Timer",
    "connect",
    "external_id",
    "open_session",
    "sessions_by_profile",
]
