"""A Flask application whose hot function is `busy`."""

from flask import Flask

app = Flask(__name__)


def busy() -> int:
    """Take some milliseconds."""
    return sum(number % 7 for number in range(60_000))


@app.get("/")
def index() -> str:
    """Answer with what `busy` found."""
    return f"{busy()}\n"
