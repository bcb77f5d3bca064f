"""Reads the deployment files; applies what kustomize would: resources, and patches merged by container name."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]


def documents(path: Path) -> list[dict[str, Any]]:
    return [found for found in yaml.safe_load_all(path.read_text()) if found]


def compose() -> dict[str, Any]:
    return yaml.safe_load((ROOT / "docker-compose.yml").read_text())


def kustomization(folder: Path) -> list[dict[str, Any]]:
    """Return the folder's objects after its patches."""
    plan = documents(folder / "kustomization.yaml")[0]
    objects = [found for name in plan["resources"] for found in _resource((folder / name).resolve())]
    for patch in plan.get("patches", ()):
        target, change = patch["target"], documents(folder / patch["path"])[0]
        hit = [o for o in objects if o["kind"] == target["kind"] and target.get("name") in {None, name_of(o)}]
        assert hit, f"{folder.name}: the patch {patch['path']} meets nothing"
        for one in hit:
            named = {**one["metadata"]}
            merge(one, change)
            one["metadata"] = named
    for replica in plan.get("replicas", ()):
        assert replica["name"] in {name_of(o) for o in objects}
    return objects


def _resource(path: Path) -> list[dict[str, Any]]:
    return kustomization(path) if path.is_dir() else documents(path)


def name_of(found: dict[str, Any]) -> str:
    return found["metadata"]["name"]


def merge(base: dict[str, Any], change: dict[str, Any]) -> None:
    """Lay `change` over `base` as a strategic merge patch does; lists of named things are merged by name."""
    for key, value in change.items():
        if isinstance(value, dict) and isinstance(base.get(key), dict):
            merge(base[key], value)
        elif isinstance(value, list) and isinstance(base.get(key), list) and all("name" in item for item in value):
            for item in value:
                same = next((have for have in base[key] if have["name"] == item["name"]), None)
                merge(same, item) if same is not None else base[key].append(item)
        else:
            base[key] = value


def pods(objects: list[dict[str, Any]]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each workload's name and pod specification."""
    for found in objects:
        if found["kind"] in {"Deployment", "StatefulSet"}:
            yield name_of(found), found["spec"]["template"]["spec"]
