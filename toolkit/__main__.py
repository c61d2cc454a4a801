"""`python -m toolkit` is `gilfree`."""

from toolkit.cli import main

main()
