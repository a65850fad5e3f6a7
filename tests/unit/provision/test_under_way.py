"""How many purchases are under way at once."""

import threading

from monitor.grab.grab import GrabId
from monitor.provision.under_way import PARALLEL, UnderWay


def test_a_thread_takes_one_place_however_many_candidates_it_has_tried() -> None:
    """Or one purchase that goes on from hostnode to hostnode would keep all others waiting."""
    under_way = UnderWay()
    for number in range(PARALLEL):
        under_way.hold(GrabId(number))
    assert [under_way.take(GrabId(100 + number)) for number in range(PARALLEL)] == [
        *[True] * (PARALLEL - 1),
        False,
    ]


def test_each_thread_takes_a_place_until_it_lets_go() -> None:
    under_way = UnderWay()
    done = threading.Event()

    def hold(number: int) -> None:
        under_way.hold(GrabId(number))
        held.release()
        done.wait(10)
        under_way.release()

    held = threading.Semaphore(0)
    threads = [threading.Thread(target=hold, args=(number,)) for number in range(PARALLEL)]
    for thread in threads:
        thread.start()
        held.acquire()
    assert not under_way.take(GrabId(100))
    done.set()
    for thread in threads:
        thread.join()
    assert under_way.take(GrabId(100))
