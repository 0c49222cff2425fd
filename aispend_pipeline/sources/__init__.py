"""One module for each source: what to ask and how pages follow each other.

`SOURCES` is the registry: a new source is one line here.
"""

from aispend_pipeline.settings import Settings
from aispend_pipeline.sources.anthropic_costs import AnthropicCostsSource
from aispend_pipeline.sources.anthropic_usage import AnthropicUsageSource
from aispend_pipeline.sources.engine import Source
from aispend_pipeline.sources.openai_costs import OpenAICostsSource
from aispend_pipeline.sources.openai_usage import OpenAIUsageSource
from aispend_pipeline.sources.vertex_billing import VertexBillingSource

_REGISTERED: tuple[Source, ...] = (
    OpenAICostsSource(),
    OpenAIUsageSource(),
    AnthropicCostsSource(),
    AnthropicUsageSource(),
    VertexBillingSource(),
)
SOURCES: dict[str, Source] = {source.name: source for source in _REGISTERED}
# Those that have bills.
COST_SOURCES = [name for name, source in SOURCES.items() if source.normaliser.table == "spend"]


def feeds(settings: Settings) -> list[tuple[str, str, str]]:
    """Source, account and provider of everything that ought to be read."""
    return [
        (source.name, account, source.provider) for source in SOURCES.values() for account in source.accounts(settings)
    ]
