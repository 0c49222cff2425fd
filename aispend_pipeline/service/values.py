"""The values that parameters and bodies are made of; most have a name and a schema in the OpenAPI document."""

from collections.abc import Collection
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field
from typing_extensions import TypeAliasType

from aispend_pipeline.budgets.model import SOURCE as BUDGETS
from aispend_pipeline.sources import COST_SOURCES, SOURCES
from aispend_pipeline.warehouse.questions import DIMENSIONS, FIGURES

ALL_SOURCES = (*SOURCES, BUDGETS)
_USAGE_SOURCES = [name for name in SOURCES if name not in COST_SOURCES]
_SORTABLE = (*DIMENSIONS, *FIGURES)
_PLAIN = "plain notation, at least two decimals, no further trailing zeros"
_MONEY: dict[str, Any] = {"format": "decimal", "pattern": r"^-?(0|[1-9][0-9]*)\.([0-9]{2}|[0-9]{2,}[1-9])$"}
_NUMBER: dict[str, Any] = {"format": "decimal", "pattern": r"^-?(0|[1-9][0-9]*)(\.[0-9]*[1-9])?$"}
_RATIO: dict[str, Any] = {"format": "decimal", "pattern": r"^-?(0|[1-9][0-9]*)\.[0-9]+$"}


def _known(names: Collection[str]) -> AfterValidator:
    def known(name: str) -> str:
        if name not in names:
            raise ValueError(f"{name[:40]!r} is none of {', '.join(names)}")
        return name

    return AfterValidator(known)


def _enum(names: Collection[str], description: str | None = None) -> Any:
    """What the document offers; whether anything else is taken is for a validator to say."""
    return Field(description=description, json_schema_extra={"enum": [*names]})


Usd = TypeAliasType(
    "Usd", Annotated[str, Field(description=f"US dollars, an exact decimal number: {_PLAIN}", json_schema_extra=_MONEY)]
)
Amount = TypeAliasType(
    "Amount",
    Annotated[str, Field(description=f"money, an exact decimal number: {_PLAIN}", json_schema_extra=_MONEY)],
)
Number = TypeAliasType(
    "Number",
    Annotated[
        str,
        Field(
            description="no money; an exact decimal number: plain notation, no trailing zeros",
            json_schema_extra=_NUMBER,
        ),
    ],
)
Ratio = TypeAliasType(
    "Ratio",
    Annotated[str, Field(description="a decimal number with as many decimals each time", json_schema_extra=_RATIO)],
)

Provider = TypeAliasType(
    "Provider", Annotated[Literal["openai", "anthropic", "vertex"], Field(description="whose services are paid for")]
)
ChargeCategory = TypeAliasType(
    "ChargeCategory",
    Annotated[
        Literal["Usage", "Credit", "Tax", "Adjustment", "Purchase"],
        Field(description="what kind of charge it is, as FOCUS calls it"),
    ],
)
Source = TypeAliasType(
    "Source",
    Annotated[str, _known(SOURCES), _enum(SOURCES, "one feed of a provider; those named `..._usage` bill nothing")],
)
AnySource = TypeAliasType(
    "AnySource",
    Annotated[str, _known(ALL_SOURCES), _enum(ALL_SOURCES, f"as `Source`, and `{BUDGETS}`, which no line comes of")],
)
Dimension = TypeAliasType("Dimension", Annotated[str, _enum(DIMENSIONS, "what spend can be grouped by")])

# Sources of lines: others have none, but to ask for them is no mistake.
BillingSource = Annotated[str, _known(ALL_SOURCES), _enum(COST_SOURCES)]
MeasuringSource = Annotated[str, _known(ALL_SOURCES), _enum(_USAGE_SOURCES)]
# Names that may also come with commas between them, so that the parameter checks them.
GroupBy = Annotated[str, _enum(DIMENSIONS)]
Sort = Annotated[str, _enum([*_SORTABLE, *(f"-{name}" for name in _SORTABLE)])]
