"""What images are made of: inputs, their hashes, labels, build context and inventory."""
