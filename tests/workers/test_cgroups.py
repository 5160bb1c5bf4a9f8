"""Control groups: what is written where, for both versions of the kernel's interface."""

import os
from pathlib import Path

from daypass.workers.cgroups import Limits, find

LIMITS = Limits(memory=640 * 1024 * 1024, processes=1024, memory_size=1769)
OWN = f"daypass-{os.getpid()}"


def _membership(path: Path, text: str) -> Path:
    file = path / "membership"
    file.write_text(text)
    return file


def _files(directory: Path, *names: str) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    for name in names:
        (directory / name).touch()


def test_version_1_has_a_group_for_each_controller(tmp_path: Path) -> None:
    for controller in ("memory", "pids", "cpu"):
        (tmp_path / controller / "box").mkdir(parents=True)
    membership = _membership(tmp_path, "9:memory:/box\n5:pids:/box\n2:cpu:/box\n0::/box\n")
    groups = find(tmp_path, membership)
    assert groups is not None
    for controller, file in (
        ("memory", "memory.limit_in_bytes"),
        ("pids", "pids.max"),
        ("cpu", "cpu.shares"),
    ):
        _files(tmp_path / controller / "box" / OWN / "1", file)
    group = groups.make("1")
    group.limit(LIMITS)

    assert set(group.entrances) == {
        f"{tmp_path}/{controller}/box/{OWN}/1/cgroup.procs"
        for controller in ("memory", "pids", "cpu")
    }
    written = {
        path.name: path.read_text()
        for path in tmp_path.glob(f"*/box/{OWN}/1/*")
        if path.name != "cgroup.procs"
    }
    # cpu.shares: 1,024 of one processor, which a function has with 1,769 MB.
    assert written["cpu.shares"] == "1024"
    assert written["pids.max"] == "1024"
    assert written["memory.limit_in_bytes"] == str(640 * 1024 * 1024)
    memory = tmp_path / "memory" / "box" / OWN / "1"
    (memory / "memory.stat").write_text("rss 1\ntotal_cache 7\ntotal_rss 4096\n")
    assert group.memory() == 4096
    (memory / "memory.oom_control").write_text("oom_kill_disable 0\nunder_oom 0\noom_kill 0\n")
    assert not group.out_of_memory()
    (memory / "memory.oom_control").write_text("oom_kill_disable 0\nunder_oom 0\noom_kill 2\n")
    assert group.out_of_memory()


def test_version_2_has_one_group_for_all(tmp_path: Path) -> None:
    own = tmp_path / "user.slice" / "daypass.service"
    _files(own, "cgroup.subtree_control", "cgroup.procs")
    (own / "cgroup.controllers").write_text("cpuset cpu io memory pids\n")
    _files(own / OWN, "cgroup.subtree_control")
    membership = _membership(tmp_path, "0::/user.slice/daypass.service\n")
    groups = find(tmp_path, membership)
    assert groups is not None
    assert (own / "cgroup.subtree_control").read_text() == "+cpu +memory +pids"
    names = ("memory.max", "memory.swap.max", "memory.oom.group", "pids.max", "cpu.weight")
    _files(own / OWN / "1", *names)
    group = groups.make("1")
    group.limit(LIMITS)

    assert group.entrances == [f"{own}/{OWN}/1/cgroup.procs"]
    assert {name: (own / OWN / "1" / name).read_text() for name in names} == {
        "memory.max": str(640 * 1024 * 1024),
        "memory.swap.max": "0",
        "memory.oom.group": "1",
        "pids.max": "1024",
        "cpu.weight": "100",
    }
    (own / OWN / "1" / "memory.stat").write_text("anon 8192\nfile 1\nanon_thp 0\n")
    (own / OWN / "1" / "memory.events").write_text("low 0\nmax 3\noom 1\noom_kill 1\n")
    assert group.memory() == 8192
    assert group.out_of_memory()


def test_where_nothing_is_delegated_there_are_none(tmp_path: Path) -> None:
    (tmp_path / "box").mkdir()
    (tmp_path / "box" / "cgroup.controllers").write_text("\n")

    assert find(tmp_path, _membership(tmp_path, "0::/box\n")) is None
    assert find(tmp_path, tmp_path / "gone") is None


def test_what_an_ended_server_left_is_removed(tmp_path: Path) -> None:
    parent = tmp_path / "memory" / "box"
    (parent / "daypass-999999999" / "3").mkdir(parents=True)
    (parent / "somebody-elses").mkdir()
    groups = find(tmp_path, _membership(tmp_path, "9:memory:/box\n"))
    assert groups is not None

    assert {path.name for path in parent.iterdir()} == {OWN, "somebody-elses"}
    groups.close()
    assert {path.name for path in parent.iterdir()} == {"somebody-elses"}
