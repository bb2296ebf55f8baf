"""Cuts the schemas down to the kinds that k8s/ uses, and makes them strict: no unknown field, no null."""

import json
import pathlib
import sys

import yaml

DEFINITIONS, STRIMZI, CRDS, OUT = map(pathlib.Path, sys.argv[1:])

KUBERNETES_KINDS = [
    "io.k8s.api.apps.v1.Deployment",
    "io.k8s.api.apps.v1.StatefulSet",
    "io.k8s.api.autoscaling.v2.HorizontalPodAutoscaler",
    "io.k8s.api.batch.v1.CronJob",
    "io.k8s.api.batch.v1.Job",
    "io.k8s.api.core.v1.ConfigMap",
    "io.k8s.api.core.v1.Namespace",
    "io.k8s.api.core.v1.PersistentVolumeClaim",
    "io.k8s.api.core.v1.Secret",
    "io.k8s.api.core.v1.Service",
    "io.k8s.api.core.v1.ServiceAccount",
    "io.k8s.api.networking.v1.Ingress",
    "io.k8s.api.networking.v1.NetworkPolicy",
    "io.k8s.api.policy.v1.PodDisruptionBudget",
]
CRD_KINDS = {
    "monitoring.coreos.com_probes.yaml": "v1",
    "monitoring.coreos.com_servicemonitors.yaml": "v1",
    "monitoring.coreos.com_prometheusrules.yaml": "v1",
    "external-secrets.io_externalsecrets.yaml": "v1",
    "traefik.io_ingressroutes.yaml": "v1alpha1",
    "traefik.io_middlewares.yaml": "v1alpha1",
}
DROPPED = {"description", "default", "example", "format", "x-kubernetes-group-version-kind"}


def tidy(node):
    """Without texts and nulls; a field that is called `description` is not a text."""
    if isinstance(node, list):
        return [tidy(value) for value in node]
    if not isinstance(node, dict):
        return node
    out = {}
    for key, value in node.items():
        if key == "properties":
            out[key] = {name: tidy(field) for name, field in value.items()}
        elif key in DROPPED or key.startswith("x-kubernetes-list") or key.startswith("x-kubernetes-patch"):
            continue
        elif key == "type" and isinstance(value, list):
            rest = [one for one in value if one != "null"]
            out[key] = rest[0] if len(rest) == 1 else rest
        else:
            out[key] = tidy(value)
    return out


def references(node, found):
    if isinstance(node, list):
        for value in node:
            references(value, found)
    elif isinstance(node, dict):
        for key, value in node.items():
            if key == "$ref" and isinstance(value, str):
                found.add(value.removeprefix("#/$defs/"))
            else:
                references(value, found)


def closed(roots, definitions):
    wanted, todo = {}, set(roots)
    while todo:
        name = todo.pop()
        if name in wanted:
            continue
        wanted[name] = definitions[name]
        found = set()
        references(definitions[name], found)
        todo |= found - wanted.keys()
    return wanted


def strict(node):
    """A structural schema of a CRD as a JSON schema that knows no other field."""
    if isinstance(node, list):
        return [strict(value) for value in node]
    if not isinstance(node, dict):
        return node
    if node.get("x-kubernetes-int-or-string"):
        return {"type": ["integer", "string"]}
    out = {}
    for key, value in node.items():
        if key == "properties":
            out[key] = {name: strict(field) for name, field in value.items()}
        elif not key.startswith("x-kubernetes") and key not in DROPPED and key != "nullable":
            out[key] = strict(value)
    is_open = node.get("x-kubernetes-preserve-unknown-fields") or "additionalProperties" in node
    if "properties" in node and not is_open:
        out["additionalProperties"] = False
    return out


def write(name, definitions):
    text = json.dumps({"$defs": dict(sorted(definitions.items()))}, indent=1, sort_keys=True)
    (OUT / name).write_text(text + "\n")


core = json.loads(DEFINITIONS.read_text())["$defs"]
strimzi = json.loads(STRIMZI.read_text())
roots = [name for name in strimzi if name.startswith("io.strimzi.kafka.v1.")]
needed = set(KUBERNETES_KINDS)
references(strimzi, needed)
write("kubernetes.json", {name: tidy(value) for name, value in closed(needed & core.keys(), core).items()})
write("strimzi.json", {name: tidy(value) for name, value in closed(roots, {**strimzi, **core}).items() if name in strimzi})

kinds = {}
for file, version in CRD_KINDS.items():
    crd = yaml.safe_load((CRDS / file).read_text())
    group, kind = crd["spec"]["group"], crd["spec"]["names"]["kind"]
    [schema] = [one["schema"]["openAPIV3Schema"] for one in crd["spec"]["versions"] if one["name"] == version]
    schema = strict(schema)
    schema["properties"]["apiVersion"] = {"const": f"{group}/{version}"}
    schema["properties"]["kind"] = {"const": kind}
    schema["properties"]["metadata"] = {"$ref": "#/$defs/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"}
    kinds[f"{group}.{version}.{kind}"] = schema
write("operators.json", kinds)
