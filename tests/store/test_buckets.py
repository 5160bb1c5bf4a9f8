import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from daypass.policy import AuthorizationRequest, Layers, Principal, PrincipalKind, evaluate
from daypass.store import buckets as state
from daypass.store.buckets import BucketCache, NewObject, Part, Segment, Upload
from daypass.store.engine import Store, open_store

ALICE = Principal(PrincipalKind.USER, "123456789012", "arn:aws:iam::123456789012:user/alice")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def cache(store: Store) -> BucketCache:
    kept = BucketCache()
    store.keep(kept)
    return kept


def make_bucket(store: Store, name: str = "a-bucket") -> int:
    store.write_now(
        lambda change: state.create_bucket(
            change, name, owner="123456789012", region="eu-central-1", created=1
        )
    )
    cache = BucketCache()
    cache.load(store.reader)
    bucket = cache.bucket(name)
    assert bucket is not None
    return bucket.id


def anything(_etag: str | None) -> None:
    pass


def small(data: bytes = b"data", etag: str = "0" * 32) -> NewObject:
    return NewObject(len(data), etag, 7, {"ContentType": "text/plain"}, {"k": "v"}, data=data)


def in_blobs(*blobs: str) -> NewObject:
    return NewObject(
        10 * len(blobs),
        "1" * 32,
        7,
        {},
        {},
        segments=[Segment(number, 10, blob, None) for number, blob in enumerate(blobs, 1)],
    )


def put(
    store: Store,
    bucket: int,
    key: bytes,
    new: NewObject,
    check: Callable[[str | None], None] = anything,
) -> list[str]:
    return list(store.write_now(lambda change: state.put_object(change, bucket, key, new, check)))


def remove(store: Store, bucket: int, key: bytes) -> list[str]:
    return list(store.write_now(lambda change: state.delete_object(change, bucket, key, anything)))


# -- buckets -------------------------------------------------------------------------------------


def test_a_bucket_is_known_to_the_cache_from_the_next_refresh(
    store: Store, cache: BucketCache
) -> None:
    number = make_bucket(store)
    store.refresh()
    bucket = cache.bucket("a-bucket")
    assert bucket is not None
    assert (bucket.id, bucket.owner, bucket.region, bucket.policy) == (
        number,
        "123456789012",
        "eu-central-1",
        None,
    )
    store.write_now(lambda change: state.delete_bucket(change, number))
    store.refresh()
    assert cache.bucket("a-bucket") is None


def test_a_taken_name_is_refused_with_its_owner(store: Store) -> None:
    make_bucket(store)
    with pytest.raises(state.BucketExistsError) as refusal:
        make_bucket(store)
    assert refusal.value.owner == "123456789012"


def test_a_bucket_with_an_object_is_not_deleted(store: Store) -> None:
    bucket = make_bucket(store)
    put(store, bucket, b"key", small())
    with pytest.raises(state.BucketNotEmptyError):
        store.write_now(lambda change: state.delete_bucket(change, bucket))
    remove(store, bucket, b"key")
    store.write_now(lambda change: state.delete_bucket(change, bucket))
    with pytest.raises(state.BucketGoneError):
        put(store, bucket, b"key", small())


def test_a_bucket_made_anew_has_nothing_of_the_old_one(store: Store) -> None:
    first = make_bucket(store)
    store.write_now(lambda change: state.delete_bucket(change, first))
    assert make_bucket(store) != first


def decide(bucket: state.Bucket) -> bool:
    request = AuthorizationRequest(ALICE, "s3:GetObject", f"{bucket.arn}/k", {}, "123456789012")
    return evaluate(request, Layers(resource=bucket.policy)).allowed


