"""Measurements beside peers: each prints ratios taken in one run, and judges nothing."""
