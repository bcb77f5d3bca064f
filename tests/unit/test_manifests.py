"""Compose and Kubernetes files run the processes that exist, with settings that exist."""

import importlib.util
import itertools
import re
from pathlib import Path

import pytest

from service.settings import Settings
from service.store.redis import _DURABLE
from tests.unit.manifests import ROOT, compose, documents, kustomization, name_of, pods
from workers.__main__ import NAMES

BASE = ROOT / "k8s/base"
OVERLAYS = sorted((ROOT / "k8s/overlays").iterdir())
VARIABLES = {f"TUNEWRIGHT_{name.upper()}" for name in Settings.__struct_fields__ if name != "providers"}
VARIABLES.add("TUNEWRIGHT_CONFIG")
OURS = {"api", *NAMES}


def role_of(command: list[str]) -> str:
    assert command[:2] == ["python", "-m"], command
    if command[2] == "service.serve":
        return "api"
    assert command[2] == "workers"
    return command[3]


def container(pod: dict) -> dict:
    assert len(pod["containers"]) == 1
    return pod["containers"][0]


def test_compose_runs_every_process_under_its_own_name():
    services = compose()["services"]
    assert {name: role_of(services[name]["command"]) for name in services if name != "redis"} == {n: n for n in OURS}


def test_kubernetes_runs_every_process_under_its_own_name():
    found = {name: role_of(container(pod)["command"]) for name, pod in pods(kustomization(BASE)) if name != "valkey"}
    assert found == {name: name for name in OURS}


def test_the_modules_of_commands_exist():
    assert importlib.util.find_spec("service.serve")
    assert importlib.util.find_spec("workers.__main__")


@pytest.mark.parametrize(
    "path", ["docker-compose.yml", "Dockerfile", *(str(p.relative_to(ROOT)) for p in BASE.glob("*"))]
)
def test_every_variable_is_a_setting(path):
    assert set(re.findall(r"TUNEWRIGHT_\w+", (ROOT / path).read_text())) <= VARIABLES


def test_redis_keeps_what_it_acknowledges():
    for command in (
        compose()["services"]["redis"]["command"],
        container(dict(pods(kustomization(BASE)))["valkey"])["command"],
    ):
        given = dict(itertools.pairwise(command))
        assert {name: given[f"--{name}"] for name in _DURABLE} == _DURABLE


@pytest.mark.parametrize("folder", [BASE, *OVERLAYS], ids=lambda folder: folder.name)
def test_every_file_of_a_folder_is_used(folder: Path):
    plan = documents(folder / "kustomization.yaml")[0]
    used = {name for name in plan["resources"] if name.endswith(".yaml")} | {p["path"] for p in plan["patches"]}
    assert used | {"kustomization.yaml"} == {path.name for path in folder.iterdir()}
    assert kustomization(folder)


@pytest.mark.parametrize("folder", OVERLAYS, ids=lambda folder: folder.name)
def test_what_is_scaled_by_load_has_no_fixed_number(folder: Path):
    objects = kustomization(folder)
    scaled = {o["spec"]["scaleTargetRef"]["name"] for o in objects if o["kind"] == "HorizontalPodAutoscaler"}
    plan = documents(folder / "kustomization.yaml")[0]
    assert scaled.isdisjoint(replica["name"] for replica in plan.get("replicas", ()))
    for found in objects:
        assert name_of(found) not in scaled or "replicas" not in found.get("spec", {})


@pytest.mark.parametrize("folder", [BASE, *OVERLAYS], ids=lambda folder: folder.name)
def test_pods_keep_to_the_restricted_standard(folder: Path):
    for name, pod in pods(kustomization(folder)):
        inside = container(pod)["securityContext"]
        assert pod["securityContext"]["runAsNonRoot"], name
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert (inside["allowPrivilegeEscalation"], inside["capabilities"]) == (False, {"drop": ["ALL"]})
        assert inside["readOnlyRootFilesystem"]
        assert pod["automountServiceAccountToken"] is False
        assert "memory" in container(pod)["resources"]["limits"]


def test_names_that_objects_refer_to_exist():
    objects = kustomization(BASE)
    names = {(found["kind"], name_of(found)) for found in objects}
    labels = {
        o["spec"]["template"]["metadata"]["labels"]["app.kubernetes.io/component"]
        for o in objects
        if "template" in o.get("spec", {})
    }
    for _, pod in pods(objects):
        mounts = {mount["name"] for mount in container(pod)["volumeMounts"]}
        assert mounts - {"records"} == {volume["name"] for volume in pod.get("volumes", ())}
        for volume in pod.get("volumes", ()):
            claim, file = volume.get("persistentVolumeClaim"), volume.get("configMap")
            assert claim is None or ("PersistentVolumeClaim", claim["claimName"]) in names
            assert file is None or ("ConfigMap", file["name"]) in names
    for found in objects:
        selector = found.get("spec", {}).get("selector") or found.get("spec", {}).get("podSelector") or {}
        component = (selector.get("matchLabels") or selector).get("app.kubernetes.io/component")
        assert component is None or component in labels


def test_services_probes_and_prometheus_reach_ports_that_are_open():
    objects = kustomization(BASE)
    ports = {
        name: {p["name"]: p["containerPort"] for p in container(pod).get("ports", ())} for name, pod in pods(objects)
    }
    for found in objects:
        if found["kind"] == "Service":
            assert all(port["targetPort"] in ports[name_of(found)] for port in found["spec"]["ports"])
    for name, pod in pods(objects):
        for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
            asks = container(pod).get(probe, {})
            port = asks.get("httpGet", asks.get("tcpSocket", {})).get("port")
            assert port is None or port in ports[name]
    api = next(o for o in objects if o["kind"] == "Deployment" and name_of(o) == "api")
    assert api["spec"]["template"]["metadata"]["annotations"]["prometheus.io/port"] == str(ports["api"]["http"])


def test_settings_of_the_cluster_name_its_services():
    objects = kustomization(BASE)
    data = next(o for o in objects if o["kind"] == "ConfigMap" and name_of(o) == "tunewright")["data"]
    services = {name_of(o): {p["port"] for p in o["spec"]["ports"]} for o in objects if o["kind"] == "Service"}
    for name in ("TUNEWRIGHT_REDIS_URL", "TUNEWRIGHT_INFERENCE_URL"):
        host, port = re.match(r"\w+://(\w+):(\d+)", data[name]).groups()
        assert int(port) in services[host]


def test_the_image_is_built_from_files_that_exist_and_are_sent_to_the_builder():
    sent = {line[1:] for line in (ROOT / ".dockerignore").read_text().split() if line.startswith("!")}
    for line in (ROOT / "Dockerfile").read_text().splitlines():
        if line.startswith("COPY ") and "--from" not in line:
            for source in line.split()[1:-1]:
                assert (ROOT / source).exists(), source
                assert source in sent


def test_the_image_does_not_run_as_root_and_asks_a_route_that_exists():
    text = (ROOT / "Dockerfile").read_text()
    assert re.search(r"^USER 10001:10001$", text, re.MULTILINE)
    assert "http://127.0.0.1:8484/health/ready" in text
    assert "service.serve" in text.rsplit("CMD", 1)[1]


def test_one_version_everywhere():
    version = re.search(r'^version = "(.+)"$', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)[1]
    assert compose()["x-tunewright"]["image"] == f"tunewright:{version}"
    assert documents(BASE / "kustomization.yaml")[0]["images"] == [{"name": "tunewright", "newTag": version}]
