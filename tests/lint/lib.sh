# lib.sh - TAP for the lint's scripts, which are plain sh at the top of the tree.
# shellcheck shell=sh
tmp=$(mktemp -d) || exit 2
trap 'rm -rf "$tmp"' EXIT
no=0
failed=0

plan() { echo "1..$1"; }

# check NAME COMMAND...: passes when the command succeeds; what it printed is the diagnosis.
check() {
	name=$1
	shift
	no=$((no + 1))
	if "$@" >"$tmp/said" 2>&1; then
		echo "ok $no - $name"
	else
		echo "not ok $no - $name"
		sed 's/^/# /' "$tmp/said"
		# shellcheck disable=SC2034	# whoever sources this exits with it
		failed=1
	fi
}

# need PROGRAM...: a lint that cannot look has not passed.
need() {
	for program; do
		command -v "$program" >/dev/null && continue
		echo "Bail out! $program is not installed: make deps"
		exit 2
	done
}

sources() { # DIRECTORY...: every C file, headers too
	find "$@" -type f -name '*.[ch]' 2>/dev/null | LC_ALL=C sort
}
