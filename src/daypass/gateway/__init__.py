"""A request's way: locate, authenticate, decode, authorize, perform, encode, record."""
