#!/usr/bin/env python3
"""pod_args.py [--init] DAEMONSET CONFIGMAP DIR [FROM=TO]…: what `docker run` or `podman run` must be told to run a
daemonset's container, or the one that goes before it, as Kubernetes would: arguments, each ended by NUL; a line
"--" and the container's own arguments follow. Files of the config map are written to
DIR; directories of the host move by FROM=TO, and where the daemon sees them at the same path, there too. What
this does not understand is an error, so that a manifest cannot come to mean more than is tested."""
import os
import sys

import yaml

# What an engine by itself has no word for, or what is not about what the container may do.
POD = {"serviceAccountName", "automountServiceAccountToken", "enableServiceLinks", "priorityClassName",
       "terminationGracePeriodSeconds", "tolerations", "hostPID", "containers", "initContainers", "volumes"}
CONTAINER = {"name", "image", "imagePullPolicy", "env", "args", "securityContext", "readinessProbe", "livenessProbe",
             "resources", "volumeMounts"}
SECURITY = {"runAsUser", "runAsGroup", "privileged", "allowPrivilegeEscalation", "readOnlyRootFilesystem",
            "capabilities", "seccompProfile", "appArmorProfile"}


def only(what, mapping, known):
    if set(mapping) - known:
        sys.exit(f"pod_args: {what} has what is not understood: {sorted(set(mapping) - known)}")


def security(s):
    only("securityContext", s, SECURITY)
    if s["privileged"] or s["allowPrivilegeEscalation"] or s["seccompProfile"] != {"type": "RuntimeDefault"}:
        sys.exit("pod_args: the container has more privileges than this test is of")
    yield f"--user={s['runAsUser']}:{s['runAsGroup']}"
    yield "--security-opt=no-new-privileges"
    if s["appArmorProfile"] == {"type": "Unconfined"}:
        yield "--security-opt=apparmor=unconfined"
    if s["readOnlyRootFilesystem"]:
        yield "--read-only"
    yield from (f"--cap-drop={c}" for c in s["capabilities"]["drop"])
    yield from (f"--cap-add={c}" for c in s["capabilities"]["add"])


def mount(m, volume, files, moved):
    only("a mount", m, {"name", "mountPath", "readOnly", "mountPropagation", "subPath"})
    at = m["mountPath"]
    if "configMap" in volume:
        return f"type=bind,src={os.path.join(files, m['subPath'])},dst={at},readonly"
    host = volume["hostPath"]["path"]
    source = moved.get(host, host)
    if volume["hostPath"]["type"] == "DirectoryOrCreate":
        os.makedirs(source, 0o755, exist_ok=True)
    elif not os.path.isdir(source):
        sys.exit(f"pod_args: {source} is no directory")
    words = ["type=bind", f"src={source}", f"dst={source if at == host and m.get('readOnly') else at}"]
    if m.get("readOnly"):
        words.append("readonly")
    propagation = {"HostToContainer": "rslave", None: "rprivate"}[m.get("mountPropagation")]
    return ",".join(words + [f"bind-propagation={propagation}"])


def arguments(daemonset, config, files, moved, which):
    pod = daemonset["spec"]["template"]["spec"]
    container, = pod[which]
    volumes = {v["name"]: v for v in pod["volumes"]}
    only("the pod", pod, POD)
    only("the container", container, CONTAINER)
    for name, text in config["data"].items():
        with open(os.path.join(files, name), "w", encoding="utf-8") as f:
            f.write(text)
    if pod["hostPID"]:
        yield "--pid=host"
    yield "--net=none"  # a pod has a network of its own
    for e in container.get("env", []):
        if "value" not in e and e["valueFrom"] != {"fieldRef": {"fieldPath": "spec.nodeName"}}:
            sys.exit("pod_args: an environment that is not understood")
        yield f"--env={e['name']}={e.get('value', 'the-node')}"
    yield from security(container["securityContext"])
    for m in container["volumeMounts"]:
        yield "--mount=" + mount(m, volumes[m["name"]], files, moved)
    yield "--"
    yield from container.get("args", [])


def load(path):
    with open(path, encoding="utf-8") as f:
        return yaml.safe_load(f)


def main():
    args = sys.argv[1:]
    which = "initContainers" if args[0] == "--init" else "containers"
    daemonset, config, files, *moves = args[args[0] == "--init":]
    for a in arguments(load(daemonset), load(config), files, dict(m.split("=", 1) for m in moves), which):
        sys.stdout.write(a + "\0")


main()
