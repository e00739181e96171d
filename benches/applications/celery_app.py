"""A Celery application that keeps its queue in a directory, and whose hot function is `busy`."""

import os

from celery import Celery

QUEUE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "queue")
os.makedirs(QUEUE, exist_ok=True)

app = Celery("celery_app", broker="filesystem://")
app.conf.broker_transport_options = {"data_folder_in": QUEUE, "data_folder_out": QUEUE}
app.conf.broker_connection_retry_on_startup = True


@app.task
def busy() -> int:
    """Take some milliseconds."""
    return sum(number % 7 for number in range(60_000))


if __name__ == "__main__":
    for _ in range(8):
        busy.delay()
