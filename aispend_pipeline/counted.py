"""How many of something, for people."""


def counted(count: int, what: str) -> str:
    """`1 day`, `1,200 days`, of what takes an `s`."""
    return f"{count:,} {what}{'s' * (count != 1)}"
