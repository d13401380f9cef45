# shellcheck shell=bash
# What the measurements share: a server with the settings that a user would
# have, sample tables of any number, a clock, a table of results. All figures
# of a script come from one run on one machine; what counts are the ratios.
#
# The server syncs to disk; FSYNC=off leaves that out, where the disk is slow or
# others use it, and TMPDIR=/dev/shm puts all of it in memory.
#
# RESULTS names a file (its whole path) that the figures are added to as well, tab-separated:
# heading, what, first, second, ratio, bound. scripts/bench-page makes the page of
# the documentation from it.
source "$(dirname "${BASH_SOURCE[0]}")/../scripts/lib.sh"

bench_server() {
	need_packages
	private_install
	start_server "fsync=${FSYNC:-on}" full_page_writes=on synchronous_commit=on \
		shared_buffers=256MB max_wal_size=4GB "$@"
	if [ -n "${RESULTS:-}" ] && [ ! -s "$RESULTS" ]; then
		echo "# $(postgres --version), $(nproc) cores, fsync ${FSYNC:-on}, files on $(stat -f -c %T "$work")" >"$RESULTS"
	fi
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

heading() {
	title=$1
	printf '\n%s\n\n%-46s %12s %12s %8s  %s\n' "$1" "what" "first" "second" "ratio" "bound"
}

# figure WHAT FIRST SECOND RATIO BOUND: one line of the table, and whether the
# bound is kept: by the ratio, or where there is none, by the figure itself.
figure() {
	local verdict=""

	if [ -n "$5" ]; then
		verdict=$(awk -v is="${4:-$2}" -v bound="$5" 'BEGIN { print "<= " bound (is + 0 <= bound + 0 ? "" : " MISSED") }')
	fi
	printf '%-46s %12s %12s %8s  %s\n' "$1" "$2" "$3" "$4" "$verdict"
	[ -z "${RESULTS:-}" ] || printf '%s\t%s\t%s\t%s\t%s\t%s\n' "$title" "$1" "$2" "$3" "$4" "$5" >>"$RESULTS"
}

# row WHAT FIRST SECOND [BOUND]: a line with the ratio.
row() {
	figure "$1" "$2" "$3" "$(awk -v first="$2" -v second="$3" 'BEGIN { printf "%.2f", (second > 0 ? first / second : 0) }')" "${4:-}"
}

# plain WHAT VALUE [BOUND]: a line with one figure.
plain() { figure "$1" "$2" "" "" "${3:-}"; }
