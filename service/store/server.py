"""What the Redis server says of itself."""

import msgspec
from redis.asyncio import Redis


class ServerState(msgspec.Struct, frozen=True, kw_only=True):
    """`limit_bytes` is its own memory limit, else the machine's; 0 where it tells neither."""

    name: str
    version: str
    is_replica: bool
    appends: bool
    last_write_ok: bool
    used_bytes: int
    limit_bytes: int
    evicted: int

    @property
    def memory_ratio(self) -> float:
        """Return the used share of the memory limit, 0 where that is unknown."""
        return self.used_bytes / self.limit_bytes if self.limit_bytes else 0.0


async def read_state(redis: Redis) -> ServerState:
    """Ask the server with INFO, which managed services allow where CONFIG is hidden."""
    info = await redis.info()
    is_valkey = "valkey_version" in info
    return ServerState(
        name="Valkey" if is_valkey else "Redis",
        version=str(info.get("valkey_version" if is_valkey else "redis_version", "0")),
        is_replica=info.get("role") in {"slave", "replica"},
        appends=bool(info.get("aof_enabled", 0)),
        last_write_ok=info.get("aof_last_write_status", "ok") == "ok",
        used_bytes=int(info.get("used_memory", 0)),
        limit_bytes=int(info.get("maxmemory", 0) or info.get("total_system_memory", 0)),
        evicted=int(info.get("evicted_keys", 0)),
    )
