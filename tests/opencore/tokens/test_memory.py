"""What is remembered of tokens has its room, and threads may share it."""

from concurrent.futures import ThreadPoolExecutor

from opencore.tokens.memory import Memory


def test_the_oldest_makes_room() -> None:
    memory: Memory[str, int] = Memory(room=2)

    memory.put("ada", 1)
    memory.put("grace", 2)
    memory.put("mallory", 3)

    assert [memory.find(name) for name in ("ada", "grace", "mallory")] == [None, 2, 3]


def test_what_is_put_again_is_the_newest() -> None:
    memory: Memory[str, int] = Memory(room=2)

    memory.put("ada", 1)
    memory.put("grace", 2)
    memory.put("ada", 4)
    memory.put("mallory", 3)

    assert [memory.find(name) for name in ("ada", "grace", "mallory")] == [4, None, 3]


def test_what_is_dropped_is_not_known_any_more() -> None:
    memory: Memory[str, int] = Memory(room=2)
    memory.put("ada", 1)

    memory.drop("ada")
    memory.drop("nobody")

    assert memory.find("ada") is None


def test_threads_that_crowd_it_neither_fail_nor_exceed_its_room() -> None:
    memory: Memory[int, int] = Memory(room=3)

    def crowd(first: int) -> list[int | None]:
        found = []
        for number in range(first, first + 2_000):
            memory.put(number, number)
            memory.drop(number - 2)
            found.append(memory.find(number - 1))
        return found

    with ThreadPoolExecutor(4) as threads:
        found = [each for part in threads.map(crowd, range(4)) for each in part]

    assert len(found) == 8_000
    assert len(memory) <= 3