def test_a_policy_is_compiled_when_it_changes(store: Store, cache: BucketCache) -> None:
    number = make_bucket(store)
    allow = (
        '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*",'
        '"Action":"s3:GetObject","Resource":"arn:aws:s3:::a-bucket/*"}]}'
    )
    store.write_now(lambda change: state.set_bucket_policy(change, number, allow))
    store.refresh()
    bucket = cache.bucket("a-bucket")
    assert bucket is not None
    assert decide(bucket)
    store.write_now(lambda change: state.set_bucket_policy(change, number, None))
    store.refresh()
    bucket = cache.bucket("a-bucket")
    assert bucket is not None
    assert bucket.policy is None


def test_a_stored_policy_that_cannot_be_read_denies(store: Store, cache: BucketCache) -> None:
    number = make_bucket(store)
    broken = '{"Statement":[{"Effect":"Deny","Condition":{"FromTheFuture":{"a":"b"}}}]}'
    store.write_now(lambda change: state.set_bucket_policy(change, number, broken))
    store.refresh()
    bucket = cache.bucket("a-bucket")
    assert bucket is not None
    assert bucket.policy is not None
    assert not decide(bucket)


# -- objects -------------------------------------------------------------------------------------


def test_an_object_is_read_back_as_it_was_written(store: Store) -> None:
    bucket = make_bucket(store)
    checksum = state.Checksum("CRC32", "AAAAAA==", "FULL_OBJECT")
    new = NewObject(4, "e" * 32, 7, {"ContentType": "a/b"}, {"k": "ü"}, checksum, b"data")
    put(store, bucket, "ключ".encode(), new)
    found = state.get_object(store.reader, bucket, "ключ".encode())
    assert found is not None
    assert (found.size, found.etag, found.modified, found.data) == (4, "e" * 32, 7, b"data")
    assert (found.headers, found.metadata, found.checksum) == (
        {"ContentType": "a/b"},
        {"k": "ü"},
        checksum,
    )
    assert state.get_object(store.reader, bucket, "КЛЮЧ".encode()) is None


def test_an_overwritten_blob_is_handed_back_for_deletion(store: Store) -> None:
    bucket = make_bucket(store)
    assert put(store, bucket, b"key", in_blobs("first")) == []
    assert put(store, bucket, b"key", small()) == ["first"]
    assert remove(store, bucket, b"key") == []
    assert remove(store, bucket, b"key") == []


def test_blobs_of_many_pieces_wait_for_downloads_under_way(store: Store) -> None:
    bucket = make_bucket(store)
    put(store, bucket, b"key", in_blobs("one", "two"))
    assert remove(store, bucket, b"key") == []
    assert state.claimed_blobs(store.reader, ["one", "two", "other"]) == {"one", "two"}
    assert state.due_blobs(store.reader, 0) == []
    assert set(state.due_blobs(store.reader, 1e12)) == {"one", "two"}
    store.write_now(lambda change: state.drop_condemned(change, ["one", "two"]))
    assert state.due_blobs(store.reader, 1e12) == []


def test_a_refused_write_changes_nothing(store: Store) -> None:
    bucket = make_bucket(store)
    put(store, bucket, b"key", small(b"old", "a" * 32))
    seen: list[str | None] = []

    def refuse(etag: str | None) -> None:
        seen.append(etag)
        raise LookupError

    with pytest.raises(LookupError):
        put(store, bucket, b"key", small(b"new"), refuse)
    found = state.get_object(store.reader, bucket, b"key")
    assert seen == ["a" * 32]
    assert found is not None
    assert found.data == b"old"


def test_copies_share_blobs_until_the_last_is_gone(store: Store) -> None:
    bucket = make_bucket(store)
    put(store, bucket, b"source", in_blobs("blob"))
    source = state.get_object(store.reader, bucket, b"source")
    assert source is not None
    new = NewObject(10, source.etag, 8, {}, {})
    store.write_now(
        lambda change: state.copy_object(
            change, bucket, b"copy", new, anything, source_id=source.id
        )
    )
    assert remove(store, bucket, b"source") == []
    copy = state.get_object(store.reader, bucket, b"copy")
    assert copy is not None
    assert [segment.blob for segment in state.get_segments(store.reader, copy.id)] == ["blob"]
    assert remove(store, bucket, b"copy") == ["blob"]


