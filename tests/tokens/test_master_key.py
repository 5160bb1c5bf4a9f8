"""The master key encrypts secrets at rest."""

import pytest

from daypass.tokens import DecryptionError, MasterKey

MASTER = bytes(range(32))
SECRET = b"wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"


def test_what_is_encrypted_is_decrypted_by_the_same_key_for_the_same_record():
    encrypted = MasterKey(MASTER).encrypt("access-key", SECRET, "AKIA1")
    assert SECRET not in encrypted
    assert MasterKey(MASTER).decrypt("access-key", encrypted, "AKIA1") == SECRET


def test_nothing_else_decrypts_it():
    encrypted = MasterKey(MASTER).encrypt("access-key", SECRET, "AKIA1")
    attempts = [
        (MasterKey(bytes(32)), "access-key", encrypted, "AKIA1"),
        (MasterKey(MASTER), "environment", encrypted, "AKIA1"),
        (MasterKey(MASTER), "access-key", encrypted, "AKIA2"),
        (MasterKey(MASTER), "access-key", encrypted[:-1], "AKIA1"),
        (MasterKey(MASTER), "access-key", encrypted[:5], "AKIA1"),
        (MasterKey(MASTER), "access-key", b"", "AKIA1"),
        (MasterKey(MASTER), "access-key", b"\x02" + encrypted[1:], "AKIA1"),
        *(
            (
                MasterKey(MASTER),
                "access-key",
                encrypted[:i] + bytes([encrypted[i] ^ 1]) + encrypted[i + 1 :],
                "AKIA1",
            )
            for i in range(len(encrypted))
        ),
    ]
    for key, purpose, data, context in attempts:
        with pytest.raises(DecryptionError):
            key.decrypt(purpose, data, context)


@pytest.mark.parametrize("length", [0, 16, 31, 33])
def test_master_key_of_another_length_is_refused(length):
    with pytest.raises(ValueError, match="32 bytes"):
        MasterKey(bytes(length))


def test_master_key_is_not_shown():
    assert MASTER.hex() not in repr(MasterKey(MASTER))
    assert repr(MASTER) not in repr(MasterKey(MASTER))
