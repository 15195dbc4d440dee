"""The `curl` commands of the request log repeat their calls."""

import html
import re
import shutil
import subprocess

import httpx2
import pytest

from assistants_emulator import Emulator
from assistants_emulator.inspector.calls import curl
from assistants_emulator.project.request_log import LoggedRequest


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
def test_a_copied_command_makes_the_call_again(emulator: Emulator, browser: httpx2.Client) -> None:
    said = 'It\'s "quoted" $HOME `id`\nand $(more)'
    emulator.client().beta.threads.create(messages=[{"role": "user", "content": said}], metadata={"a": "b"})
    shown = browser.get("requests/1").text
    (command,) = re.findall(r'<pre tabindex="0" id="curl"><code>(.*?)</code>', shown, re.DOTALL)
    subprocess.run(["sh", "-c", html.unescape(command)], check=True, capture_output=True)
    first, second = emulator.requests[:2]
    assert (first.method, first.path, first.body) == (second.method, second.path, second.body)


def test_an_upload_has_a_placeholder_for_the_file() -> None:
    raw = b'--x\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nassistants\r\n'
    assert curl(LoggedRequest("POST", "/v1/files", raw, 200), "http://h", "k").endswith("-F file=@FILE")


def test_a_get_has_no_body() -> None:
    call = LoggedRequest("GET", "/v1/assistants?limit=2&order=asc", b"", 200)
    assert curl(call, "http://h", "k").splitlines()[0] == "curl 'http://h/v1/assistants?limit=2&order=asc' \\"
