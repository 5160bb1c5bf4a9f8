"""What a policy document is refused with.

PolicyError            a document that AWS would not store, in AWS's words
"""


class PolicyError(Exception):
    """A policy document that is refused.

    code: AWS's error code. message: AWS's wording for it. path: where in the document, as a JSON
    path ("$.Statement[0].Action"). detail: what is wrong there and what to write instead.
    """

    def __init__(self, message: str, path: str = "$", detail: str = "") -> None:
        super().__init__(f"{message} ({path}: {detail})" if detail else f"{message} ({path})")
        self.code = "MalformedPolicyDocument"
        self.message = message
        self.path = path
        self.detail = detail

    def within(self, path: str) -> "PolicyError":
        """The same error of a part, as one of the whole that has the part at path."""
        inner = f"{path}.{self.path}" if self.path else path
        return PolicyError(self.message, inner, self.detail)
