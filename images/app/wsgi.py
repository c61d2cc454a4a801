"""The sample service on WSGI: Flask as its users write it."""

import time
from typing import Any

from flask import Flask
from runtime import worker_state

app = Flask(__name__)


@app.get("/json")
def json() -> dict[str, str]:
    return {"message": "Hello World"}


@app.get("/io")
def io() -> dict[str, str]:
    time.sleep(0.01)
    return {"status": "done"}


@app.get("/runtime")
def runtime() -> dict[str, Any]:
    return worker_state()
