"""The health check of app images, without curl: every answer with a status below 500 is healthy.

GRANIAN_PORT and GILFREE_HEALTH_PATH say what to request. It uses a socket, since an HTTP client takes ten times longer to
import, every half minute.
"""

import os
import socket
import sys

port, path = int(os.environ.get("GRANIAN_PORT", "8000")), os.environ.get("GILFREE_HEALTH_PATH", "/")
try:
    with socket.create_connection(("127.0.0.1", port), timeout=4) as connection:
        connection.sendall(f"GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n".encode())
        status = connection.recv(64).split(b" ")[1:2]
except OSError as error:
    sys.exit(f"no answer on port {port}: {error}")
if not status or not status[0].isdigit() or int(status[0]) >= 500:
    sys.exit(f"{path} answers {status}")
