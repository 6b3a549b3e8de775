# SPDX-License-Identifier: Apache-2.0
"""A wsline loop inside asyncio: callbacks of its apps run on asyncio's thread, between its tasks,
so they may use futures and queues directly.
"""

import asyncio

import wsline


class Driver:
    """Drives `loop` from its creation inside a coroutine until close()."""

    def __init__(self, loop):
        self._loop = loop
        self._asyncio = asyncio.get_running_loop()
        self._timer = None
        self._asyncio.add_reader(loop.fd(), self._turn)
        self._turn()

    def close(self):
        """Must not be called in a callback of an app, which runs inside a turn."""
        self._asyncio.remove_reader(self._loop.fd())
        self._cancel_timer()

    def _turn(self):
        self._cancel_timer()
        self._loop.run_once(0)
        milliseconds = self._loop.next_timeout_ms()
        if milliseconds != wsline.FOREVER:
            self._timer = self._asyncio.call_later(milliseconds / 1000, self._turn)

    def _cancel_timer(self):
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
