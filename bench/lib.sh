# shellcheck shell=bash
# What the measurements share: a server with the settings that a user would
# have, sample tables of any number, a clock, a table of results. All figures
# of a script come from one run on one machine; what counts are the ratios.
#
# The server syncs to disk; FSYNC=off leaves that out, where the disk is slow or
# others use it.
source "$(dirname "${BASH_SOURCE[0]}")/../scripts/lib.sh"

bench_server() {
	need_packages
	private_install
	start_server "fsync=${FSYNC:-on}" full_page_writes=on synchronous_commit=on \
		shared_buffers=256MB max_wal_size=4GB "$@"
}

# sql DATABASE: run a script of standard input, print plain rows.
sql() { psql -XqAt -v ON_ERROR_STOP=1 -d "$1"; }

# A database with the extension and the functions of bench/functions.sql.
bench_database() {
	createdb "$1"
	{ echo "CREATE EXTENSION ashmig;"; cat "$work/src/bench/functions.sql"; } | sql "$1"
}

# milliseconds DATABASE: run the script of standard input, print how long it took.
milliseconds() {
	local script start stop

	script=$(mktemp "$work/script.XXXXXX")
	cat >"$script"
	start=${EPOCHREALTIME/[.,]/}
	psql -Xq -v ON_ERROR_STOP=1 -d "$1" -f "$script" >"$work/bench.log" 2>&1 ||
		{ cat "$work/bench.log" >&2; die "A measurement failed."; }
	stop=${EPOCHREALTIME/[.,]/}
	rm -f "$script"
	echo $(((stop - start) / 1000))
}

# smaller A B: the smaller of two numbers, where A may be empty.
smaller() { if [ -z "$1" ] || [ "$2" -lt "$1" ]; then echo "$2"; else echo "$1"; fi; }

heading() { printf '\n%s\n\n%-46s %12s %12s %8s  %s\n' "$1" "what" "it" "against" "ratio" "bound"; }

# row WHAT IT AGAINST [BOUND]: a line with the ratio, and whether it is kept.
row() {
	awk -v what="$1" -v it="$2" -v against="$3" -v bound="${4:-}" 'BEGIN {
		ratio = against > 0 ? it / against : 0
		printf "%-46s %12s %12s %8.2f  %s\n", what, it, against, ratio,
			bound == "" ? "" : (ratio <= bound ? "<= " bound : "<= " bound " MISSED")
	}'
}

# plain WHAT VALUE UNIT [BOUND]: a line with one figure.
plain() {
	awk -v what="$1" -v it="$2" -v unit="$3" -v bound="${4:-}" 'BEGIN {
		printf "%-46s %12s %12s %8s  %s\n", what, it, unit, "",
			bound == "" ? "" : (it <= bound ? "<= " bound : "<= " bound " MISSED")
	}'
}
