"""Two `up` on one machine: the folder's lock, sockets and the port."""

import asyncio
import sys

import pytest

from service.cli import places


async def test_a_second_one_is_told_that_the_folder_is_in_use(tmp_path):
    async with places.lock(tmp_path):
        assert places.is_locked(tmp_path)
        with pytest.raises(places.Taken, match="Another `tunewright` uses"):
            async with places.lock(tmp_path, wait_s=0.1):
                pass
    assert not places.is_locked(tmp_path)


async def test_a_child_that_inherits_the_lock_holds_it_as_long_as_it_lives(tmp_path):
    async with places.lock(tmp_path) as descriptor:
        command = (sys.executable, "-c", "import signal; signal.pause()")
        child = await asyncio.create_subprocess_exec(*command, pass_fds=(descriptor,))
    assert places.is_locked(tmp_path)
    child.kill()
    await child.wait()
    assert not places.is_locked(tmp_path)


def test_a_folder_that_nobody_made_is_not_locked(tmp_path):
    assert not places.is_locked(tmp_path / "none")


async def test_a_port_in_use_is_named(tmp_path):
    with await places.listen("127.0.0.1", 0) as first:
        port = first.getsockname()[1]
        with pytest.raises(places.Taken, match=f"Port {port} of 127.0.0.1 can't be had: in use"):
            await places.listen("127.0.0.1", port, wait_s=0.1)
    with await places.listen("127.0.0.1", port):  # free again at once
        pass


async def test_an_unknown_address_is_an_error_and_not_a_traceback():
    with pytest.raises(places.Taken, match="is unknown here"):
        await places.listen("no-such-host.invalid", 0)


def test_sockets_lie_in_the_data_folder_for_this_user_alone(tmp_path):
    folder = places.socket_folder(tmp_path)
    assert folder == tmp_path / "run"
    assert folder.stat().st_mode & 0o777 == 0o700


def test_a_long_path_gets_a_short_private_folder_and_keeps_it(tmp_path):
    data = tmp_path / ("x" * 60) / ("y" * 60)
    data.mkdir(parents=True)
    folder = places.socket_folder(data)
    assert len(str(folder / "inference.sock")) < 100
    assert folder.stat().st_mode & 0o777 == 0o700
    assert places.socket_folder(data) == folder
    folder.chmod(0o755)  # no longer private: somebody else may have made it
    other = places.socket_folder(data)
    assert other != folder
    folder.rmdir()
    other.rmdir()
    assert places.socket_folder(data) not in {folder, other}
    (data / "run").readlink().rmdir()


def test_sockets_of_a_folder_with_a_long_path_lie_elsewhere_even_before_it_is_there(tmp_path):
    data = tmp_path / ("d" * 100) / "data"
    sockets = places.socket_folder(data)
    assert len(str(sockets)) < 80
    assert (data / "run").resolve() == sockets == places.socket_folder(data)
    sockets.rmdir()
