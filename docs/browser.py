"""Chromium without a window, and a folder served to it; nothing else can be reached."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

NARROW, WIDE = 390, 1280


class _Silent(SimpleHTTPRequestHandler):
    """Serves over connections that stay open, what does not change, without a line for each request."""

    protocol_version = "HTTP/1.1"

    def end_headers(self) -> None:
        """The browser need not ask again for what it has."""
        self.send_header("Cache-Control", "max-age=3600")
        super().end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  (the base class's word)
        """Say nothing."""


class _Server(ThreadingHTTPServer):
    """Does not wait for connections that stay open, nor speak of those that the browser gave up."""

    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Speak of other errors."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The address at which a folder is served."""
    server = _Server(("127.0.0.1", 0), partial(_Silent, directory=str(folder)))
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/"
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def chromium() -> Iterator[Any]:
    """A driver of Chromium that resolves no name but this machine's."""
    browser, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if browser is None or driver is None:
        sys.exit(
            "The site is checked in Chromium, which is not installed. On Debian, as root, run: "
            "apt-get update && apt-get install chromium chromium-driver"
        )
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = browser
    for word in ("headless=new", "no-sandbox", "disable-gpu", "disable-dev-shm-usage"):
        options.add_argument(f"--{word}")
    options.add_argument("--hide-scrollbars")
    options.add_argument("--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    found = webdriver.Chrome(options=options, service=Service(driver))
    try:
        yield found
    finally:
        found.quit()


def resize(driver: Any, width: int, height: int = 900) -> None:
    """The window as a screen of so many pixels."""
    size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)


def dark(driver: Any, wanted: bool) -> None:
    """The reader's preference of dark or light pages."""
    feature = {"name": "prefers-color-scheme", "value": "dark" if wanted else "light"}
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})


def drawn(driver: Any) -> None:
    """Wait until the page has answered to a change, two frames later."""
    done = "arguments[0]"
    script = f"requestAnimationFrame(() => requestAnimationFrame(() => {done}()))"
    driver.execute_async_script(script)
