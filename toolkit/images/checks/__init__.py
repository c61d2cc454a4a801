"""Whether a built image does what it promises: asked from inside, judged outside."""
