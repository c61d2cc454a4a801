"""The exception that users see, and the exit codes.

Whatever goes wrong through input or environment is raised as `GilfreeError`, so that the command line prints one message
instead of a traceback. A message names the value, the place and the remedy.
"""

from __future__ import annotations

FINE, CHECK_FAILED, BAD_INPUT, STALE = 0, 1, 2, 10
"""Exit codes: success; a check failed; bad input or environment; something is out of date."""

INTERRUPTED = 130
"""Exit code after Ctrl-C or SIGTERM, the same as a shell's after Ctrl-C."""


class GilfreeError(Exception):
    """Bad input or environment. message: what is wrong and where; remedy: what to do about it, empty when there is no known remedy."""

    exit_code = BAD_INPUT

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.message, self.remedy = message, remedy

    def __str__(self) -> str:
        return f"{self.message}\n  remedy: {self.remedy}" if self.remedy else self.message