def test_a_source_that_changed_meanwhile_is_not_copied(store: Store) -> None:
    bucket = make_bucket(store)
    put(store, bucket, b"source", small())
    source = state.get_object(store.reader, bucket, b"source")
    assert source is not None
    put(store, bucket, b"source", small(b"newer"))
    with pytest.raises(state.ObjectChangedError):
        store.write_now(
            lambda change: state.copy_object(
                change, bucket, b"copy", small(), anything, source_id=source.id
            )
        )


async def test_of_two_writers_that_want_to_be_first_one_is(store: Store) -> None:
    bucket = make_bucket(store)

    def if_absent(etag: str | None) -> None:
        if etag is not None:
            raise FileExistsError

    results = await asyncio.gather(
        *(
            store.write(
                lambda change, n=n: state.put_object(
                    change, bucket, b"key", small(b"%d" % n), if_absent
                )
            )
            for n in range(20)
        ),
        return_exceptions=True,
    )
    assert sum(not isinstance(result, FileExistsError) for result in results) == 1


# -- multipart uploads ---------------------------------------------------------------------------


def begin(store: Store, bucket: int, upload_id: str = "0001", key: bytes = b"key") -> Upload:
    upload = Upload(upload_id, bucket, key, 7, "arn:aws:iam::123456789012:user/alice")
    store.write_now(lambda change: state.create_upload(change, upload))
    return upload


def add_part(store: Store, upload: Upload, number: int, blob: str) -> list[str]:
    part = Part(number, 10, "a" * 32, 7, blob, None)
    return list(store.write_now(lambda change: state.put_part(change, upload.id, part)))


def test_an_upload_becomes_an_object_of_its_chosen_parts(store: Store) -> None:
    bucket = make_bucket(store)
    upload = begin(store, bucket)
    add_part(store, upload, 1, "one")
    assert add_part(store, upload, 2, "two") == []
    assert add_part(store, upload, 2, "two-again") == ["two"]
    add_part(store, upload, 3, "unchosen")

    def assemble(uploaded: object) -> NewObject:
        return in_blobs("one", "two-again")

    _, released = store.write_now(
        lambda change: state.complete_upload(change, upload, assemble, anything)
    )
    assert list(released) == ["unchosen"]
    found = state.get_object(store.reader, bucket, b"key")
    assert found is not None
    assert [s.blob for s in state.get_segments(store.reader, found.id)] == ["one", "two-again"]
    assert state.get_upload(store.reader, upload.id, bucket, b"key") is None
    with pytest.raises(state.UploadGoneError):
        add_part(store, upload, 4, "late")


def test_an_upload_is_found_only_under_its_own_key_and_bucket(store: Store) -> None:
    bucket = make_bucket(store)
    other = make_bucket(store, "another-bucket")
    upload = begin(store, bucket)
    assert state.get_upload(store.reader, upload.id, bucket, b"key") == upload
    assert state.get_upload(store.reader, upload.id, bucket, b"other") is None
    assert state.get_upload(store.reader, upload.id, other, b"key") is None


def test_an_aborted_upload_gives_its_blobs_back(store: Store) -> None:
    bucket = make_bucket(store)
    upload = begin(store, bucket)
    add_part(store, upload, 1, "one")
    add_part(store, upload, 2, "two")
    released = store.write_now(lambda change: state.abort_upload(change, upload.id))
    assert set(released) == {"one", "two"}
    assert state.claimed_blobs(store.reader, ["one", "two"]) == set()
    with pytest.raises(state.UploadGoneError):
        store.write_now(lambda change: state.abort_upload(change, upload.id))


def test_a_bucket_goes_with_its_unfinished_uploads(store: Store) -> None:
    bucket = make_bucket(store)
    add_part(store, begin(store, bucket), 1, "one")
    assert list(store.write_now(lambda change: state.delete_bucket(change, bucket))) == ["one"]


