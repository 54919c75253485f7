"""The two ways a command ends early, each with one line for the user and an exit code."""


class AnjianError(Exception):
    """Something outside the command failed (a full disk, a server that will not start); exit code 1.

    The message is one line that names the file, line or option at fault and the mend.
    """

    exit_code = 1


class UsageError(AnjianError):
    """The command or a file given to it is wrong; exit code 2."""

    exit_code = 2
