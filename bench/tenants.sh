#!/usr/bin/env bash
# Creating tenants: against a script of the final DDL, whatever the history.
#
# TENANTS: how many (default 1000).
source "$(dirname "$0")/lib.sh"
bench_server

tenants=${TENANTS:-1000}
batch=$((tenants / 10))

# Ten tables with their indexes and keys; "history" gets there in eleven
# steps, the others in one.
final="bench_snapshots(10, 8, true, 'table_', '{added}')"
for kind in script short history; do
	bench_database $kind
	sql $kind <<SQL
SET client_min_messages = error;
SELECT count(*) AS c FROM ashmig_apply(bench_public(), name => 'public') \\gset
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
SELECT count(bench_copy(version, '', '')) AS c FROM ashmig.migrations WHERE scope = 'tenant' \\gset
CREATE TABLE took (n integer, ms numeric);
SQL
done

by_script="EXECUTE format('CREATE SCHEMA %I', tenant);
    PERFORM pg_catalog.set_config('search_path', quote_ident(tenant) || ', public', true);
    FOREACH statement IN ARRAY statements LOOP
      EXECUTE replace(statement, '@tenant@', quote_ident(tenant));
    END LOOP;"
by_ashmig="PERFORM ashmig_create_tenant(tenant);"

# Create them one by one, a commit each, and note how long each took; print
# what the session's memory gained after the first twenty.
creating() { # DATABASE STATEMENT FIRST LAST
	sql "$1" <<SQL
SET client_min_messages = error;
SET synchronous_commit = off;
SELECT set_config('bench.memory', '0', false) AS c \\gset
DO \$\$
DECLARE
  statements text[] := (SELECT array_agg(b.statement ORDER BY b.n) FROM bench_statements AS b);
  start timestamptz;
  tenant text;
  statement text;
BEGIN
  FOR i IN $3 .. $4 LOOP
    start := clock_timestamp();
    tenant := 'org_' || i;
    $2
    COMMIT;
    INSERT INTO public.took VALUES (i, extract(epoch FROM clock_timestamp() - start) * 1000);
    IF i = $3 + 20 THEN
      PERFORM set_config('bench.memory', public.bench_memory()::text, false);
    END IF;
  END LOOP;
END
\$\$;
SELECT bench_memory() - current_setting('bench.memory')::bigint;
SQL
}

# In turns, so that all three meet the same machine. The first of each session
# fills its caches and is not counted.
for start in $(seq 1 "$batch" $((batch * 10))); do
	for kind in script short history; do
		if [ $kind = script ]; then how=$by_script; else how=$by_ashmig; fi
		creating $kind "$how" "$start" $((start + batch - 1)) >/dev/null
	done
done

# average DATABASE [CONDITION]
average() { echo "SELECT round(avg(ms), 2) FROM took WHERE n % $batch <> 1 AND ${2:-true}" | sql "$1"; }
first="n <= $batch"
last="n > 9 * $batch"

heading "Creating $((batch * 10)) tenants of ten tables, a commit each (ms a tenant)"
row "one generation; the script of the final DDL" "$(average short)" "$(average script)" 1.10
row "eleven generations; the script" "$(average history)" "$(average script)" 1.10
row "the last tenth; the first tenth" "$(average short "$last")" "$(average short "$first")" 1.25
row "the script: the last tenth; the first tenth" "$(average script "$last")" "$(average script "$first")"

more=$((batch * 10 + 1))
short=$(creating short "$by_ashmig" $more $((more + 3 * batch)))
script=$(creating script "$by_script" $more $((more + 3 * batch)))
row "memory gained by $((3 * batch - 20)) tenants, kB; the script" "$short" "$script" 1.25
