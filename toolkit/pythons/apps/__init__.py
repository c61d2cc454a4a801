"""Whether a user's app can be served: imported by the interpreter of each arm before anything is measured."""
