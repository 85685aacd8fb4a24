"""A headless Chromium, spoken to in its own protocol over a pair of pipes: nothing but Python and the browser is needed.

https://chromedevtools.github.io/devtools-protocol/ lists the commands. With --remote-debugging-pipe the browser reads
them from descriptor 3 and answers on 4, each a JSON object with a zero byte behind it.
"""

import base64
import json
import os
import select
import shutil
import subprocess
import tempfile
import time


class BrowserError(Exception):
    """The browser did not start, did not answer in time, or refused a command."""


def installed():
    """The path of a Chromium or Chrome of this machine; None if there is none."""
    names = ("chromium", "chromium-headless-shell", "chromium-browser", "google-chrome")
    return next((path for path in map(shutil.which, names) if path), None)


class Browser:
    """Use it in a with statement: its process and its profile are gone afterwards."""

    def __init__(self, path, patience=60):
        self.path, self.patience = path, patience
        self.number, self.rest, self.events = 0, b"", []

    def __enter__(self):
        self.profile = tempfile.TemporaryDirectory(prefix="browser-")
        to_browser, self.commands = os.pipe()
        self.answers, from_browser = os.pipe()
        # The browser wants 3 and 4, which may be taken here: the shell moves them. Without the sandbox, since containers
        # and root can't have it; the pages are our own.
        flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
                 "--hide-scrollbars", "--disable-background-networking", "--disable-component-update",
                 f"--user-data-dir={self.profile.name}", "--remote-debugging-pipe"]
        self.process = subprocess.Popen(
            ["sh", "-c", f'exec "$@" 8<&{to_browser} 9>&{from_browser} 3<&8 4>&9 8<&- 9>&-', "sh", self.path, *flags],
            pass_fds=(to_browser, from_browser), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)
        os.close(to_browser)
        os.close(from_browser)
        return self

    def __exit__(self, *_):
        try:
            self.command("Browser.close")
            self.process.wait(10)
        except (BrowserError, OSError, subprocess.TimeoutExpired):
            self.process.kill()
            self.process.wait()
        os.close(self.commands)
        os.close(self.answers)
        try:
            self.profile.cleanup()
        except OSError:
            pass  # one of the browser's helpers still writes there

    def command(self, method, session=None, **parameters):
        """Answers what the browser does; what happens meanwhile is put into `events`."""
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters}
        if session:
            message["sessionId"] = session
        os.write(self.commands, json.dumps(message).encode() + b"\0")
        number = self.number
        while True:
            answer = self.read(method)
            if answer.get("id") != number:
                self.events.append(answer)
            elif "error" in answer:
                raise BrowserError(f"{method}: {answer['error']['message']}")
            else:
                return answer["result"]

    def read(self, waiting_for):
        end = time.monotonic() + self.patience
        while b"\0" not in self.rest:
            ready, _, _ = select.select([self.answers], [], [], max(0, end - time.monotonic()))
            piece = os.read(self.answers, 1 << 20) if ready else b""
            if not piece:
                why = "ended" if ready else f"said nothing for {self.patience} s"
                raise BrowserError(f"{self.path} {why} ({waiting_for})")
            self.rest += piece
        message, self.rest = self.rest.split(b"\0", 1)
        return json.loads(message)


class Tab:
    """A page of the browser, at a size and in a colour scheme."""

    def __init__(self, browser, width, height, scheme="light", scripts=True):
        self.browser = browser
        self.target = browser.command("Target.createTarget", url="about:blank")["targetId"]
        self.session = browser.command("Target.attachToTarget", targetId=self.target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.command(f"{domain}.enable")
        self.command("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        self.command("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        self.command("Emulation.setScriptExecutionDisabled", value=not scripts)

    def command(self, method, **parameters):
        return self.browser.command(method, self.session, **parameters)

    def events(self, method):
        """What has happened of a kind in this tab so far."""
        return [event["params"] for event in self.browser.events
                if event.get("sessionId") == self.session and event["method"] == method]

    def open(self, address):
        failure = self.command("Page.navigate", url=address).get("errorText")
        if failure:
            raise BrowserError(f"{address}: {failure}")
        while not self.events("Page.loadEventFired"):
            self.browser.events.append(self.browser.read("loading"))

    def evaluate(self, expression):
        """The value of an expression in JavaScript, as far as JSON can say it."""
        answer = self.command("Runtime.evaluate", expression=expression, returnByValue=True)
        if "exceptionDetails" in answer:
            raise BrowserError(answer["exceptionDetails"].get("exception", {}).get("description", "a script failed"))
        return answer["result"].get("value")

    def point(self, x, y):
        """Moves the pointer to a place of the window."""
        self.command("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)

    def press(self, key):
        for kind in ("rawKeyDown", "keyUp"):
            self.command("Input.dispatchKeyEvent", type=kind, key=key, code=key)

    def screenshot(self, path, clip=None):
        """The whole page, or a part of it: x, y, width and height from the page's corner."""
        if not clip:
            size = self.command("Page.getLayoutMetrics")["cssContentSize"]
            # Chromium draws no more than 16,384 pixels.
            clip = (0, 0, size["width"], min(size["height"], 16000))
        area = dict(zip(("x", "y", "width", "height"), clip), scale=1)
        data = self.command("Page.captureScreenshot", captureBeyondViewport=True, clip=area)["data"]
        path.write_bytes(base64.b64decode(data))

    def close(self):
        self.browser.command("Target.closeTarget", targetId=self.target)
