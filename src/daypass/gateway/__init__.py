"""One request's way in and out: locate, authenticate, decode, authorize, perform, encode, record."""
