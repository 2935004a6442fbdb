#!/bin/bash
# shellcheck disable=SC2015,SC2119,SC2317 # bail ends; no arguments; called by wait_until
# Who signed an image, by cosign's signatures, made by the program openssl: beside the configuration, in containers/storage
# where Podman itself puts them when it pulls, and for Docker by the digest that it pulled. Any other key, digest, name or
# bit is told, and so is what policy.json demands and does not get.
cd "$(dirname "$0")" || exit 99
. ./lib.sh
. ./engines.sh
. ./daemon.sh
export LC_ALL=C
need_root
need dockerd podman runc busybox python3 openssl
need_daemon
work_dir

# Two images as Podman's `dir:` has them, $W/app and $W/tool: one layer, other configurations; their digests are in DIGEST.
images() {
	python3 - "$W" "$(command -v busybox)" <<-'PY'
		import hashlib, io, json, os, sys, tarfile
		top, busybox = sys.argv[1:]
		sha = lambda b: hashlib.sha256(b).hexdigest()
		tar = io.BytesIO()
		with tarfile.open(fileobj=tar, mode="w") as t:
		    for name, data in (("bin/busybox", open(busybox, "rb").read()), ("bin/sleep", None)):
		        i = tarfile.TarInfo(name)
		        i.mode, i.size = 0o755, len(data or b"")
		        if data is None:
		            i.type, i.linkname = tarfile.SYMTYPE, "busybox"
		        t.addfile(i, io.BytesIO(data or b""))
		layer = tar.getvalue()
		part = lambda kind, b: {"mediaType": "application/vnd.oci.image." + kind, "size": len(b), "digest": "sha256:" + sha(b)}
		for name in ("app", "tool"):
		    d = os.path.join(top, name)
		    os.mkdir(d)
		    config = json.dumps({"architecture": "amd64", "os": "linux", "config": {"Labels": {"name": name}},
		        "rootfs": {"type": "layers", "diff_ids": ["sha256:" + sha(layer)]}}).encode()
		    manifest = json.dumps({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
		        "config": part("config.v1+json", config), "layers": [part("layer.v1.tar", layer)]}).encode()
		    for file, data in ((sha(layer), layer), (sha(config), config), ("manifest.json", manifest),
		            ("version", b"Directory Transport Version: 1.1\n"), ("DIGEST", sha(manifest).encode())):
		        open(os.path.join(d, file), "wb").write(data)
	PY
}
digest() { cat "$W/$1/DIGEST"; }
# The least that Docker pulls from: $W/app as NAME app, tag 1. Its address goes into $W/registry.
registry() {
	python3 - "$W" <<-'PY' >"$W/registry.log" 2>&1 &
		import http.server, os, sys
		top = sys.argv[1]
		class Registry(http.server.BaseHTTPRequestHandler):
		    def do_GET(self):
		        last = os.path.basename(self.path)
		        manifest = "/manifests/" in self.path
		        file = os.path.join(top, "app", "manifest.json" if manifest else last.removeprefix("sha256:"))
		        data = open(file, "rb").read() if os.path.isfile(file) else b"{}"
		        self.send_response(200)
		        self.send_header("Content-Length", str(len(data)))
		        self.send_header("Content-Type", "application/vnd.oci.image.manifest.v1+json" if manifest else "application/json")
		        self.end_headers()
		        if self.command == "GET":
		            self.wfile.write(data)
		    do_HEAD = do_GET
		s = http.server.HTTPServer(("127.0.0.1", 0), Registry)
		with open(top + "/port.new", "w") as f:
		    f.write(str(s.server_port))
		os.rename(top + "/port.new", top + "/port")
		s.serve_forever()
	PY
	REGISTRY=$!
	at_exit "kill $REGISTRY 2>/dev/null"
	wait_until 10 test -f "$W/port"
}

