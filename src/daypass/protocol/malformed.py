"""What a request can have wrong in form, before its meaning is looked at.

ValueError
└── MalformedError
    ├── MalformedEncodingError    percent-encoding, UTF-8, NUL
    ├── MalformedValueError       a scalar that is not of its type
    └── MalformedBodyError        XML or JSON that is not well-formed or not of the model's shape

Each message is the rest of a sentence that its catcher begins with what was read.
"""


class MalformedError(ValueError):
    """Input whose form is wrong; the text says how."""


class MalformedEncodingError(MalformedError):
    """Text that is not the percent-encoding of UTF-8, or holds a NUL."""


class MalformedValueError(MalformedError):
    """Text that is not of the type its member has."""


class MalformedBodyError(MalformedError):
    """A body that is not well-formed, not allowed, or not of the model's shape."""
