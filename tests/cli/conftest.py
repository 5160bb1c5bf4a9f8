"""What the tests of `daypass policy` share."""

import pytest

from daypass.cli import main


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Writes a file into a directory of the test's own, which is the current one, and gives its
    name."""
    monkeypatch.chdir(tmp_path)

    def written(name, text):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return name

    return written


@pytest.fixture
def run(capsys):
    """Runs `daypass policy` in this process: its exit code, stdout and stderr."""

    def ran(*arguments):
        with pytest.raises(SystemExit) as ended:
            main(["policy", *arguments])
        captured = capsys.readouterr()
        return ended.value.code, captured.out, captured.err

    return ran
