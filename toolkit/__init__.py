"""gilfree: measures Python web services on CPython with and without the GIL, side by side.

The folders follow the data: scenario and pair -> plan -> campaign -> backend -> frames -> records -> claims -> report.
"""
