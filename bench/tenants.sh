#!/usr/bin/env bash
# Creating tenants: against a script of the final DDL, whatever the history.
#
# TENANTS: how many (default 1000).
source "$(dirname "$0")/lib.sh"
bench_server

tenants=${TENANTS:-1000}
batch=$((tenants / 10))

# Ten tables with their indexes, and keys among each other; "history" gets there
# in eleven steps, the others in one. None references a public table: PostgreSQL
# keeps two triggers there for each such key, and reads all of them again for
# the next, so that the thousandth tenant costs several times the first, by
# whichever way it is created.
final="bench_snapshots(10, 8, true, '{added}')"
for kind in short history; do
	bench_database $kind
	sql $kind <<SQL
SET client_min_messages = error;
DO \$\$
BEGIN
  IF '$kind' = 'history' THEN
    FOR i IN 1 .. 10 LOOP
      PERFORM ashmig_generate(bench_snapshots(i, 8, true), name => 'step ' || i);
    END LOOP;
  END IF;
  PERFORM ashmig_generate($final, name => 'final');
END
\$\$;
CREATE TABLE took (n integer, ashmig float, script float);
SQL
done
echo "SELECT bench_copy(version) FROM ashmig.migrations WHERE scope = 'tenant'" | sql short >/dev/null
psql -XqAt -d short -c "COPY bench_statements TO STDOUT" | psql -Xq -d history -c "COPY bench_statements FROM STDIN"

by_script="EXECUTE format('CREATE SCHEMA %I', tenant);
    PERFORM pg_catalog.set_config('search_path', quote_ident(tenant) || ', public', true);
    FOREACH statement IN ARRAY statements LOOP
      EXECUTE replace(statement, '@tenant@', quote_ident(tenant));
    END LOOP;"
by_ashmig="PERFORM ashmig_create_tenant(tenant);"

# Create tenants, a commit each, by turns in both ways, so that both meet the
# same machine and the same catalogs; note how long each took.
creating() { # DATABASE FIRST LAST
	sql "$1" <<SQL
SET client_min_messages = error;
SET synchronous_commit = off;
DO \$\$
DECLARE
  statements text[] := (SELECT array_agg(b.statement ORDER BY b.n) FROM public.bench_statements AS b WHERE NOT b.down);
  times timestamptz[];
  tenant text;
  statement text;
BEGIN
  FOR i IN $2 .. $3 LOOP
    times := ARRAY[clock_timestamp()];
    tenant := 'script_' || i;
    $by_script
    COMMIT;
    times := times || clock_timestamp();
    tenant := 'org_' || i;
    $by_ashmig
    COMMIT;
    times := times || clock_timestamp();
    INSERT INTO public.took VALUES (i, extract(epoch FROM times[3] - times[2]) * 1000, extract(epoch FROM times[2] - times[1]) * 1000);
    COMMIT;
  END LOOP;
END
\$\$;
SQL
}

# memory DATABASE WAY FIRST LAST: what a session's memory gained after the
# first twenty, in kB.
memory() {
	sql "$1" <<SQL
SET client_min_messages = error;
SELECT set_config('bench.memory', '0', false) AS c \\gset
DO \$\$
DECLARE
  statements text[] := (SELECT array_agg(b.statement ORDER BY b.n) FROM public.bench_statements AS b WHERE NOT b.down);
  tenant text;
  statement text;
BEGIN
  FOR i IN $3 .. $4 LOOP
    tenant := 'memory_' || i;
    $2
    COMMIT;
    IF i = $3 + 20 THEN
      PERFORM set_config('bench.memory', public.bench_memory()::text, false);
    END IF;
  END LOOP;
END
\$\$;
SELECT bench_memory() - current_setting('bench.memory')::bigint;
SQL
}

# The first of each session fills its caches and is not counted.
for start in $(seq 1 "$batch" $((batch * 10))); do
	for kind in short history; do
		creating $kind "$start" $((start + batch - 1))
	done
done

# median DATABASE WAY [CONDITION]
median() {
	echo "SELECT round(percentile_cont(0.5) WITHIN GROUP (ORDER BY $2)::numeric, 2) FROM took WHERE n % $batch <> 1 AND ${3:-true}" |
		sql "$1"
}
first="n <= $batch"
last="n > 9 * $batch"

heading "Creating $((batch * 10)) tenants of ten tables, a commit each (ms per tenant, median)"
row "one generation; the script of the final DDL" "$(median short ashmig)" "$(median short script)" 1.10
row "eleven generations; the script" "$(median history ashmig)" "$(median history script)" 1.10
row "the last tenth; the first tenth" "$(median short ashmig "$last")" "$(median short ashmig "$first")" 1.25
row "the script: the last tenth; the first tenth" "$(median short script "$last")" "$(median short script "$first")"

ashmig=$(memory short "$by_ashmig" 1 $((3 * batch)))
script=$(memory short "$by_script" 10001 $((10000 + 3 * batch)))
row "memory gained by $((3 * batch - 20)) tenants, kB; the script" "$ashmig" "$script" 1.25
