"""Where credentials come from: small objects with one method, which compose.

`Cached(AssumeRole(request, FirstOf(Environment(), Profile())))` reads from right to left.
"""
