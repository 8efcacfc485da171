"""Boards start, say why when they do not, and never outlive whom they belong to."""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from host_tools import background, emulator
from host_tools.bench import trace
from host_tools.bench.cores import CORES
from host_tools.boards import BOARDS
from host_tools.errors import EXIT_CHECK_FAILED, SottoError

ROOT = Path(__file__).resolve().parents[2]
HOST = BOARDS["host"]
STM32 = BOARDS["stm32f405"]
ENDS_WITHIN_S = 20

# Stands in for the firmware process: the same option, the same line, an echo on the socket.
LISTENER = """\
#!{python}
import socket, sys
line = socket.create_server(("127.0.0.1", int(sys.argv[sys.argv.index("--port") + 1])))
print(f"listening 127.0.0.1:{{line.getsockname()[1]}}", file=sys.stderr, flush=True)
while True:
    client, _ = line.accept()
    while data := client.recv(100):
        if data == b"die":
            print("ERROR: AddressSanitizer: made up", file=sys.stderr, flush=True)
            sys.exit(7)
        client.sendall(data)
"""


@pytest.fixture
def program(tmp_path: Path) -> Path:
    path = tmp_path / "firmware.elf"
    path.write_text(LISTENER.format(python=sys.executable))
    path.chmod(0o755)
    return path


def connect(url: str) -> socket.socket:
    parts = urlsplit(url)
    return socket.create_connection((parts.hostname, parts.port), timeout=ENDS_WITHIN_S)


@contextmanager
def watched(pid: int) -> Iterator[int]:
    """A descriptor that becomes readable when the process ends; no other can be mistaken for it."""
    descriptor = os.pidfd_open(pid)
    try:
        yield descriptor
    finally:
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(descriptor, signal.SIGKILL)
        os.close(descriptor)


def assert_ends(descriptor: int) -> None:
    ready, _, _ = select.select([descriptor], [], [], ENDS_WITHIN_S)
    assert ready, "the process still runs"


def test_a_started_board_takes_connections_at_once(program: Path) -> None:
    with emulator.start(HOST, program) as running, closing(connect(running.url)) as line:
        line.sendall(b"hello")
        assert line.recv(100) == b"hello"


def test_nothing_is_left_behind(program: Path) -> None:
    with emulator.start(HOST, program) as running, watched(running.pid) as process:
        running.close()
        assert_ends(process)
        running.close()  # a second time does nothing


def test_the_process_ends_when_the_block_raises(program: Path) -> None:
    with emulator.start(HOST, program) as probe, watched(probe.pid) as process:
        with pytest.raises(ZeroDivisionError), probe:
            raise ZeroDivisionError
        assert_ends(process)


def test_boards_outlive_the_thread_that_started_them(program: Path) -> None:
    started: list[emulator.Running] = []
    thread = threading.Thread(target=lambda: started.append(emulator.start(HOST, program)))
    thread.start()
    thread.join()
    with started[0] as running, closing(connect(running.url)) as line:
        line.sendall(b"still here")
        assert line.recv(100) == b"still here"


def test_killed_parents_take_their_boards_with_them(program: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from host_tools import emulator; "
        "from host_tools.boards import BOARDS; "
        "print(emulator.start(BOARDS['host'], Path(sys.argv[1])).pid, flush=True); "
        "sys.stdin.read()"
    )
    command = [sys.executable, "-c", code, str(program)]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        with watched(int(parent.stdout.readline())) as board:
            parent.send_signal(signal.SIGKILL)
            assert_ends(board)


