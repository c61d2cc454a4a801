"""The paired images: what they are made of, whether they are current, building, testing, pushing them."""
