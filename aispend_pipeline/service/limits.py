"""How much a client may take of the service. Not settings: what is fit for all who behave is here."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """Bounds of requests, answers and connections; bytes, seconds and counts."""

    target_bytes: int = 24_576  # path and query
    head_bytes: int = 32_768  # request line and headers; 10 kB of token are refused as a token
    request_bytes: int = 65_536  # all of a request; no route takes a body
    request_seconds: float = 10.0  # from the connection or the first byte to the last
    idle_seconds: float = 5.0  # between two requests of a connection
    answer_seconds: float = 30.0  # for a question to the figures
    taking_seconds: float = 20.0  # for a client to take `taking_bytes` of its answer, or the rest of it
    taking_bytes: int = 65_536
    sending_seconds: float = 600.0  # for a client to take all of an answer, however steadily
    parting_seconds: float = 2.0  # for a client that was refused to hear so
    waiting: int = 600  # connections without a whole request; one more, and the oldest is cut
    answering: int = 128  # requests that are being answered; one more is sent away
    answering_one: int = 32  # of those, requests of one client
    stalled: int = 64  # answers that wait for their clients; one more, and who has taken nothing for longest is cut
    stalled_bytes: int = 134_217_728  # all that those hold
    end_seconds: int = 5  # for answers under way when the service ends
    addresses: int = 10_000  # clients whose rate is known
