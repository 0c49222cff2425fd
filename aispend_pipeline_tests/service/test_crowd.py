"""How many requests are answered at once: of all clients, and of one."""

import asyncio

from aispend_pipeline.service.guard import Crowd

from .bounded import PATIENCE


async def nothing(scope, receive, send) -> None:
    """An application that answers nothing."""


def asked(host: str, path: str = "/") -> dict:
    return {"type": "http", "path": path, "client": (host, 1), "headers": []}


class TestTheCrowd:
    def test_more_than_are_answered_at_once_are_sent_away_and_the_next_are_not(self):
        async def scene() -> list[int]:
            go_on, sent = asyncio.Event(), []

            async def slow(scope, receive, send) -> None:
                await go_on.wait()
                await send({"type": "http.response.start", "status": 200, "headers": []})

            async def send(message: dict) -> None:
                if message["type"] == "http.response.start":
                    sent.append(message["status"])

            crowd = Crowd(slow, 2, 2)
            paths = ["/", "/", "/", "/healthz"]
            asking = [asyncio.create_task(crowd(asked("192.0.2.1", path), nothing, send)) for path in paths]
            while not sent:
                await asyncio.sleep(0)
            go_on.set()
            await asyncio.gather(*asking)
            await crowd(asked("192.0.2.1"), nothing, send)
            return sent  # the liveness probe was not sent away

        assert asyncio.run(asyncio.wait_for(scene(), PATIENCE)) == [503, 200, 200, 200, 200]

    def test_no_client_takes_the_place_of_all_others(self):
        async def scene() -> list[tuple[str, bytes]]:
            go_on, sent = asyncio.Event(), []

            async def slow(scope, receive, send) -> None:
                await go_on.wait()
                await send({"type": "http.response.body", "body": b"fine"})

            def ask(host: str) -> asyncio.Task:
                async def send(message: dict) -> None:
                    if "body" in message:
                        sent.append((host, message["body"]))

                return asyncio.create_task(crowd(asked(host), nothing, send))

            crowd = Crowd(slow, 4, 2)
            asking = [ask(f"192.0.2.{last}") for last in (1, 1, 1, 2, 2)]
            while not sent:
                await asyncio.sleep(0)
            go_on.set()
            await asyncio.gather(*asking)
            return sent

        (greedy, refusal), *others = asyncio.run(asyncio.wait_for(scene(), PATIENCE))
        assert greedy == "192.0.2.1"
        assert b"2 requests from your address are being answered" in refusal
        assert sorted(others) == [(f"192.0.2.{last}", b"fine") for last in (1, 1, 2, 2)]
