"""Run reads side by side, those of SES and of CloudTrail in the turns of their scope."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, NamedTuple

from sesform.aws import Senders

if TYPE_CHECKING:
    from sesform.aws import Connection, Connections, Pacer


class Job(NamedTuple):
    """Reads that follow one another. `run` is called, or with `connection` iterated: it yields before each call to SES.

    `pacer`: gives the turns of the calls, if they are not to SES.
    """

    run: Callable[[], Iterator[None] | None]
    connection: Connection | None = None
    pacer: Pacer | None = None


def side_by_side(jobs: Sequence[Job], connections: Connections, parallelism: int) -> None:
    """Run the jobs and wait for all. Raises the first exception of a job."""
    with Senders(parallelism) as senders:
        try:
            waiting = [_submitted(senders, job) for job in jobs]
            for future in waiting:
                future.result()
        except BaseException:
            connections.stop()  # no job that goes on may send another call
            raise


def _submitted(senders: Senders, job: Job) -> Future[Any]:
    if job.connection is None:
        return senders.submit(job.run)
    steps = job.run()
    assert steps is not None
    return senders.submit_steps(steps, job.pacer or job.connection.pacer)
