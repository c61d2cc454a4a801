"""Starts, and fails on every request: its table is not there."""

ORDERS: dict[str, str] = {}


def app(environ, start_response):
    body = ORDERS["orders"].encode()
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]
