"""Prepares what `gilfree bench` and the tests need before either begins: the pair, its environments, the load generator.

`make test` runs `python -m toolkit.bench.ready` first, so that minutes of building are seen as building, and a missing
tool gives one message and exit code 2 instead of a failure of every test.
"""

from __future__ import annotations

import sys

from toolkit.console import to_stderr
from toolkit.errors import INTERRUPTED, GilfreeError
from toolkit.loadgen.binaries import ensure_binary, needs_of
from toolkit.pythons.environment import pair_environments
from toolkit.pythons.find import find_pair
from toolkit.pythons.lock import load_lock

SERIES = "3.14"


def main() -> int:
    """Exit code 0 when everything is ready, 2 with a remedy on stderr when something is missing and cannot be made."""
    try:
        pair = find_pair(SERIES, say=to_stderr, later=needs_of("rewrk"))
        pair_environments(pair, load_lock().resolve(SERIES).requirements(), None, to_stderr)
        ensure_binary("rewrk", to_stderr)
    except GilfreeError as error:
        print(f"gilfree: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return INTERRUPTED
    return 0


if __name__ == "__main__":
    sys.exit(main())
