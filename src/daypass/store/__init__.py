"""Durable state: SQL through SQLAlchemy Core, and the caches every request reads instead of it."""
