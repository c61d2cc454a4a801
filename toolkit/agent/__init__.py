"""The small program that stands beside a server or a load generator and prints what happens as framed JSON lines.

A leaf: it imports nothing of the toolkit and only the standard library, because it is copied (as `gilfree_agent`) into
images and runs there under the interpreter that is measured, or under Debian's python3. It knows neither Granian nor
rewrk: its one JSON argument says what to run.
"""
