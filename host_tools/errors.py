"""The one error that the command line shows to a user, and its exit codes."""

EXIT_OK = 0
EXIT_CHECK_FAILED = 1
EXIT_USAGE = 2
EXIT_INTERRUPTED = 130
"""128 + SIGINT, as shells count."""


class SottoError(Exception):
    """Something that the user can mend.

    Args:
        message: what was wrong, with the value seen.
        remedy: the next step, as an imperative sentence.
        exit_code: EXIT_CHECK_FAILED or EXIT_USAGE.
    """

    def __init__(self, message: str, remedy: str, exit_code: int = EXIT_USAGE) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy
        self.exit_code = exit_code


class Interrupted(KeyboardInterrupt):
    """Ctrl-C in a step that knows better than the general advice how to go on."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message