def test_uploads_are_listed_by_key_and_then_by_age(store: Store) -> None:
    bucket = make_bucket(store)
    for upload_id, key in [("03", b"b"), ("01", b"b"), ("02", b"a/x"), ("04", b"a/y")]:
        begin(store, bucket, upload_id, key)

    def listed(after: tuple[bytes, str], limit: int, delimiter: bytes = b"") -> state.Page:
        return state.list_uploads(
            store.reader, bucket, prefix=b"", delimiter=delimiter, after=after, limit=limit
        )

    first = listed((b"", ""), 3)
    assert [row.id for row in first.rows] == ["02", "04", "01"]
    assert first.next is not None
    assert [row.id for row in listed(first.next, 3).rows] == ["03"]
    rolled = listed((b"", ""), 10, b"/")
    assert (list(rolled.prefixes), [row.id for row in rolled.rows]) == ([b"a/"], ["01", "03"])


# -- listings ------------------------------------------------------------------------------------

# Few letters, so that prefixes and delimiters meet; the last has the highest bytes of UTF-8.
KEYS = st.lists(st.text("ab/é\U0010ffff", min_size=1, max_size=6), unique=True, max_size=25)
TEXT = st.text("ab/é\U0010ffff", max_size=2)


def expected(keys: list[str], prefix: str, delimiter: str) -> list[tuple[str, str]]:
    """S3's listing by its definition: every key in order of its UTF-8, rolled up or itself."""
    entries: list[tuple[str, str]] = []
    for key in sorted(keys, key=str.encode):
        if not key.startswith(prefix):
            continue
        rest = key[len(prefix) :]
        entry = ("key", key)
        if delimiter and delimiter in rest:
            entry = ("prefix", prefix + rest[: rest.index(delimiter)] + delimiter)
        if entry not in entries:
            entries.append(entry)
    return entries


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    opened = open_store(tmp_path_factory.mktemp("listing"))
    yield opened
    opened.close()


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(keys=KEYS, prefix=TEXT, delimiter=TEXT, limit=st.integers(1, 6))
def test_pages_together_are_the_listing_s3_defines(
    shared: Store, keys: list[str], prefix: str, delimiter: str, limit: int
) -> None:
    name = "listed-bucket"
    bucket = make_bucket(shared, name)
    try:
        shared.write_now(
            lambda change: [
                state.put_object(change, bucket, key.encode(), small(), anything) for key in keys
            ]
        )
        found: list[tuple[str, str]] = []
        start: bytes | None = b""
        while start is not None:
            page = state.list_objects(
                shared.reader,
                bucket,
                prefix=prefix.encode(),
                delimiter=delimiter.encode(),
                start=start,
                limit=limit,
            )
            entries = [("key", row.key.decode()) for row in page.rows]
            entries += [("prefix", rolled.decode()) for rolled in page.prefixes]
            assert len(entries) == limit or page.next is None
            found += sorted(entries, key=lambda entry: entry[1].encode())
            start = page.next
        assert found == expected(keys, prefix, delimiter)
    finally:
        shared.write_now(
            lambda change: [
                *(state.delete_object(change, bucket, key.encode(), anything) for key in keys),
                state.delete_bucket(change, bucket),
            ]
        )


def test_a_listing_reads_as_much_as_its_page_and_not_as_its_bucket(store: Store) -> None:
    bucket = make_bucket(store)
    store.write_now(
        lambda change: [
            state.put_object(change, bucket, b"%d/%04d" % (group, number), small(), anything)
            for group in range(3)
            for number in range(400)
        ]
    )
    steps = 0

    def count() -> None:
        nonlocal steps
        steps += 1

    driver = store.reader.connection.driver_connection
    assert driver is not None
    driver.set_progress_handler(count, 1)
    page = state.list_objects(
        store.reader, bucket, prefix=b"", delimiter=b"/", start=b"", limit=1000
    )
    driver.set_progress_handler(None, 0)
    assert list(page.prefixes) == [b"0/", b"1/", b"2/"]
    # Reading all 1,200 rows takes more than ten steps of SQLite's machine for each.
    assert steps < 1200
