"""How Gunicorn serves OpenCore: `gunicorn --config python:opencore.gunicorn`.

The front speaks to its clients itself. `--worker-class opencore.serving.Worker` has
Gunicorn speak, and serves it by ASGI. For a server of threads add `--worker-class
opencore.serving.Threads --threads 16 opencore.wsgi`.

Before a stop the server says that it is not ready for DRAIN_SECONDS and serves on, so
that whoever spreads the load can turn to others before the first refusal.
"""

import signal
from threading import Timer
from types import FrameType

from gunicorn.arbiter import Arbiter
from gunicorn.workers.base import Worker

from opencore.draining import is_draining, start_draining
from opencore.metrics.folder import forget_process, make_folder, remove_folder
from opencore.settings.environment import environment_of_this_start, split

_environment = environment_of_this_start()

wsgi_app = "opencore.asgi:application"
worker_class = "opencore.serving.Direct"
asgi_loop = "uvloop"
http_parser = "fast"
keepalive = 75
# How long a request that has begun may take to end after the stop.
graceful_timeout = 20
# What may be a little more than the gateway accepts, which then says what is wrong.
limit_request_line = 8190
limit_request_fields = 110
limit_request_field_size = 8190
# A name with an underscore could pass for one of the gateway's own headers.
header_map = "refuse"
forwarder_headers = ""
# Who may say that the client came by HTTPS.
forwarded_allow_ips = ",".join(split(_environment.trusted_proxies))
control_socket_disable = True
# Each answered request is logged by OpenCore, with its id.
accesslog = None
errorlog = "-"
loglevel = "warning"

_drain_seconds = _environment.drain_seconds


def on_starting(_server: Arbiter) -> None:
    """Let the metrics of all workers be read from any."""
    make_folder()


def when_ready(server: Arbiter) -> None:
    """Let SIGTERM drain first; a second one stops at once."""

    def stop(number: int, _frame: FrameType | None = None) -> None:
        if is_draining() or not _drain_seconds:
            start_draining()
            server.signal(number, None)
            return
        start_draining()
        timer = Timer(_drain_seconds, server.signal, (number, None))
        timer.daemon = True
        timer.start()

    signal.signal(signal.SIGTERM, stop)


def post_fork(_server: Arbiter, _worker: object) -> None:
    """Give workers the usual SIGTERM back until they set their own."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


def child_exit(_server: Arbiter, worker: Worker) -> None:
    """Take a worker that ended, however it ended, out of the gauges."""
    forget_process(int(worker.pid))


def on_exit(_server: Arbiter) -> None:
    """Leave no metrics behind."""
    remove_folder()
