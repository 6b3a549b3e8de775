# SPDX-License-Identifier: Apache-2.0
"""Third-party programs as test servers: directories for their files, ports, stopping them.

They neither choose their ports nor report when they are ready, so a port is chosen for them, and
connecting shows when they are ready. Their files are in one temporary directory or have its name in
/dev/shm, so they can be killed with their children and need not clean up.
"""

import contextlib
import os
import pathlib
import random
import shutil
import signal
import socket
import string
import subprocess
import sys
import tempfile
import threading
import time

CONF = pathlib.Path(__file__).resolve().parent / "conf"
# Below the range from which the kernel chooses, so that no client socket takes it in the meantime.
PORTS = range(20000, 30000)
ATTEMPTS = 5
READY_SECONDS = 15
POLL_SECONDS = 0.01


class Template(string.Template):
    delimiter = "@"  # because $ has a meaning in the configuration files


class Place:
    """The inputs of a recipe: a name and a directory of its own, ports, templates."""

    def __init__(self, directory, pki):
        self.name = directory.name
        self.directory = directory
        self.pki = pki
        self._claims = []

    def claim_port(self):
        """A free port. The UDP port with the same number is bound to keep other test runs away from
        it.
        """
        while True:
            port = random.choice(PORTS)
            claim = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            try:
                claim.bind(("127.0.0.1", port))
                socket.create_server(("127.0.0.1", port)).close()
            except OSError:
                claim.close()
                continue
            self._claims.append(claim)
            return port

    def write(self, name, text):
        path = self.directory / name
        path.write_text(text)
        return path

    def render(self, name, **values):
        template = Template((CONF / name).read_text())
        values |= {"directory": self.directory, "pki": self.pki}
        return self.write(name, template.substitute(values))


class Programs:
    """The running programs. stop() may be called by another thread and is final."""

    def __init__(self, pki):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="wsline-"))
        self.directory.chmod(0o755)  # for programs that drop root privileges
        self._name = f"wsline{os.getpid()}"
        self._pki = pki
        self._environment = os.environ | {
            "TMPDIR": str(self.directory),
            "PATH": f"{os.environ['PATH']}:/usr/sbin",  # which some users lack
        }
        self._places = []
        self._processes = []
        self._lock = threading.Lock()

    def set_environment(self, **variables):
        self._environment |= variables

    def start(self, recipes):
        """Returns the addresses of all.

        A recipe is a function that takes a Place and returns a command and the addresses at which
        the program will listen: by name, a port on 127.0.0.1 or the path of a socket.
        """
        addresses = {}
        for _ in range(ATTEMPTS):
            launched = [(recipe, *self._launch(recipe)) for recipe in recipes]
            recipes = []
            for recipe, process, promised in launched:
                if all(wait_for(process, address) for address in promised.values()):
                    addresses |= promised
                else:
                    recipes.append(recipe)
            if not recipes:
                return addresses
        raise RuntimeError("what does not start has said why, or is too slow")

    def _launch(self, recipe):
        directory = self.directory / f"{self._name}x{len(self._places)}"
        directory.mkdir()
        place = Place(directory, self._pki)
        self._places.append(place)  # otherwise its reservations would end
        command, addresses = recipe(place)
        with self._lock:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=sys.stderr,  # run.py reads stdout
                env=self._environment,
                start_new_session=True,
            )
            self._processes.append(process)
        return process, addresses

    def stop(self):
        self._lock.acquire()  # forever: nothing may be started any more
        for process in self._processes:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        for process in self._processes:
            process.wait()
        for path in pathlib.Path("/dev/shm").glob(f"{self._name}x*"):
            path.unlink()
        shutil.rmtree(self.directory, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.stop()


def wait_for(process, address):
    """Whether the program listens there before it ends or times out."""
    deadline = time.monotonic() + READY_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        if can_connect(address):
            return True
        time.sleep(POLL_SECONDS)
    return False


def can_connect(address):
    is_port = isinstance(address, int)
    with socket.socket(socket.AF_INET if is_port else socket.AF_UNIX) as probe:
        return probe.connect_ex(("127.0.0.1", address) if is_port else address) == 0
