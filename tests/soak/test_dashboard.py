"""The dashboard under load: fifty readers for a minute among publications, and every page timed and pictured."""

from __future__ import annotations

import asyncio
import itertools
import re
import shutil
import struct
import threading
import time
from datetime import timedelta
from pathlib import Path

import websockets
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from benchmarks.pages import AIMS, as_table, load_times
from seller_warehouse.core.home import Home
from tests.readers.conftest import PublishedWorld, address, dashboard, published
from tests.readers.dashboard import PAGES, Dashboard, streamlit
from tests.readers.screenshots import TALLEST, take
from tests.support import AT, Warehouse

__all__ = ["address", "dashboard", "published"]

READERS = 50
SECONDS = 60
PAUSE_SECONDS = 10


def test_fifty_readers_see_no_failure_for_a_minute(published: PublishedWorld, tmp_path: Path) -> None:
    warehouse = Warehouse(Home(tmp_path / "home"), published.warehouse.accounts)
    shutil.copytree(published.warehouse.home.root, warehouse.home.root, symlinks=True)
    over, publications = threading.Event(), 0

    def publish() -> None:
        nonlocal publications
        while not over.wait(PAUSE_SECONDS):
            warehouse.publish(at=AT + timedelta(minutes=publications + 1), build=False)
            publications += 1

    publisher = threading.Thread(target=publish)
    with streamlit(warehouse.home, tmp_path / "log") as address:
        publisher.start()
        try:
            read = asyncio.run(read_by_many(address))
        finally:
            over.set()
            publisher.join()
    assert all(read)
    assert {title for seen in read for title, _ in seen} == {*PAGES.values()}
    publications_seen = {published_at for seen in read for _, published_at in seen}
    assert publications_seen <= {f"{AT + timedelta(minutes=n):%Y-%m-%d %H:%M}" for n in range(publications + 1)}
    assert len(publications_seen) > 1


async def read_by_many(address: str) -> list[list[tuple[str, str]]]:
    """The title of each page shown in many sessions for SECONDS, and the time of the publication that it showed."""
    until = time.monotonic() + SECONDS
    return await asyncio.gather(*(read(address, until, place) for place in range(READERS)))


async def read(address: str, until: float, place: int) -> list[tuple[str, str]]:
    """One session over Streamlit's own protocol, without drawing, since one machine cannot draw fifty at once."""
    seen = []
    pages = itertools.islice(itertools.cycle(PAGES), place % len(PAGES), None)
    stream = f"{address.replace('http', 'ws')}/_stcore/stream"
    async with websockets.connect(stream, subprotocols=[websockets.Subprotocol("streamlit")], max_size=None, open_timeout=60) as connection:
        while time.monotonic() < until:
            await connection.send(BackMsg(rerun_script=ClientState(page_name=next(pages))).SerializeToString())
            title = said = ""
            while True:
                message = ForwardMsg.FromString(await asyncio.wait_for(connection.recv(), timeout=60))
                element = message.delta.new_element
                assert not element.HasField("exception"), element.exception.message
                title = title or element.heading.body
                said += element.markdown.body
                if message.WhichOneof("type") == "script_finished":
                    break
            seen += [(title, published_at) for published_at in re.findall(r"published (\S+ \S+) UTC", said)[-1:]]
    return seen


def test_every_page_is_timed_and_judged_by_the_slowest(dashboard: Dashboard) -> None:
    times = load_times(dashboard, 1)
    assert [*times] == [*PAGES.values()]
    assert min(times.values()) > 0
    table = as_table({profile: dict.fromkeys(PAGES.values(), seconds) | {"Finance": 2.5} for profile, seconds in zip(AIMS, (1.5, 1), strict=True)})
    assert [line.split() for line in table[-2:]] == [["demo", "2.50", "<", "2", "MISSED"], ["large", "2.50", "<", "3", "met"]]


def test_every_page_is_pictured_in_its_width(dashboard: Dashboard, tmp_path: Path) -> None:
    files = take(dashboard, tmp_path / "screenshots")
    assert [f.stem for f in files] == ["overview", *[p for p in PAGES if p]]
    for file in files:
        # The size is in the header of a PNG: https://www.w3.org/TR/png/#11IHDR
        width, height = struct.unpack(">II", file.read_bytes()[16:24])
        assert (width, 900 <= height <= TALLEST) == (1280, True)
