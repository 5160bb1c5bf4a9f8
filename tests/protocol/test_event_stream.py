"""Event streams as botocore reads them."""

from botocore.eventstream import EventStreamBuffer
from hypothesis import given
from hypothesis import strategies as st

from daypass.protocol.event_stream import encode_event

NAMES = st.text("abcXYZ", min_size=1, max_size=20)


@given(st.lists(st.tuples(NAMES, st.binary(max_size=5000)), max_size=5))
def test_what_is_written_is_read_by_botocore(events: list[tuple[str, bytes]]) -> None:
    buffer = EventStreamBuffer()
    buffer.add_data(b"".join(encode_event(name, body, "a/b") for name, body in events))
    read = [(event.headers, event.payload) for event in buffer]
    assert read == [
        ({":event-type": name, ":content-type": "a/b", ":message-type": "event"}, body)
        for name, body in events
    ]
