"""Chromium without a window, spoken to through its debugging pipe: JSON messages that end with a zero byte."""

import json
import os
import shutil
import subprocess
import threading
from contextlib import contextmanager

EXECUTABLE = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
LIMIT = 300  # seconds after which it is given up, so that no test hangs


class Tab:
    """One page after the other; `events` are what the browser reported since the last `open`."""

    def __init__(self, to_browser, from_browser):
        self._to, self._from, self._received, self._number, self._session = to_browser, from_browser, b"", 0, None
        self.events = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Network", "Runtime"):
            self.call(f"{domain}.enable")

    def call(self, method, **params):
        self._number += 1
        message = {"id": self._number, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._to, json.dumps(message).encode() + b"\0")
        while (answer := self._receive()).get("id") != self._number:
            self.events.append(answer)
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']}")
        return answer["result"]

    def open(self, address):
        """Load a page, and wait until its scripts and images are there."""
        self.events = []
        self.call("Page.navigate", url=address)
        while not any(event["method"] == "Page.loadEventFired" for event in self.events):
            self.events.append(self._receive())

    def evaluate(self, expression):
        """Value of JavaScript, awaited where it is a promise."""
        answer = self.call("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(f"{expression}: {answer['exceptionDetails']}")
        return answer["result"].get("value")

    def _receive(self):
        while b"\0" not in self._received:
            piece = os.read(self._from, 65536)
            if not piece:
                raise RuntimeError("the browser has ended, or took too long")
            self._received += piece
        message, _, self._received = self._received.partition(b"\0")
        return json.loads(message)


@contextmanager
def tab(profile):
    """A tab of a browser of its own, whose profile is kept in a folder that may go afterwards."""
    theirs_in, ours_out = os.pipe()
    ours_in, theirs_out = os.pipe()
    options = [
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--remote-debugging-pipe",
        f"--user-data-dir={profile}",
    ]
    # No sandbox, for root may not have one and the pages are our own.
    # Chromium reads from descriptor 3 and writes to 4. A shell puts them there: `pass_fds` keeps their numbers.
    command = f'exec 3<&{theirs_in} 4>&{theirs_out} "$@"'
    process = subprocess.Popen(
        ["bash", "-c", command, "bash", EXECUTABLE, *options],
        pass_fds=(theirs_in, theirs_out),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(theirs_in)
    os.close(theirs_out)
    limit = threading.Timer(LIMIT, process.kill)
    limit.start()
    try:
        yield Tab(ours_out, ours_in)
    finally:
        limit.cancel()
        process.terminate()
        process.wait(timeout=30)
        os.close(ours_out)
        os.close(ours_in)
