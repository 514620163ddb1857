import pytest

from appliance import Till


@pytest.fixture
def fresh(tmp_path):
    """A maker of Tills, each on a directory of its own; all are gone when the test is."""
    made = []

    def make(env=None, start=True, data=None):
        till = Till(tmp_path / f"till{len(made)}", env, data)
        made.append(till)
        return till.start() if start else till

    yield make
    for till in made:
        till.kill()


@pytest.fixture
def till(fresh):
    """A running Till that this test alone uses."""
    return fresh()


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """A running Till that a whole file uses: only for tests that count nothing."""
    with Till(tmp_path_factory.mktemp("shared")) as till:
        yield till.start()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """A failing test says what the server logged."""
    report = (yield).get_result()
    if report.failed:
        for name in ("till", "shared"):
            server = item.funcargs.get(name)
            if server and server.log.exists():
                report.sections.append((f"log of {name}", server.log_text()[-4000:]))