def test_killed_benches_take_their_emulator_with_them(tmp_path: Path) -> None:
    fake, said = tmp_path / "qemu", tmp_path / "pid"
    os.mkfifo(said)
    fake.write_text(f"#!/bin/sh\necho $$ > {said}\nexec sleep {ENDS_WITHIN_S * 10}\n")
    fake.chmod(0o755)
    code = (
        "import sys; from pathlib import Path; from host_tools.bench import trace; "
        "from host_tools.bench.cores import CORES; "
        "trace.find_qemu = lambda program: sys.argv[1]; "
        "trace.run(CORES['cortex-m4f'], Path('bench.elf'))"
    )
    command = [sys.executable, "-c", code, str(fake)]
    # Opened for both directions, the pipe gives what is written although no reader waits yet.
    with said.open("r+b", buffering=0) as pipe, subprocess.Popen(command, cwd=ROOT) as parent:
        assert select.select([pipe], [], [], ENDS_WITHIN_S)[0], "it was not started"
        with watched(int(pipe.readline())) as bench:
            parent.send_signal(signal.SIGKILL)
            assert_ends(bench)


def test_an_endless_trace_does_not_fill_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake, log = tmp_path / "qemu", tmp_path / "trace"
    fake.write_text(
        f"#!{sys.executable}\nopen({str(log)!r}, 'wb').truncate({trace.TRACE_LIMIT_BYTES + 1})\n"
    )
    fake.chmod(0o755)
    monkeypatch.setattr(trace, "find_qemu", lambda _: str(fake))
    with pytest.raises(SottoError, match="File too large"):
        trace.run(CORES["cortex-m4f"], tmp_path / "bench.elf")
    assert log.stat().st_size == 0


def test_a_board_that_dies_is_reported_with_its_last_words(program: Path) -> None:
    def let_it_die() -> None:
        with (
            emulator.start(HOST, program) as running,
            watched(running.pid) as process,
            closing(connect(running.url)) as line,
        ):
            line.sendall(b"die")
            assert_ends(process)

    with pytest.raises(SottoError, match=r"code 7.*AddressSanitizer: made up") as caught:
        let_it_die()
    assert caught.value.exit_code == EXIT_CHECK_FAILED


def test_last_words_do_not_hide_the_first_error(program: Path) -> None:
    def let_it_die() -> None:
        with emulator.start(HOST, program) as running, watched(running.pid) as process:
            with closing(connect(running.url)) as line:
                line.sendall(b"die")
                assert_ends(process)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError) as caught:
        let_it_die()
    assert "AddressSanitizer" in caught.value.__notes__[0]


def test_a_program_that_ends_at_once(tmp_path: Path) -> None:
    path = tmp_path / "firmware.elf"
    path.write_text("#!/bin/sh\necho no such option >&2\nexit 3\n")
    path.chmod(0o755)
    with pytest.raises(SottoError, match=r"did not start \(code 3\): no such option"):
        emulator.start(HOST, path)


