# shellcheck shell=bash
# What test, demo and bench share: the packages, a private server, the end.
#
# PostgreSQL finds its files relative to its own executable, so a copy of the
# executables among links to the rest is an installation of its own. The
# extension is installed there: the system's PostgreSQL is only read, no root
# is needed once the packages are there, and several of these may run at once.
#
# Settings: PG_CONFIG, TMPDIR, KEEP=1 (keep the folder and say where it is).

set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
work=""			# the temporary folder, once there is one
as_server=()	# what to put before a command that runs as the server's user

say() { printf '%s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

# ---------------------------------------------------------------- packages

# The pg_config of an installation that has both the server and its headers.
find_pg_config() {
	local candidate
	for candidate in ${PG_CONFIG:+"$PG_CONFIG"} \
			$(ls -vr /usr/lib/postgresql/*/bin/pg_config 2>/dev/null) \
			"$(command -v pg_config || true)"; do
		[ -n "$candidate" ] && command -v "$candidate" >/dev/null || continue
		[ -e "$("$candidate" --pgxs 2>/dev/null)" ] || continue
		# Debian's server package brings PGXS; the headers come with another.
		[ -e "$("$candidate" --includedir-server)/postgres.h" ] || continue
		[ -x "$("$candidate" --bindir)/postgres" ] || continue
		printf '%s\n' "$candidate"
		return
	done
}

# Run a command as root; need_packages has made sure that there is a way.
as_root() {
	if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

apt_install() {
	local log

	say "installing $*"
	log=$(as_root env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y \
		--no-install-recommends -o Dpkg::Use-Pty=0 "$@" 2>&1 </dev/null) ||
		{ tail -n 20 <<<"$log" >&2; die "apt-get could not install: $*"; }
}

# Debian starts a "main" cluster with a server package. This one is wanted for
# its files alone, so the wish is told before and withdrawn after.
install_server() {
	local conf=/etc/postgresql-common/createcluster.d made=""

	apt_install postgresql-common
	[ -d $conf ] || { as_root mkdir -p $conf; made=yes; }
	echo "create_main_cluster = false" | as_root tee $conf/ashmig.conf >/dev/null
	if ! (apt_install "$@"); then
		made="$made failed"
	fi
	as_root rm -f $conf/ashmig.conf
	case $made in yes*) as_root rmdir --ignore-fail-on-non-empty $conf ;; esac
	case $made in *failed) exit 1 ;; esac
}

# Does the compiler find a header, in the folder if one is given?
has_header() {
	echo "#include <$1>" | cc -E -x c ${2:+-I"$2"} - >/dev/null 2>&1
}

# Install what is missing, from Debian's archive; sets PG_CONFIG. "tests" asks
# for what the tests need as well. The formatter is not worth stopping for:
# without it, its check is skipped.
need_packages() {
	local missing=() wanted=() server=() version=""

	PG_CONFIG=$(find_pg_config)
	command -v cc >/dev/null || command -v gcc >/dev/null || missing+=(gcc libc6-dev)
	command -v make >/dev/null || missing+=(make)
	has_header cjson/cJSON.h || missing+=(libcjson-dev)
	# Debian's packages of server headers bring libpq's along.
	[ -z "$PG_CONFIG" ] || has_header libpq-fe.h "$("$PG_CONFIG" --includedir)" || missing+=(libpq-dev)
	if [ "${1:-}" = tests ]; then
		perl -MTest::More -e 1 2>/dev/null || missing+=(perl)
		perl -MIPC::Run -e 1 2>/dev/null || missing+=(libipc-run-perl)
		perl -MIO::Pty -e 1 2>/dev/null || missing+=(libio-pty-perl)
		command -v git >/dev/null || missing+=(git)
		command -v pg_bsd_indent >/dev/null || wanted=(pg-bsd-indent)
	fi
	if [ -n "$PG_CONFIG" ] && [ ${#missing[@]} = 0 ]; then
		[ ${#wanted[@]} != 0 ] && command -v apt-get >/dev/null || return 0
		[ "$(id -u)" = 0 ] || sudo -n true 2>/dev/null || return 0
	fi

	command -v apt-get >/dev/null ||
		die "Please install PostgreSQL 14 or later with its server headers (PG_CONFIG may name its pg_config), libpq and libcjson with their headers, make, a C compiler, and for the tests git and Perl's IPC::Run and IO::Pty."
	if [ "$(id -u)" != 0 ] && ! command -v sudo >/dev/null; then
		[ -n "$PG_CONFIG" ] || missing+=("postgresql, and postgresql-server-dev-NN of its version")
		die "Packages are missing, and neither root nor sudo is here to install them: ${missing[*]}"
	fi
	say "fetching the package lists"
	as_root apt-get update -qq >/dev/null 2>&1 || say "apt-get update failed; going on with the lists there are"
	if [ -z "$PG_CONFIG" ]; then
		# The version that is installed already, or else Debian's own.
		version=$(ls -v /usr/lib/postgresql/*/bin/postgres 2>/dev/null | tail -n 1 | cut -d/ -f5 || true)
		[ -n "$version" ] ||
			version=$(apt-cache depends postgresql | sed -n 's/.*Depends: postgresql-\([0-9]*\)$/\1/p' | head -n 1 || true)
		[ -n "$version" ] || die "apt-get knows no package postgresql."
		[ -x "/usr/lib/postgresql/$version/bin/postgres" ] || server+=("postgresql-$version")
		missing+=("postgresql-server-dev-$version")
	fi
	[ ${#server[@]} = 0 ] || install_server "${server[@]}"
	[ ${#missing[@]} = 0 ] || apt_install "${missing[@]}"
	if [ ${#wanted[@]} != 0 ] && apt-cache show "${wanted[@]}" >/dev/null 2>&1; then
		(apt_install "${wanted[@]}") || true
	fi
	[ -n "$PG_CONFIG" ] || PG_CONFIG=$(find_pg_config)
	[ -n "$PG_CONFIG" ] || die "The packages are installed, yet there is no pg_config with the server beside it."
}

# ------------------------------------------------------------ private server

# Stop whatever test or server lives below the folder, tests' own servers too,
# and remove the folder. Runs at every end, by error and by Ctrl-C as well.
clean_up() {
	local status=$? pid_file pid

	trap '' INT TERM HUP
	[ -n "$work" ] && [ -d "$work" ] || exit $status
	for pid in /proc/[0-9]*; do
		case $(readlink "$pid/cwd" 2>/dev/null || true) in "$work/src") kill "${pid#/proc/}" 2>/dev/null || true ;; esac
	done
	while IFS= read -r pid_file; do
		pid=$(head -n 1 "$pid_file")
		kill -QUIT "$pid" 2>/dev/null || true
		for _ in $(seq 50); do kill -0 "$pid" 2>/dev/null || break; sleep 0.1; done
	done < <(find "$work" -name postmaster.pid 2>/dev/null)
	cd /
	if [ -n "${KEEP:-}" ]; then say "kept: $work"; else rm -rf "$work"; fi
	exit $status
}

# An installation of PostgreSQL of our own, below a folder: links to the files of
# the one that a pg_config is of, and copies of its programs. Prints its bindir.
copy_postgres() {
	local pg_config=$1 folder=$2 dir prefix program

	for dir in sharedir pkglibdir; do
		prefix=$("$pg_config" --$dir)
		mkdir -p "$folder$prefix"
		cp -rsf "$prefix/." "$folder$prefix/"
	done
	prefix=$("$pg_config" --bindir)
	mkdir -p "$folder$prefix"
	for program in postgres initdb pg_ctl pg_config psql createdb dropdb pg_dump pg_dumpall pg_restore pgbench \
			pg_isready pg_controldata pg_basebackup pg_resetwal pg_upgrade vacuumdb; do
		if [ -x "$prefix/$program" ]; then cp -L "$prefix/$program" "$folder$prefix/"; fi
	done
	# An installed ashmig is not the one to try.
	rm -f "$folder$("$pg_config" --sharedir)"/extension/ashmig[.-]* \
		"$folder$("$pg_config" --pkglibdir)/ashmig.so"
	printf '%s\n' "$folder$prefix"
}

# Build the extension from a copy of the sources, and install it there.
# The sources are copied since the server's user may not be able to read
# where they lie, and so that nothing of this is left there.
build_extension() {
	local pg_config=$1 folder=$2 src=$3 log=$3.log

	mkdir "$src"
	tar -C "$root" -cf - --exclude=./.git --exclude='*.o' --exclude='*.so' --exclude='*.bc' \
		--exclude=./tmp_check --exclude=./output_iso --exclude=./results . |
		tar -C "$src" --no-same-owner -xf -
	say "building ashmig for $("$pg_config" --version)"
	env -u MAKEFLAGS make -s -j"$(nproc)" -C "$src" PG_CONFIG="$pg_config" >"$log" 2>&1 ||
		{ cat "$log" >&2; die "The build failed."; }
	! grep -q 'warning:' "$log" || { cat "$log" >&2; die "The build warns."; }
	env -u MAKEFLAGS make -s -C "$src" PG_CONFIG="$pg_config" DESTDIR="$folder" install >>"$log" 2>&1 ||
		{ cat "$log" >&2; die "The installation failed."; }
}

# Make the folder, and with it an installation of our own with the extension.
private_install() {
	local base=${TMPDIR:-/tmp}

	# A socket's path must fit into 107 bytes.
	[ ${#base} -le 60 ] && [ -w "$base" ] || base=/tmp
	trap clean_up EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM HUP
	work=$(mktemp -d "$base/ashmig.XXXXXX")
	chmod 755 "$work"

	if [ "$(id -u)" = 0 ]; then
		id postgres >/dev/null 2>&1 || die "PostgreSQL does not run as root, and there is no user postgres."
		as_server=(runuser -u postgres --)
		chown postgres "$work"
		"${as_server[@]}" test -x "$work" ||
			die "The user postgres cannot enter $base: set TMPDIR to a folder that it can."
	fi

	bindir=$(copy_postgres "$PG_CONFIG" "$work/pg")
	build_extension "$PG_CONFIG" "$work/pg" "$work/src"
	if [ "$(id -u)" = 0 ]; then
		chown -R postgres "$work/src"
		# A test adds a version of the extension.
		chown postgres "$work/pg$("$PG_CONFIG" --sharedir)/extension"
	fi
	chmod -R a+rX "$work"
	cd "$work"

	export PATH="$bindir:$PATH" PSQLRC=/dev/null PAGER=cat LC_ALL=C.UTF-8
	export PGHOST="$work/socket" PGPORT=5432 PGUSER=postgres PGDATABASE=postgres
	unset PGOPTIONS PGSERVICE PGPASSFILE PGSSLMODE PGTZ PGDATESTYLE LANGUAGE
	mkdir "$PGHOST"
	if [ "$(id -u)" = 0 ]; then chown postgres "$PGHOST"; fi
}

# The major version of the installation that a pg_config is of
major_version() { "$1" --version | sed -E 's/^PostgreSQL ([0-9]+).*/\1/'; }

# What the test of pg_upgrade upgrades from, with the extension: an earlier version of
# PostgreSQL, of the pg_config PG_CONFIG_OLD or the oldest one that Debian has installed
# beside ours; or else ours, as pg_upgrade also makes a new cluster of the same version.
# Sets OLD_BINDIR.
old_install() {
	local candidate

	export OLD_BINDIR=$bindir
	for candidate in ${PG_CONFIG_OLD:+"$PG_CONFIG_OLD"} $(ls -v /usr/lib/postgresql/*/bin/pg_config 2>/dev/null); do
		[ -x "$("$candidate" --bindir)/postgres" ] && [ -e "$("$candidate" --includedir-server)/postgres.h" ] &&
			[ "$(major_version "$candidate")" -lt "$(major_version "$PG_CONFIG")" ] || continue
		OLD_BINDIR=$(copy_postgres "$candidate" "$work/pg_old")
		build_extension "$candidate" "$work/pg_old" "$work/src_old"
		chmod -R a+rX "$work/pg_old"
		return
	done
}

# Start the private server; arguments are settings, "name=value". It listens
# on a socket in the folder and nowhere else.
start_server() {
	local setting

	"${as_server[@]}" initdb -D "$work/data" -U postgres -A trust -E UTF8 \
		--locale=C.UTF-8 --no-sync >"$work/initdb.log" 2>&1 ||
		{ cat "$work/initdb.log" >&2; die "initdb failed."; }
	{
		printf "%s\n" "listen_addresses = ''" "unix_socket_directories = '$PGHOST'" \
			"fsync = off" "full_page_writes = off" "max_connections = 50" \
			"log_min_messages = warning" "log_line_prefix = '%m [%p] %q%a '"
		for setting in "$@"; do printf "%s = '%s'\n" "${setting%%=*}" "${setting#*=}"; done
	} >>"$work/data/postgresql.conf"
	"${as_server[@]}" pg_ctl -D "$work/data" -l "$work/server.log" -w start >/dev/null ||
		{ cat "$work/server.log" >&2; die "The private server did not start."; }
}

# One script of t/, with servers of its own. Of those that take longer than so
# many seconds the status is 124; 0: as long as it takes.
tap_script() {
	local name=$1 timeout=$2 pgxs

	pgxs=$(dirname "$("$PG_CONFIG" --pgxs)")/../..
	mkdir -p "$work/tap/$name"
	if [ "$(id -u)" = 0 ]; then chown postgres "$work/tap" "$work/tap/$name"; fi
	(cd "$work/src" && "${as_server[@]}" env -u PGHOST -u PGPORT -u PGUSER -u PGDATABASE \
		TESTDIR="$work/tap/$name" TESTDATADIR="$work/tap/$name/data" TESTLOGDIR="$work/tap/$name/log" \
		TMPDIR="$work/tap/$name" PGCTLTIMEOUT=300 LANG=C.UTF-8 PG_REGRESS="$pgxs/src/test/regress/pg_regress" \
		timeout -k 10 "$timeout" \
		perl -I "$pgxs/src/test/perl" -I t/lib "t/$name.pl") </dev/null
}

# Sets "good" and "bad" to what the log of such a script counts; one that ended in
# another way has one bad test at least.
count_tap() {
	local log=$1 status=$2

	good=$(grep -c '^ok ' "$log" || true)
	bad=$(grep -c '^not ok ' "$log" || true)
	[ "$status" = 0 ] || [ "$bad" -gt 0 ] || bad=1
}

# The sample application, with SQL and with the program, into a database each. It lies in one folder, as
# in an application's repository today; its first generation is what lay there
# before the second was written.
run_sample() {
	local second=$work/src/examples/helpdesk/priv/resource_snapshots first=$work/generation-1

	cp -r "$second" "$first" &&
		find "$first" -name '20260420*.json' -delete &&
		find "$first" -type d -empty -delete &&
		chmod -R a+rX "$first" &&
		createdb helpdesk &&
		psql -X -v generation_1="$first" -v generation_2="$second" -d helpdesk \
			-f "$work/src/examples/helpdesk/demo.sql" &&
		"$work/src/examples/helpdesk/program.sh" "$first" "$second"
}
