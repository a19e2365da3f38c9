"""A real S3 server for tests: `infra/local/object-store` on free ports, one process, stopped by its own handle.

@pytest.fixture(scope="session")
def store(tmp_path_factory):
    with object_store(tmp_path_factory.mktemp("s3")) as running:
        yield running
"""

from __future__ import annotations

import re
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import s3fs

SCRIPT = Path(__file__).parents[1] / "infra" / "local" / "object-store"
START_SECONDS = 60.0
_SETTINGS = 5


@dataclass(frozen=True)
class ObjectStore:
    """A running server with one bucket."""

    endpoint: str
    access_key: str
    secret_key: str
    bucket: str
    environment: dict[str, str]
    """The AWS_* variables that make any client use it."""

    def url(self, path: str = "") -> str:
        """`s3://bucket/path`."""
        return f"s3://{self.bucket}/{path}".rstrip("/")

    def filesystem(self) -> s3fs.S3FileSystem:
        """A client of its own, never one from fsspec's cache, which would outlive the server."""
        return s3fs.S3FileSystem(
            key=self.access_key, secret=self.secret_key, endpoint_url=self.endpoint, skip_instance_cache=True
        )


@contextmanager
def object_store(folder: Path, bucket: str = "lake") -> Iterator[ObjectStore]:
    """Start a server that keeps its data under `folder`, wait until it answers, and stop it at the end."""
    process = subprocess.Popen([SCRIPT, folder, "0"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        lines = [process.stdout.readline().removeprefix("export ").strip() for _ in range(_SETTINGS)]
        environment = dict(line.split("=", 1) for line in lines if line)
        store = ObjectStore(
            endpoint=environment["AWS_ENDPOINT_URL"],
            access_key=environment["AWS_ACCESS_KEY_ID"],
            secret_key=environment["AWS_SECRET_ACCESS_KEY"],
            bucket=bucket,
            environment=environment,
        )
        _wait(process, f"{store.endpoint}/healthz", folder)
        store.filesystem().makedirs(bucket, exist_ok=True)
        yield store
    finally:
        # A graceful stop takes SeaweedFS 15 s, and nothing of a test's data has to outlive the test.
        process.kill()
        process.communicate(timeout=30)
        _remove_sockets(folder)


def _remove_sockets(folder: Path) -> None:
    """The one socket whose place SeaweedFS does not let one choose; the log names it."""
    for path in re.findall(r"Unix socket (/\S+/seaweedfs-\S+\.sock)", (folder / "weed.log").read_text()):
        Path(path).unlink(missing_ok=True)


def _wait(process: subprocess.Popen[str], url: str, folder: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"the server ended with code {process.returncode}: {(folder / 'weed.log').read_text()}")
        try:
            with urllib.request.urlopen(url, timeout=1):
                return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.05)
    raise TimeoutError(f"no answer from {url} in {START_SECONDS} s: {(folder / 'weed.log').read_text()[-2000:]}")
