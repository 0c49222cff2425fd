"""Who is told: messages of events, the outbox that keeps them, and the channels that carry them."""
