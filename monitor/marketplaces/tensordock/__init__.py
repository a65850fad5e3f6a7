"""The TensorDock API, version 2."""