def test_a_port_that_is_taken() -> None:
    with socket.create_server((emulator.LOOPBACK, 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(SottoError, match=f"cannot listen on 127.0.0.1:{port}"):
            emulator.start(STM32, Path(__file__), port=port)


def test_missing_firmware(tmp_path: Path) -> None:
    with pytest.raises(SottoError, match="there is no firmware at") as caught:
        emulator.start(HOST, tmp_path / "none.elf")
    assert "sotto build -b host" in caught.value.remedy


def test_missing_emulator(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SottoError, match="qemu-system-arm is not on PATH") as caught:
        emulator.start(STM32, Path(__file__))
    assert "apt-get install" in caught.value.remedy
    assert "qemu-system-arm" in caught.value.remedy


def test_hardware_is_not_emulated() -> None:
    with pytest.raises(SottoError, match="is hardware"):
        emulator.start(BOARDS["disco_f407"], Path(__file__))


def test_background_board_is_found_replaced_and_stopped(program: Path, tmp_path: Path) -> None:
    first = background.start_in_background(HOST, program, tmp_path)
    assert background.in_background(HOST, tmp_path) == first
    with watched(first.pid) as process:
        second = background.start_in_background(HOST, program, tmp_path)
        assert_ends(process)
    assert background.in_background(HOST, tmp_path) == second
    with watched(second.pid) as process:
        assert background.stop(HOST, tmp_path)
        assert_ends(process)
    assert background.in_background(HOST, tmp_path) is None
    assert not background.stop(HOST, tmp_path)


def test_a_later_process_with_the_same_number_is_left_alone(tmp_path: Path) -> None:
    state = tmp_path / ".pio" / "boards" / "host.json"
    state.parent.mkdir(parents=True)
    state.write_text(f'{{"pid": {os.getpid()}, "born_ticks": 1, "url": "socket://127.0.0.1:1"}}')
    assert background.in_background(HOST, tmp_path) is None
    assert not background.stop(HOST, tmp_path)  # it would have killed this test


def test_boards_started_at_once_leave_one_that_can_be_stopped(
    program: Path, tmp_path: Path
) -> None:
    with ThreadPoolExecutor(4) as pool:
        started = list(
            pool.map(lambda _: background.start_in_background(HOST, program, tmp_path), range(4))
        )
    left = background.in_background(HOST, tmp_path)
    assert background.stop(HOST, tmp_path)
    assert left in started
    alive = [board for board in started if Path(f"/proc/{board.pid}/cmdline").is_file()]
    running = [b for b in alive if Path(f"/proc/{b.pid}/cmdline").read_bytes()]  # no zombies
    for board in running:
        os.kill(board.pid, signal.SIGKILL)
    assert running == []


def test_a_board_that_cannot_be_noted_is_ended(
    program: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full_disk(path: Path, content: bytes) -> None:
        raise OSError(28, "No space left on device")

    pids: list[int] = []
    start = emulator.start_detached

    def start_noted(*arguments: object, **options: object) -> emulator.Running:
        running = start(*arguments, **options)  # type: ignore[arg-type]
        pids.append(running.pid)
        return running

    monkeypatch.setattr(background, "write_atomically", full_disk)
    monkeypatch.setattr(emulator, "start_detached", start_noted)
    with pytest.raises(OSError, match="No space"):
        background.start_in_background(HOST, program, tmp_path)
    with pytest.raises(ProcessLookupError):
        os.kill(pids[0], 0)


def flash_command(*arguments: str | Path) -> list[str]:
    """What PlatformIO's targets `upload` and `exec` run, from the folder of the project."""
    return [sys.executable, "-m", "host_tools.flash", *map(str, arguments)]


def run_flash(cwd: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        flash_command(*arguments),
        cwd=cwd,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_upload_target_starts_a_board_that_stays(program: Path, tmp_path: Path) -> None:
    started = run_flash(tmp_path, "upload", "host", program)
    assert started.returncode == 0, started.stderr
    board = background.in_background(HOST, tmp_path)
    assert board is not None
    assert started.stdout.strip() == board.url
    with watched(board.pid) as process:
        with closing(connect(board.url)) as line:
            line.sendall(b"hello")
            assert line.recv(100) == b"hello"
        assert run_flash(tmp_path, "stop", "host").returncode == 0
        assert_ends(process)
    assert "was not running" in run_flash(tmp_path, "stop", "host").stderr


def test_exec_target_runs_until_interrupted(program: Path, tmp_path: Path) -> None:
    with subprocess.Popen(
        flash_command("exec", "host", program),
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    ) as runner:
        assert runner.stdout is not None
        url = runner.stdout.readline().split()[0]
        with closing(connect(url)) as line:
            line.sendall(b"hello")
            assert line.recv(100) == b"hello"
        runner.send_signal(signal.SIGINT)
        assert runner.wait(ENDS_WITHIN_S) == 0
    with pytest.raises(ConnectionRefusedError):
        connect(url)


def test_flash_command_says_what_is_wrong(tmp_path: Path) -> None:
    done = run_flash(tmp_path, "upload", "host", tmp_path / "none.elf")
    assert done.returncode == 2
    assert "there is no firmware at" in done.stderr
    assert "Traceback" not in done.stderr
