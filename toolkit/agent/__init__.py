"""The small program that starts a server or a load generator and reports what happens as framed JSON lines.

It imports only the standard library and nothing from the toolkit, because it is copied into images (as `gilfree_agent`)
and runs there under the interpreter that is measured, or under Debian's python3. It knows neither servers nor
generators: its one JSON argument says what to run.
"""
