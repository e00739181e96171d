"""A Django project in one file, whose hot function is `busy`; its arguments are those of `manage.py`."""

import sys

from django.conf import settings
from django.core.management import execute_from_command_line
from django.http import HttpRequest, HttpResponse
from django.urls import path

settings.configure(DEBUG=True, SECRET_KEY="bench", ROOT_URLCONF=__name__, ALLOWED_HOSTS=["127.0.0.1"])


def busy() -> int:
    """Take some milliseconds."""
    return sum(number % 7 for number in range(60_000))


def index(request: HttpRequest) -> HttpResponse:
    """Answer with what `busy` found."""
    return HttpResponse(f"{busy()}\n")


urlpatterns = [path("", index)]

if __name__ == "__main__":
    execute_from_command_line(sys.argv)
