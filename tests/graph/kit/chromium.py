"""Neo4j Browser in a real Chromium without a window: what an analyst does, as steps."""

from __future__ import annotations

import base64
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import pytest
from selenium import webdriver
from selenium.common.exceptions import NoSuchElementException, StaleElementReferenceException
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

from graph.neo4j.session import Neo4jSettings

NAMES = ("chromium", "chromium-browser", "google-chrome")
#: Nothing but this machine is asked, whatever Browser would like to load.
OPTIONS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1 , EXCLUDE localhost",
    "--window-size=1120,760",
)
LIMIT_S = 60.0
DROP = """
    const bytes = Uint8Array.from(atob(arguments[0]), c => c.charCodeAt(0));
    const transfer = new DataTransfer();
    transfer.items.add(new File([bytes], arguments[1]));
    for (const kind of ['dragenter', 'dragover', 'drop'])
        document.querySelector('.filedrop').dispatchEvent(
            new DragEvent(kind, {dataTransfer: transfer, bubbles: true, cancelable: true}));
"""
Found = TypeVar("Found")


def installed() -> tuple[str, str] | None:
    """Paths of Chromium and its driver."""
    browser = next(filter(None, map(shutil.which, NAMES)), None)
    driver = shutil.which("chromedriver")
    return (browser, driver) if browser and driver else None


@contextmanager
def opened(profile: Path) -> Iterator[Browser]:
    """A fresh Chromium; the test is skipped where there is none."""
    found = installed()
    if found is None:
        pytest.skip("no Chromium with chromedriver here: apt-get install chromium chromium-driver")
    options = webdriver.ChromeOptions()
    options.binary_location = found[0]
    for option in (*OPTIONS, f"--user-data-dir={profile}"):
        options.add_argument(option)
    driver = webdriver.Chrome(options=options, service=Service(found[1]))
    try:
        yield Browser(driver)
    finally:
        driver.quit()


@dataclass(frozen=True)
class Browser:
    """Neo4j Browser. Frames are what its commands answered with, the latest first."""

    driver: webdriver.Chrome

    def all(self, selector: str) -> list[WebElement]:
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def part(self, name: str) -> WebElement:
        """The element that Browser's own tests know by this name, once it is there."""
        return self.wait(lambda: self.driver.find_element(By.CSS_SELECTOR, f'[data-testid="{name}"]'))

    def wait(self, look: Callable[[], Found]) -> Found:
        """What ``look`` finds as soon as that is anything."""
        missing = (NoSuchElementException, StaleElementReferenceException, IndexError)
        waiting = WebDriverWait(self.driver, LIMIT_S, ignored_exceptions=missing)
        return waiting.until(lambda _: look())  # type: ignore[return-value]

    def connect(self, address: str, settings: Neo4jSettings) -> None:
        self.driver.get(address)
        self.part("password")
        # The form is drawn again when Browser has found the server.
        time.sleep(1)
        if not self.part("username").get_attribute("value"):
            self.part("username").send_keys(settings.user)
        self.part("password").send_keys(settings.password)
        self.part("connect").click()
        self.wait(lambda: "You are connected as" in self.part("stream").text)

    def open(self, link: str) -> None:
        """Follow a link to Browser, which then connects anew and opens the tour."""
        self.driver.get(link)
        self.wait(lambda: [one for one in self.frames() if "/guides/tour.html" in one.text])

    def frames(self) -> list[WebElement]:
        return self.all('[data-testid="frame"]')

    def run(self, text: str) -> WebElement:
        """Run a line; the frame with its answer, the only one then."""
        self.type(text)
        return self.run_editor()

    def type(self, text: str) -> None:
        editor = self.driver.find_element(By.CSS_SELECTOR, "[data-testid=activeEditor] textarea")
        editor.send_keys(Keys.CONTROL, "a")
        editor.send_keys(Keys.DELETE)
        editor.send_keys(text)

    def editor_text(self) -> str:
        """Its lines as they are drawn, without their numbers."""
        lines = self.all("[data-testid=activeEditor] .view-line")
        return "\n".join(line.text.replace("\u00a0", " ") for line in lines)

    def run_editor(self) -> WebElement:
        """Run what is in the editor; the frame with its answer."""
        before = {frame.id for frame in self.frames()}
        self.part("editor-Run").click()
        found = self.wait(lambda: [one for one in self.frames() if one.id not in before])
        self.wait(lambda: answer(found[0]))
        return found[0]

    def clear(self) -> None:
        """Close all frames."""
        self.type(":clear")
        self.part("editor-Run").click()
        self.wait(lambda: not self.frames())

    def drop(self, content: bytes, name: str) -> None:
        """Drop a file on the pane of favourites."""
        self.driver.execute_script(DROP, base64.b64encode(content).decode(), name)

    def picture(self, path: Path) -> None:
        """What is to be seen now, when it has come to rest."""
        time.sleep(3)
        self.driver.save_screenshot(str(path))


def answer(frame: WebElement) -> str:
    """What a frame shows: ``rows``, ``nothing``, ``done`` (a command), an error; empty while it waits."""
    text = frame.text
    if "ERROR" in text:
        return text
    if "(no changes, no records)" in text:
        return "nothing"
    if "Started streaming" in text or frame.find_elements(By.CSS_SELECTOR, "g.node circle"):
        return "rows"
    return "done" if "Successfully" in text else ""


def colors(frame: WebElement) -> set[str]:
    """Colours of the nodes that are drawn."""
    circles = frame.find_elements(By.CSS_SELECTOR, "g.node circle.b-outline")
    return {str(circle.get_attribute("fill")).upper() for circle in circles}
