"""The one error that training shows to a user."""

from __future__ import annotations


class UserError(Exception):
    """Something that the user can mend.

    Args:
        message: what was wrong, with the value seen.
        remedy: the next step, as an imperative sentence.
    """

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __reduce__(self) -> tuple[type[UserError], tuple[str, str]]:
        """Survive the way back from a worker process."""
        return type(self), (self.message, self.remedy)
