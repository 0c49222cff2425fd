"""Answers are kept as long as there is room, and never outlive their snapshot."""

import threading

from aispend_pipeline.service.kept import Kept, Made


def made(size: int) -> Made:
    return Made(b"x" * size, {})


def test_what_was_not_asked_for_the_longest_makes_room():
    kept = Kept(most_bytes=5_000)
    for tag in "abc":
        kept.put(tag, made(1_000))

    assert kept.get("a")
    kept.put("d", made(1_000))

    assert [tag for tag in "abcd" if kept.get(tag)] == ["a", "c", "d"]


def test_what_is_larger_than_all_the_room_is_not_kept_and_drives_nothing_out():
    kept = Kept(most_bytes=5_000)
    kept.put("a", made(1_000))
    kept.put("b", made(6_000))

    assert (kept.get("a"), kept.get("b")) == (made(1_000), None)


def test_many_small_answers_take_room_too():
    kept = Kept(most_bytes=50_000)
    for number in range(1_000):
        kept.put(str(number), made(0))

    assert sum(kept.get(str(number)) is not None for number in range(1_000)) <= 100


def test_threads_may_share_it():
    kept = Kept(most_bytes=20_000)

    def work() -> None:
        for number in range(300):
            kept.put(str(number % 40), made(number % 7 * 100))
            kept.get(str(number % 11))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    kept.put("z", made(100))

    assert kept.get("z") == made(100)
