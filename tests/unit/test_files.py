"""A file is written whole or not at all, and whoever cannot write learns why in one line."""

from __future__ import annotations

import errno
import os
import signal
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from backproof.errors import BackproofError, OutputError
from backproof.files import atomic_write_bytes, atomic_write_text, atomic_write_together, output_folder

as_root = hasattr(os, "geteuid") and os.geteuid() == 0
not_for_root = pytest.mark.skipif(as_root, reason="root may write everywhere")
posix_only = pytest.mark.skipif(os.name != "posix", reason="needs a POSIX system")


def assert_refused(path: Path, advice: str, folder: Path) -> None:
    """Writing is refused in one line with that advice, and the folder holds what it held before."""
    before = {file: file.read_bytes() for file in folder.rglob("*") if file.is_file()}
    with pytest.raises(OutputError) as caught:
        atomic_write_text(path, "new")
    message = str(caught.value)
    assert advice in message
    assert str(path) in message
    assert "\n" not in message
    assert {file: file.read_bytes() for file in folder.rglob("*") if file.is_file()} == before


def test_writes_text_as_utf8_with_its_line_ends(tmp_path: Path) -> None:
    path = tmp_path / "derivation.txt"
    atomic_write_text(path, "Δl_2\nσ\r\n")
    assert path.read_bytes() == "Δl_2\nσ\r\n".encode()
    assert os.listdir(tmp_path) == ["derivation.txt"]


