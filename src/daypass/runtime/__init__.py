"""What runs in the processes of functions: the standard library alone, nothing of the server."""
