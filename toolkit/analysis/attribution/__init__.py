"""What figures show where they do not show everything: a direction without a size, a part of a difference."""
