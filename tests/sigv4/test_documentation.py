"""The examples of docs/sigv4.md run as they stand."""

import re
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "sigv4.md"


def test_examples_of_the_page(capsys):
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert len(blocks) > 10
    exec(compile("\n".join(blocks), str(PAGE), "exec"), {})
    shown = capsys.readouterr().out
    assert "+ host:example.com\n" in shown
    assert "- host:example.com:8443\n" in shown
