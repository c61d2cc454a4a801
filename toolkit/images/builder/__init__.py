"""Building what is not current, one image after the other."""
