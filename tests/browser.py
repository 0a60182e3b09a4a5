"""A real browser, headless, driven over WebDriver's plain HTTP; skips where there is none.

Loopback only: everything that Chromium would ask the network for by itself is switched off.
"""

import base64
import http.client
import json
import re
import shutil
import subprocess
import time

import pytest

_ARGUMENTS = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"),
    *("--no-first-run", "--disable-background-networking", "--disable-component-update"),
    *("--disable-sync", "--disable-quic", "--disable-extensions", "--disable-default-apps"),
    *("--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1", "--hide-scrollbars"),
)
_ANSWER_S, _END_S, _POLL_S = 60, 10, 0.05


class Browser:
    """One browser with one page; all methods block."""

    def __init__(self, folder):
        chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
        if not chromium or not driver:
            pytest.skip("needs chromium and chromedriver: apt-get install chromium chromium-driver")
        self._driver = subprocess.Popen(
            [driver, "--port=0", "--log-level=SEVERE"], stdout=subprocess.PIPE, text=True
        )
        self._port = self._read_port()
        arguments = [*_ARGUMENTS, f"--user-data-dir={folder}"]
        options = {"binary": chromium, "args": arguments}
        wanted = {"goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}
        self._session = ""
        made = self._ask("POST", "", {"capabilities": {"alwaysMatch": wanted}})
        self._session = f"/{made['sessionId']}"

    def open(self, url):
        self._ask("POST", "/url", {"url": url})

    def run(self, script):
        """What the JavaScript `script` returns."""
        return self._ask("POST", "/execute/sync", {"script": script, "args": []})

    def wait(self, condition, patience_s):
        """Return when the JavaScript `condition` holds; raises TimeoutError."""
        deadline_s = time.monotonic() + patience_s
        while not self.run(f"return Boolean({condition})"):
            if time.monotonic() > deadline_s:
                raise TimeoutError(condition)
            time.sleep(_POLL_S)

    def console(self):
        """What the page has written to the console since it was last asked, errors included."""
        entries = self._ask("POST", "/se/log", {"type": "browser"})
        return [f"{entry['level']} {entry['message']}" for entry in entries]

    def resize(self, width, height):
        # Not "mobile": such a viewport grows with what overflows it, and hides that it does.
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self._devtools("Emulation.setDeviceMetricsOverride", size)

    def prefer(self, scheme):
        """ "light" or "dark"."""
        feature = {"name": "prefers-color-scheme", "value": scheme}
        self._devtools("Emulation.setEmulatedMedia", {"features": [feature]})

    def hide(self, hidden):
        """Let the page believe that it is hidden, or seen again."""
        self.run(
            f"Object.defineProperty(document, 'hidden', {{value: {json.dumps(hidden)},"
            " configurable: true}); document.dispatchEvent(new Event('visibilitychange'));"
        )

    def screenshot(self, *, whole=True):
        """A PNG; `whole`: of the page, not only of what is seen of it."""
        taken = self._devtools("Page.captureScreenshot", {"captureBeyondViewport": whole})
        return base64.b64decode(taken["data"])

    def close(self):
        try:
            if self._session:
                self._ask("DELETE", "")
        finally:
            self._driver.terminate()
            self._driver.wait(_END_S)
            self._driver.stdout.close()

    def _devtools(self, command, parameters):
        return self._ask("POST", "/goog/cdp/execute", {"cmd": command, "params": parameters})

    def _read_port(self):
        for line in self._driver.stdout:
            if found := re.search(r"started successfully on port (\d+)", line):
                return int(found[1])
        raise AssertionError("chromedriver did not start")

    def _ask(self, method, path, body=None):
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=_ANSWER_S)
        try:
            text = json.dumps(body or {})
            connection.request(method, f"/session{self._session}{path}", text)
            answer = connection.getresponse()
            value = json.loads(answer.read())["value"]
            assert answer.status == http.client.OK, value
            return value
        finally:
            connection.close()
