"""Watch a GPU marketplace, record it, alert on it, and buy from it safely."""

from importlib.metadata import version

__version__ = version("gpu-monitor")
