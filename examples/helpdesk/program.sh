#!/bin/sh
# The sample application with the program ashmig, from an empty server to its
# second generation. Arguments: the resource_snapshots folders of both
# generations. Works in a folder of its own, which is gone at the end; the
# database "helpdesk_dev" stays.
set -eu

application=$(mktemp -d)
trap 'rm -rf "$application"' EXIT
cd "$application"
mkdir priv

run() {
	printf '\n$ ashmig'
	for word; do
		case $word in *\ *) printf " '%s'" "$word" ;; *) printf ' %s' "$word" ;; esac
	done
	echo
	ashmig "$@"
}

echo
echo '━━ The same with the program: migrations as files, for git'
cp -r "$1" priv/resource_snapshots
export PGDATABASE=helpdesk_dev
run create
run codegen 'first tables'
run migrate
run tenant create org_acme org_birch org_cedar

# The resources change. Whoever generates at a terminal is asked what was
# renamed; here the answers are in the file that keeps them.
rm -r priv/resource_snapshots
cp -r "$2" priv/resource_snapshots
cat >priv/ashmig/renames.json <<'END'
[
{"table": "tickets", "column": "body", "to": "description"},
{"table": "organizations", "column": "billing_email", "to": null}
]
END
run codegen 'second generation'
run migrate
run codegen --check
run status
run migrations
