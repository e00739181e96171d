"""Puts eight jobs into a queue of RQ; the hot function is `busy`."""

import sys


def busy() -> int:
    """Take some milliseconds."""
    return sum(number % 7 for number in range(60_000))


if __name__ == "__main__":
    from redis import Redis
    from rq import Queue

    from rq_job import busy as job

    queue = Queue(connection=Redis(port=int(sys.argv[1])))
    for _ in range(8):
        queue.enqueue(job)
