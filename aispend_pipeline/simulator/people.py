"""The people of the simulated organisation: the same at every provider."""

from dataclasses import dataclass
from datetime import UTC, datetime

JOINED = datetime(2025, 9, 1, 8, 0, tzinfo=UTC)
_NAMES = {
    "default": (
        "Ada Moreau, Bram Okafor, Chiara Lindt, Dmitri Sato, Elif Novak, Femi Adeyemi, Greta Olsen, Hugo Marques,"
        " Ines Fischer, Jonas Kim, Kavya Rao, Lena Duarte, Milan Horvat, Nora Beck, Omar Haddad, Petra Vogel,"
        " Quentin Roy, Rosa Silva, Sven Dahl, Tara Quinn, Umut Kaya, Vera Toth, Wim Peeters"
    ),
    "eu": "Anouk Visser, Bastian Krol, Celia Prieto, Dario Conti",
}


@dataclass(frozen=True)
class Person:
    """Somebody who belongs to an account's organisation; the first is its owner."""

    name: str
    owner: bool

    @property
    def user_id(self) -> str:
        """As both providers spell it here: `user_ada`."""
        return f"user_{self.name.split()[0].lower()}"

    @property
    def email(self) -> str:
        """Where they get mail."""
        return f"{self.name.lower().replace(' ', '.')}@example.com"


PEOPLE: dict[str, tuple[Person, ...]] = {
    account: tuple(Person(name.strip(), number == 0) for number, name in enumerate(names.split(",")))
    for account, names in _NAMES.items()
}
