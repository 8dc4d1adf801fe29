"""What a device is called until its person names it."""

import pytest

from accounts.services.devices import label_of

MOZILLA = "Mozilla/5.0"
KHTML = "AppleWebKit/537.36 (KHTML, like Gecko)"


@pytest.mark.parametrize(
    ("user_agent", "label"),
    [
        (f"{MOZILLA} (X11; Linux x86_64; rv:140.0) Firefox/140.0", "Firefox on Linux"),
        (
            f"{MOZILLA} (Windows NT 10.0) {KHTML} Chrome/140.0 Safari/537.36",
            "Chrome on Windows",
        ),
        (
            f"{MOZILLA} (Windows NT 10.0) {KHTML} Chrome/140.0 Safari/537 Edg/140.0",
            "Edge on Windows",
        ),
        (
            f"{MOZILLA} (Macintosh; Intel Mac OS X 10_15) Version/18 Safari/605",
            "Safari on macOS",
        ),
        (
            f"{MOZILLA} (iPhone; CPU iPhone OS 18 like Mac OS X) CriOS/140 Safari/604",
            "Chrome on iPhone",
        ),
        (f"{MOZILLA} (Linux; Android 15) Chrome/140.0 Mobile", "Chrome on Android"),
        ("curl/8.14.1", "curl"),
        ("x" * 200, "x" * 100),
        ("", ""),
    ],
    ids=[
        "firefox",
        "chrome",
        "edge",
        "safari",
        "iphone",
        "android",
        "program",
        "long",
        "none",
    ],
)
def test_a_device_is_called_by_its_browser_and_system(
    user_agent: str, label: str
) -> None:
    assert label_of(user_agent) == label
