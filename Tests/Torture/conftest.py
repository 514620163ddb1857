import pathlib
import subprocess
import sys

import pytest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "Interop"))
from appliance import Till  # noqa: E402


@pytest.fixture(scope="session")
def shim(tmp_path_factory):
    """The fault injector, built for this run."""
    built = tmp_path_factory.mktemp("shim") / "faultshim.so"
    subprocess.run(["gcc", "-O2", "-Wall", "-shared", "-fPIC", "-o", built, HERE / "faultshim.c", "-ldl", "-lpthread"], check=True)
    return built


@pytest.fixture
def till(tmp_path):
    """A Till that is not started: each test starts it under its own faults."""
    till = Till(tmp_path / "till")
    yield till
    till.kill()
