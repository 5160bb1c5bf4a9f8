"""Temporary AWS credentials, end to end: issue them, use them, enforce them, explain them."""

__version__ = "0.1.0"
