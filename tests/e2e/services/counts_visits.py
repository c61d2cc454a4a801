"""Counts its visits, as the first example of many tutorials: the answer becomes longer while it is loaded."""

import itertools

hits = itertools.count(1)


def app(environ, start_response):
    body = f"This page has been viewed {next(hits)} time(s)".encode()
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]