def test_writes_bytes_over_an_old_file(tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    path.write_bytes(b"a longer old content")
    atomic_write_bytes(str(path), b"\x00\xff")
    assert path.read_bytes() == b"\x00\xff"
    assert os.listdir(tmp_path) == ["weights.safetensors"]


@posix_only
def test_a_new_file_gets_what_the_umask_allows(tmp_path: Path) -> None:
    old = os.umask(0o027)
    try:
        atomic_write_text(tmp_path / "new", "x")
    finally:
        os.umask(old)
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o640


@posix_only
def test_an_old_file_keeps_its_permissions(tmp_path: Path) -> None:
    path = tmp_path / "run.sh"
    path.write_text("old")
    path.chmod(0o750)
    atomic_write_text(path, "new")
    assert stat.S_IMODE(path.stat().st_mode) == 0o750


@posix_only
def test_a_link_is_followed_and_stays(tmp_path: Path) -> None:
    (tmp_path / "real").write_text("old")
    link = tmp_path / "link"
    link.symlink_to("real")
    atomic_write_text(link, "new")
    assert link.is_symlink()
    assert (tmp_path / "real").read_text() == "new"


@posix_only
def test_a_name_as_long_as_allowed(tmp_path: Path) -> None:
    atomic_write_text(tmp_path / ("x" * 255), "text")
    assert_refused(tmp_path / ("x" * 256), "the name is too long", tmp_path)


@posix_only
def test_a_pipe_is_written_to_and_stays_a_pipe(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    received: list[str] = []
    reader = threading.Thread(target=lambda: received.append(pipe.read_text()), daemon=True)
    reader.start()
    atomic_write_text(pipe, "through")
    reader.join(timeout=10)
    assert received == ["through"]
    assert pipe.is_fifo()


def test_a_folder_in_its_place(tmp_path: Path) -> None:
    (tmp_path / "report").mkdir()
    assert_refused(tmp_path / "report", "a folder of that name is in its place", tmp_path)


def test_a_missing_parent(tmp_path: Path) -> None:
    assert_refused(tmp_path / "no" / "report.html", f"{str(tmp_path / 'no')!r} does not exist", tmp_path)


@posix_only
def test_a_file_as_parent(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("old")
    assert_refused(tmp_path / "file" / "report.html", "is not a folder", tmp_path)


@posix_only
def test_a_link_to_itself(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    assert_refused(tmp_path / "loop", "choose another place", tmp_path)


@not_for_root
def test_a_folder_that_is_read_only(tmp_path: Path) -> None:
    folder = tmp_path / "locked"
    folder.mkdir()
    folder.chmod(0o555)
    assert_refused(folder / "report.html", "permission denied", tmp_path)
    with pytest.raises(OutputError, match="permission denied"):
        output_folder(folder)


@not_for_root
def test_a_file_that_is_read_only(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    path.write_text("old")
    path.chmod(0o444)
    assert_refused(path, "permission denied", tmp_path)


def test_what_the_system_calls_not_writable_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the two tests before, for root too."""
    path = tmp_path / "report.html"
    path.write_text("old")
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert_refused(path, "permission denied", tmp_path)
    with pytest.raises(OutputError, match="permission denied"):
        output_folder(tmp_path)


def test_all_of_the_data_is_on_disk_before_the_rename(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []
    monkeypatch.setattr(os, "fsync", lambda descriptor: sizes.append(os.fstat(descriptor).st_size))
    atomic_write_bytes(tmp_path / "weights", bytes(100))
    assert sizes == [100]


@pytest.mark.parametrize("call", ["fsync", "replace"])
@pytest.mark.parametrize(
    ("code", "advice"),
    [
        (errno.ENOSPC, "the disk is full"),
        (errno.EDQUOT, "the disk is full"),
        (errno.EACCES, "permission denied"),
        (errno.EROFS, "permission denied"),
        (errno.EIO, os.strerror(errno.EIO)),
    ],
)
def test_a_failure_at_the_end_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, code: int, advice: str
) -> None:
    def fail(*_: object) -> None:
        raise OSError(code, os.strerror(code))

    path = tmp_path / "report.html"
    path.write_text("old")
    monkeypatch.setattr(os, call, fail)
    assert_refused(path, advice, tmp_path)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_device_that_is_full() -> None:
    with pytest.raises(OutputError, match="the disk is full"):
        atomic_write_text("/dev/full", "text")
    assert Path("/dev/full").is_char_device()


def test_an_interruption_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(_: int) -> None:
        raise KeyboardInterrupt

    path = tmp_path / "report.html"
    path.write_text("old")
    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        atomic_write_text(path, "new")
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["report.html"]


def run_python(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, timeout=60, check=False
    )


@posix_only
def test_a_kill_before_the_rename_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    path.write_text("old")
    killed = run_python(
        "import os, signal, sys\n"
        "from backproof.files import atomic_write_text\n"
        "os.replace = lambda *_: os.kill(os.getpid(), signal.SIGKILL)\n"
        "atomic_write_text(sys.argv[1], 'new')\n",
        str(path),
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert path.read_text() == "old"


@posix_only
def test_a_write_that_stops_half_way_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    path.write_text("old")
    stopped = run_python(
        "import resource, sys\n"
        "from backproof.errors import OutputError\n"
        "from backproof.files import atomic_write_bytes\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))\n"
        "try:\n"
        "    atomic_write_bytes(sys.argv[1], bytes(1_000_000))\n"
        "except OutputError as error:\n"
        "    print(error)\n",
        str(path),
    )
    assert "the file is larger than allowed here" in stopped.stdout, stopped.stderr
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["report.html"]


def test_text_that_utf8_cannot_store(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"cannot be stored as UTF-8"):
        atomic_write_text(tmp_path / "label.txt", "x\udcff")
    assert os.listdir(tmp_path) == []


def test_the_error_is_ours_and_keeps_its_cause(tmp_path: Path) -> None:
    with pytest.raises(BackproofError) as caught:
        atomic_write_text(tmp_path, "text")
    assert isinstance(caught.value.__cause__, OSError)


def test_output_folder_is_made_with_its_parents(tmp_path: Path) -> None:
    folder = tmp_path / "out" / "backproof-report"
    assert output_folder(folder) == folder
    assert folder.is_dir()
    assert output_folder(str(folder)) == folder


def test_output_folder_with_a_file_in_its_place(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("old")
    with pytest.raises(OutputError, match="a file of that name is in its place"):
        output_folder(tmp_path / "out")
    with pytest.raises(OutputError, match="is not a folder"):
        output_folder(tmp_path / "out" / "backproof-report")


def test_files_are_written_together_and_others_stay(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("old")
    (tmp_path / "other").write_text("mine")
    atomic_write_together(tmp_path, {"a": b"new", "b": b"more"})
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"a": "new", "b": "more", "other": "mine"}


def test_where_one_of_several_files_fails_all_stay_as_they_were(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[int] = []

    def fail_the_second_time(descriptor: int) -> None:
        calls.append(descriptor)
        if len(calls) == 2:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    (tmp_path / "a").write_text("old")
    monkeypatch.setattr(os, "fsync", fail_the_second_time)
    with pytest.raises(OutputError, match=r"b': the disk is full"):
        atomic_write_together(tmp_path, {"a": b"new", "b": b"more"})
    assert os.listdir(tmp_path) == ["a"]
    assert (tmp_path / "a").read_text() == "old"


def test_a_folder_in_the_place_of_one_of_several_files(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    with pytest.raises(OutputError, match="a folder of that name is in its place"):
        atomic_write_together(tmp_path, {"a": b"new", "b": b"more"})
    assert os.listdir(tmp_path) == ["b"]
