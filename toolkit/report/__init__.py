"""Reports: records as tables, for the terminal and as data. The one place where numbers become text."""
