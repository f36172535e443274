"""The one exception with which the domain says no to a person."""


class NotAllowed(Exception):
    """Refused, and nothing was changed; `problems` are sentences for the operator."""

    def __init__(self, *problems: str) -> None:
        super().__init__(" ".join(problems))
        self.problems = list(problems)
