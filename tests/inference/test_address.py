"""Where the inference process listens, and who may connect."""

import socket
import stat
from pathlib import Path

import pytest

from service.settings import ConfigurationError
from workers.inference import listening


def test_the_socket_is_for_its_user_alone_and_goes_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "i.sock"
    with listening(f"unix:{path}"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == []


def test_a_dead_process_leaves_no_obstacle_a_live_one_does(tmp_path: Path) -> None:
    path = tmp_path / "i.sock"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    with listening(f"unix:{path}"), pytest.raises(ConfigurationError, match="Another"), listening(f"unix:{path}"):
        pass


def test_a_path_that_no_socket_can_have(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="TUNEWRIGHT_INFERENCE_URL"), listening(f"unix:{tmp_path}/{'x' * 100}"):
        pass


def test_a_port_that_is_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"http://127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(ConfigurationError, match="can't be taken"), listening(address):
            pass
