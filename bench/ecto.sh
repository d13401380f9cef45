#!/usr/bin/env bash
# Running, against Ecto's own migrator: seven migrations that make five tables
# with foreign keys to a public table, over a fleet of tenants.
#
# Needs Elixir, and Ecto compiled: ECTO_LIBS names the folder where ecto_sql,
# postgrex and what they need lie, each with its ebin. Any application that uses
# AshPostgres has one: ECTO_LIBS=/path/to/application/_build/dev/lib scripts/bench ecto
#
# TENANTS: how many (default 200). ROUNDS: how often each is measured; the
# fastest counts (default 3).
#
# Each candidate gets a copy of the same database, where the schemas are there
# and nothing is in them. Migrations are written as AshPostgres writes them
# (ecto/migrations), and once more with the very statements of ashmig; that all
# make the same structure is checked. Of Ecto only the migrating counts, not the
# start of the virtual machine; of ashmig the workers' start counts.
source "$(dirname "$0")/lib.sh"

if ! command -v elixir >/dev/null; then
	echo "bench/ecto.sh: skipped, there is no elixir (Debian: apt-get install elixir)"
	exit 0
elif [ ! -e "${ECTO_LIBS:-}/ecto_sql/ebin/ecto_sql.app" ] || [ ! -e "$ECTO_LIBS/postgrex/ebin/postgrex.app" ]; then
	echo "bench/ecto.sh: skipped, ECTO_LIBS does not name a folder with ecto_sql and postgrex compiled,"
	echo "such as _build/dev/lib of an application that uses them"
	exit 0
fi
ERL_LIBS=$(cd "$ECTO_LIBS" && pwd)
export ERL_LIBS
bench_server

tenants=${TENANTS:-200}
bench_database fleet
sql fleet <<SQL
SET client_min_messages = error;
SELECT count(*) AS c FROM ashmig_apply(bench_public(), name => 'public') \\gset
DO \$\$
BEGIN
  FOR i IN 1 .. $tenants LOOP
    PERFORM ashmig_create_tenant('org_' || i);
  END LOOP;
  FOR i IN 1 .. 5 LOOP
    PERFORM ashmig_generate(bench_snapshots(i, 8, true, '{}', true), name => 'table ' || i);
  END LOOP;
  PERFORM ashmig_generate(bench_snapshots(5, 8, true, '{added}', true), name => 'added');
  PERFORM ashmig_generate(bench_snapshots(5, 8, true, '{added,more}', true), name => 'more');
END
\$\$;
SQL

# ashmig's statements as migrations for Ecto that execute them as they are
mkdir "$work/statements"
for version in $(echo "SELECT version FROM ashmig.migrations WHERE scope = 'tenant'" | sql fleet); do
	sql fleet >"$work/statements/${version}_statements.exs" <<SQL
SELECT format(E'defmodule Bench.Repo.Statements.M%s do\n  use Ecto.Migration\n\n  def up do\n%s  end\nend', version,
         string_agg(format(E'    execute ~s"""\n    %s\n    """\n',
           replace(replace(statement, '@tenant@', '"#{prefix()}"'), '@default@', 'public')), E'\n' ORDER BY n))
  FROM ashmig.migrations, unnest(up) WITH ORDINALITY AS u (statement, n)
 WHERE scope = 'tenant' AND version = $version
 GROUP BY version;
SQL
done

# What each prints: the milliseconds of a run, and of one with nothing to do
ecto() { # DATABASE HOW FOLDER
	PGDATABASE=$1 elixir "$work/src/bench/ecto/migrate.exs" "$2" "$3"
}

ashmig() { # DATABASE WORKERS
	sql "$1" <<SQL
SELECT clock_timestamp() AS t1 \\gset
SELECT count(*) AS c FROM ashmig_migrate_tenants(workers => $2, quiet => true) \\gset
SELECT clock_timestamp() AS t2 \\gset
SELECT count(*) AS c FROM ashmig_migrate_tenants(workers => $2, quiet => true) \\gset
SELECT format('%s %s', round(extract(epoch FROM :'t2'::timestamptz - :'t1') * 1000),
              round(extract(epoch FROM clock_timestamp() - :'t2') * 1000));
SQL
}

# The structure of the last tenant, without Ecto's own table, and without the
# key against injection that newer versions of pg_dump make up
structure() { # DATABASE
	pg_dump --schema-only --schema="org_$tenants" --exclude-table="org_$tenants.schema_migrations" "$1" |
		grep -v '^\\\(un\)\?restrict ' >"$work/$1.sql"
}

# The smallest times of all rounds are kept in "best" and in "nothing".
declare -A best nothing
measure() { # NAME COMMAND ...
	local name=$1 first second

	dropdb --if-exists "$name" 2>/dev/null
	createdb -T fleet "$name"
	printf 'VACUUM;\nCHECKPOINT;\n' | sql "$name"
	read -r first second < <("$2" "$name" "${@:3}") || die "A measurement failed."
	best[$name]=$(smaller "${best[$name]:-}" "$first")
	nothing[$name]=$(smaller "${nothing[$name]:-}" "$second")
	structure "$name"
	diff "$work/two.sql" "$work/$name.sql" >&2 || die "$name: another structure than ashmig's."
}

for _ in $(seq "${ROUNDS:-3}"); do
	measure two ashmig 2
	measure one ashmig 1
	measure modules ecto modules "$work/src/bench/ecto/migrations"
	measure statements ecto modules "$work/statements"
	measure files ecto files "$work/src/bench/ecto/migrations"
done

heading "$tenants tenants x 7 migrations, five tables with foreign keys to a public table: Ecto and ashmig"
row "Ecto, compiled before; two workers, ms" "${best[modules]}" "${best[two]}"
row "Ecto, compiled before; one worker, ms" "${best[modules]}" "${best[one]}"
row "Ecto, ashmig's statements; two workers, ms" "${best[statements]}" "${best[two]}"
row "Ecto, ashmig's statements; one worker, ms" "${best[statements]}" "${best[one]}"
row "Ecto, as ash_postgres.migrate; two workers, ms" "${best[files]}" "${best[two]}"
row "Ecto, as ash_postgres.migrate; one worker, ms" "${best[files]}" "${best[one]}"
row "nothing to do: Ecto; ashmig, ms" "${nothing[modules]}" "${nothing[two]}"
