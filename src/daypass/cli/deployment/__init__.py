"""How a file, a directory or a template becomes functions: packed, described, and brought about."""
