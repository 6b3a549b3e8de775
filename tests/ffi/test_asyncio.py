#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Python's asyncio drives a wsline loop: many apps on its own thread, and no thread of the library.
"""

import asyncio
import threading
import unittest

import wsline
from harness import WAIT_S, Test, options, url
from wsline import Status
from wsline_asyncio import Driver


class Asyncio(Test, unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self):
        self.loop = wsline.Loop()
        self.addCleanup(self.loop.free)
        self.options = options()
        self.addCleanup(self.options.free)
        self.driver = Driver(self.loop)
        self.happened = asyncio.Queue()

    async def asyncTearDown(self):
        self.driver.close()

    async def next(self):
        return await asyncio.wait_for(self.happened.get(), WAIT_S)

    async def test_several_apps_echo_concurrently(self):
        peers = ("WEBSOCKETS", "WS", "WEBSOCKETS_TLS", "WS_TLS") * 3
        await asyncio.gather(*(self.echo(url(peer), name) for name, peer in enumerate(peers)))

    async def echo(self, address, name):
        opened = asyncio.get_running_loop().create_future()
        closed = asyncio.get_running_loop().create_future()
        received = asyncio.Queue()
        with wsline.App(address, self.options) as app:
            app.on_open(lambda: opened.set_result(None))
            app.on_message(received.put_nowait)
            app.on_close(lambda code, _reason: closed.set_result(code))
            self.loop.add(app)
            await asyncio.wait_for(opened, WAIT_S)
            for number in range(20):
                app.send(f"{name}: {number}")
                message = await asyncio.wait_for(received.get(), WAIT_S)
                self.assertEqual(message, f"{name}: {number}")
            app.close()
            self.assertEqual(await asyncio.wait_for(closed, WAIT_S), 1000)

    async def test_pings_are_sent_automatically(self):
        self.options.set_ping(10, WAIT_S * 1000, b"alive?")
        with wsline.App(url("WS"), self.options) as app:
            app.on_pong(self.happened.put_nowait)
            self.loop.add(app)
            pongs = [await self.next(), await self.next()]
            self.assertGreaterEqual(app.rtt_us(), 0)
        self.assertTrue(all(pong.startswith(b"alive?") and len(pong) == 14 for pong in pongs))
        self.assertNotEqual(*pongs)

    async def test_a_silent_server_is_detected(self):
        self.options.set_ping(10, 50)
        with wsline.App(url("FAULTS", "/stall"), self.options) as app:
            app.on_error(self.happened.put_nowait)
            self.loop.add(app)
            self.assertEqual((await self.next()).status, Status.PONG_TIMEOUT)

    async def test_the_app_reconnects(self):
        self.options.set_reconnect(10, 10)
        with wsline.App(url("FAULTS", "/eof-after-101"), self.options) as app:
            app.on_open(lambda: self.happened.put_nowait("open"))
            app.on_error(self.happened.put_nowait)
            app.on_close(lambda code, _reason: self.happened.put_nowait(code))
            app.on_reconnect(lambda: self.happened.put_nowait("again"))
            self.loop.add(app)
            self.assertEqual(await self.next(), "open")
            error = await self.next()
            self.assertEqual((error.status, error.retry_in_ms), (Status.CONNECTION_LOST, 10))
            self.assertEqual(await self.next(), 1006)
            self.assertEqual(await self.next(), "again")

    async def test_other_threads_post(self):
        other = threading.Thread(
            target=self.loop.post,
            args=(lambda: self.happened.put_nowait(threading.get_ident()),),
        )
        other.start()
        self.assertEqual(await self.next(), threading.get_ident())
        other.join()

    async def test_other_threads_add_and_close_apps(self):
        with wsline.App(url("WEBSOCKETS"), self.options) as app:
            app.on_open(lambda: self.happened.put_nowait("open"))
            app.on_close(lambda code, _reason: self.happened.put_nowait(code))
            in_thread = asyncio.get_running_loop().run_in_executor
            await in_thread(None, self.loop.add, app)
            self.assertEqual(await self.next(), "open")
            await in_thread(None, app.close)
            self.assertEqual(await self.next(), 1000)


if __name__ == "__main__":
    unittest.main()
