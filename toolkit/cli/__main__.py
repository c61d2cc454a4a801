"""`python -m toolkit.cli` is `gilfree`."""

from toolkit.cli import main

main()
