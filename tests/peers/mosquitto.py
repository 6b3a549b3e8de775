#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""mosquitto, an MQTT broker, with a WebSocket listener.   usage: mosquitto.py"""

import threading

from foreign import Programs
from serving import announce, exit_at_end_of_input


def main():
    with Programs(pki=None) as programs:
        exit_at_end_of_input(programs.stop)
        announce(programs.start([mosquitto]))
        threading.Event().wait()


def mosquitto(place):
    # With a WebSocket listener alone, version 2.0 does not start.
    ports = {"mqtt": place.claim_port(), "websockets": place.claim_port()}
    conf = place.render("mosquitto.conf", **ports)
    return ["mosquitto", "-c", conf], ports


if __name__ == "__main__":
    main()
