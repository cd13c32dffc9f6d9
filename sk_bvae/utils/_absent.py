"""Attributes that are not there, and say why."""


class Absent:
    """A class attribute that `hasattr` does not find.

    Parameters
    ----------
    why : str
        What who asks for it is told.
    """

    def __init__(self, why):
        self.why = why

    def __get__(self, instance, owner=None):
        """Raise."""
        raise AttributeError(self.why)
