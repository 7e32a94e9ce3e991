"""Vazão: a data backend that brings data in, works on it fairly, and serves it fast."""

__version__ = "0.1.0"
