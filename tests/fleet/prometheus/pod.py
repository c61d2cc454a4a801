"""A server that counts what it serves, as a pod with Prometheus' client does: `python pod.py PORT POD`. Standard library only.

CPU and memory stand for what cAdvisor says of its container.
"""

from __future__ import annotations

import resource
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

METRICS = """# TYPE http_requests_total counter
http_requests_total{{namespace="shop",pod="{pod}"}} {served}
# TYPE container_cpu_usage_seconds_total counter
container_cpu_usage_seconds_total{{namespace="shop",pod="{pod}",container="web"}} {cpu}
# TYPE container_memory_working_set_bytes gauge
container_memory_working_set_bytes{{namespace="shop",pod="{pod}",container="web"}} {memory}
"""


class Pod(BaseHTTPRequestHandler):
    """One request: /metrics, or work of some milliseconds."""

    served = 0
    name = sys.argv[-1]

    def do_GET(self) -> None:
        if self.path == "/metrics":
            memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
            body = METRICS.format(pod=self.name, served=Pod.served, cpu=time.process_time(), memory=memory)
        else:
            Pod.served += 1
            body = str(sum(range(20_000)))
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_: Any) -> None:
        """Quiet."""


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Pod).serve_forever()