# sign KEY IMAGE NAME FILE: FILE.payload and FILE.sig, as `cosign sign` makes them.
sign() {
	printf '{"critical":{"identity":{"docker-reference":"%s"},"image":{"docker-manifest-digest":"sha256:%s"},"type":"cosign container image signature"},"optional":null}' \
		"$3" "$(digest "$2")" >"$4.payload"
	openssl dgst -sha256 -sign "$W/$1.key" "$4.payload" | base64 -w0 >"$4.sig"
}
flip() { # FILE: one bit of a letter in its middle
	python3 - "$1" <<-'PY'
		import sys
		b = bytearray(open(sys.argv[1], "rb").read())
		i = next(i for i in range(len(b) // 2, len(b)) if chr(b[i]).isalpha())
		b[i] ^= 32
		open(sys.argv[1], "wb").write(b)
	PY
}
signature() { bs ps -o json | jq -r --arg n "$1" '.items[] | select(.name == $n) | .verdict.signature | [.state, .key, .reference, .unmet // empty] | map(. // "-") | join(" ")'; }
signature_is_() { [[ $(signature "$1") == $2 ]]; }
signature_is() { # DESC TARGET PATTERN
	wait_until "$PATIENCE" signature_is_ "$2" "$3" && { tap_ 0 "$1"; return; }
	tap_ 1 "$1"
	diag "$(bs ps -o json | jq -c --arg n "$2" '.items[] | select(.name == $n) | .verdict')"
}
verify_says() { # DESC STATUS TARGET REGEX
	bs verify "$3" >"$W/out" 2>&1
	is "$1: status" "$?" "$2"
	like "$1" "$(grep ' image ' "$W/out")" "$4"
}
hup() { kill -HUP "$(role_pid sensor)"; }

images && mkdir "$W/cosign" "$W/keys" || bail "images"
for k in ci old; do
	openssl ecparam -name prime256v1 -genkey -noout -out "$W/$k.key" && openssl ec -in "$W/$k.key" -pubout -out "$W/$k.pub" 2>/dev/null || bail "openssl"
done
sign ci app r.example/app "$W/app"
python3 - "$W/app" <<-'PY'
	import base64, json, sys
	d = sys.argv[1]
	text = json.dumps({"mimeType": "application/vnd.dev.cosign.simplesigning.v1+json",
	    "payload": base64.b64encode(open(d + ".payload", "rb").read()).decode(),
	    "annotations": {"dev.cosignproject.cosign/signature": open(d + ".sig").read()}})
	open(d + "/signature-1", "wb").write(b"\0sigstore-json\n" + text.encode())
PY
engine_docker_start || bail "dockerd"
engine_podman_start || bail "podman"
registry || bail "registry"
for i in app tool; do
	id=$(podman_ pull -q "dir:$W/$i" 2>"$W/err") && podman_ tag "$id" "r.example/$i:1" && run_podman $i "r.example/$i:1" /bin/sleep 1000 >/dev/null ||
		bail "podman: $i: $(cat "$W/err")"
done
docker_ pull -q "127.0.0.1:$(cat "$W/port")/app:1" >/dev/null 2>"$W/err" &&
	run_docker whale "127.0.0.1:$(cat "$W/port")/app:1" /bin/sleep 1000 >/dev/null || bail "docker: $(cat "$W/err")"
echo '{"default": [{"type": "insecureAcceptAnything"}]}' >"$W/policy.json"
daemon_config <<<"trust: {cosign_dir: $W/cosign, policy: $W/policy.json}"
daemon_start || bail "boltseald"

# --- no key, then one ----------------------------------------------------------------------------------------------
signature_is "no key: a signature that came with the image" app "no key - -"
signature_is "no key: an image without one" tool "none - -"
verify_says "no key is no fault" 0 app "signed, by whom is not known: no public key for it is known: trust.cosign_dir"
cp "$W/ci.pub" "$W/cosign/" && hup
signature_is "SIGHUP takes a key up" app "verified ci.pub r.example/app"
verify_says "verify names the key, and the name that was signed" 0 app "^ok +image +app +proved to .*; signed by ci.pub as r.example/app$"
verify_says "verify tells who is not signed" 0 tool "no cosign signature: none is here"
like "ps" "$(bs ps)" "app .* proved, signed "
# --- beside the configuration --------------------------------------------------------------------------------------
sign ci tool r.example/tool "$W/cosign/$(digest tool)"
verify_says "a file beside the configuration" 0 tool "signed by ci.pub as r.example/tool$"
for f in sig payload; do cp "$W/app.$f" "$W/cosign/sha256-$(digest app).$f"; done
verify_says "Docker, by the digest that it pulled" 0 whale "signed by ci.pub as r.example/app, which is not the name that it runs by here; that the digest is"
rm "$W/cosign/sha256-$(digest app)".*
# --- what does not fit ---------------------------------------------------------------------------------------------
no=$W/cosign/$(digest tool)
flip "$no.sig"
verify_says "a bit flipped in a signature" 1 tool "^MISMATCH +image .*signature mismatch: "
event_ok "it was told" image.signature '.severity == "high" and .target.name == "tool" and (.detail | test("^not verified any more: signature mismatch"))'
like "metrics" "$(api GET /metrics | tr -d '\r')" '^boltseal_target_signatures\{verdict="mismatch"\} 1$'
sign ci tool r.example/tool "$no" && flip "$no.payload"
verify_says "a bit flipped in a payload" 1 tool "signature mismatch: no trusted key"
sign ci app r.example/tool "$no"
verify_says "another image's signature" 1 tool "signature mismatch: a trusted key signed another image's digest"
sign old tool r.example/tool "$no"
verify_says "another key" 1 tool "signature mismatch: no trusted key made"
like "the doctor" "$(bs doctor 2>&1)" "image signed by no trusted key.*tool.*image-signature"
sign ci tool r.example/tool "$no"
verify_says "put right" 0 tool "signed by ci.pub as r.example/tool$"
event_ok "that was told, too" image.signature '.severity == "info" and .target.name == "tool" and (.detail | test("^no mismatch any more: signed by"))'
big=$(grep -l sigstore-json "$W"/podman/overlay-images/*/=*)
cp "$big" "$W/big" && for f in "$big" "${big%/*}/signatures"; do flip "$f"; done
verify_says "a bit flipped in containers/storage" 1 app "signature mismatch"
ln -sf /etc/passwd "${big%/*}/signatures" && rm "$big"
verify_says "a link is not followed" 1 app "signature mismatch: containers/storage"
rm "${big%/*}/signatures" && cp "$W/big" "$big"
verify_says "put right in containers/storage" 0 app "signed by ci.pub"
# --- policy.json ---------------------------------------------------------------------------------------------------
policy() { printf '{"default": [{"type": "insecureAcceptAnything"}], "transports": {"docker": {"r.example/tool": [{"type": "sigstoreSigned", "keyPath": "%s", "signedIdentity": {"type": "matchRepository"}}]}}}' "$1" >"$W/policy.json"; }
policy "$W/ci.pub" && hup
signature_is "policy.json gets what it wants" tool "verified ci.pub r.example/tool"
policy "$W/old.pub" && hup
signature_is "it wants another key" tool "verified ci.pub r.example/tool r.example/tool: no signature by the key*"
event_ok "which is told" image.signature '.severity == "high" and .target.name == "tool" and (.detail | test("not as policy.json wants"))'
verify_says "and verify says so" 1 tool "not as policy.json wants: r.example/tool: no signature by the key that is wanted"
verify_says "of its scope alone" 0 app "signed by ci.pub"
policy "$W/ci.pub" && sign ci tool r.example/app "$no"
verify_says "signed as another" 1 tool "not as policy.json wants: r.example/tool: .*it was signed as r.example/app"
rm "$no".* && hup
signature_is "not signed, though it should be" tool "none - - r.example/tool: no signature by the key*"
echo '{' >"$W/policy.json" && chmod 666 "$W/cosign/ci.pub" && hup
signature_is "a policy that cannot be read lets nothing through; a key that anybody may write is nobody's" app "no key - - policy.json:*"
like "the doctor names both" "$(bs doctor 2>&1)" "0 keys can be used; policy.json: .*ci.pub: others may write it"
# --- whoever has a copy of the store reads the same ----------------------------------------------------------------
daemon_stop
"$BIN/boltseal" verify --store "$W/state" >"$W/out" 2>&1
is "a copy of the store: status" "$?" 1
like "a copy of the store" "$(cat "$W/out")" "^MISMATCH +proof +app .*not as policy.json wants"
finish
