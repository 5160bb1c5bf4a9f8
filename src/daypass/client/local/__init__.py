"""Servers on this machine's loopback address: credentials for SDKs, and a proxy that signs."""
