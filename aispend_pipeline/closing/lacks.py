"""What a provider's bill does not have by its nature, so that nobody looks for a difference where there must be one.

Facts: OpenAI's and Anthropic's guides to their cost interfaces, Google's guide to the billing export.
"""

from aispend_pipeline.settings import Settings
from aispend_pipeline.settings.accounts import suffix
from aispend_pipeline.sources.google import PROVIDER as GOOGLE


def lacks(settings: Settings, provider: str, account: str) -> list[str]:
    """What is not in the bill of an account, read as it is set now; `account` is the one whose credentials read it."""
    if provider == "openai":
        return [*_OPENAI, *_projects(settings, account)]
    if provider == "anthropic":
        return [*_ANTHROPIC]
    return [*_GOOGLE, *_tax(settings, account)] if provider == GOOGLE else []


_OPENAI = (
    "tax, purchases of prepaid credits, seats of ChatGPT, and all of Azure OpenAI",
    "Scale Tier bundles by project: they are booked on the organisation",
)
_ANTHROPIC = ("tax, Priority Tier (at any time), flex, and seats and subscriptions of the Claude apps",)
_GOOGLE = (
    "services that are not AI: GCP_SERVICE_IDS and its like say which are",
    "charges that came too late for this invoice: Google puts them on a later one",
)


def _projects(settings: Settings, account: str) -> list[str]:
    """A line where only some projects of OpenAI's are read."""
    some = any(one.name == account and one.project_ids for one in settings.openai)
    setting = f"OPENAI_PROJECT_ID{suffix(account)}"
    return [f"projects that {setting} does not name, and what is booked on no project"] if some else []


def _tax(settings: Settings, account: str) -> list[str]:
    """A line where Google's tax is left out."""
    included = any(one.name == account and one.include_tax for one in settings.vertex)
    return [] if included else [f"tax: GCP_INCLUDE_TAX{suffix(account)}=true counts it, that of all services"]
