"""Examples of bodies in the OpenAPI document, with their nulls: FastAPI leaves those out of whatever it writes."""

from collections.abc import Iterable
from typing import Any

from fastapi.routing import APIRoute
from pydantic import BaseModel
from starlette.routing import BaseRoute


def put_back(routes: Iterable[BaseRoute], document: dict[str, Any]) -> None:
    """Give each body that a route answers with the examples that its model has, wherever it is answered."""
    for route in (route for route in routes if isinstance(route, APIRoute)):
        for status, response in route.responses.items():
            examples = _examples(response.get("model"))
            if examples:
                document["components"]["schemas"][response["model"].__name__]["examples"] = examples
                for operation in document["paths"][route.path_format].values():
                    operation["responses"][str(status)]["content"]["application/json"]["example"] = examples[0]


def _examples(model: Any) -> list[Any]:
    if not (isinstance(model, type) and issubclass(model, BaseModel)):
        return []
    extra = model.model_config.get("json_schema_extra")
    found = extra.get("examples") if isinstance(extra, dict) else None
    return found if isinstance(found, list) else []
