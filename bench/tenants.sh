#!/usr/bin/env bash
# Creating tenants: against a script of the final DDL, whatever the history.
#
# TENANTS: how many (default 1000).
source "$(dirname "$0")/lib.sh"
bench_server

tenants=${TENANTS:-1000}

# Ten tables with their indexes and keys; "history" gets there in steps, a
# table at a time and then the second generation of all.
final="bench_snapshots(10, 8, true, 2)"
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
CREATE TABLE took (n integer, ms numeric);
SQL
done

# Create them one by one, a commit each; note how long each took.
creating() { # DATABASE STATEMENT
	sql "$1" <<SQL
SET client_min_messages = error;
SET synchronous_commit = off;
SELECT set_config('bench.memory', '0', false) AS c \\gset
DO \$\$
DECLARE
  start timestamptz;
  tenant text;
  statement text;
BEGIN
  FOR i IN 1 .. $tenants LOOP
    start := clock_timestamp();
    tenant := 'org_' || i;
    $2
    COMMIT;
    INSERT INTO took VALUES (i, extract(epoch FROM clock_timestamp() - start) * 1000);
    IF i = $tenants / 10 THEN
      PERFORM set_config('bench.memory', bench_memory()::text, false);
    END IF;
  END LOOP;
END
\$\$;
SELECT round(avg(ms), 2) FROM took;
SELECT round(avg(ms), 2) FROM took WHERE n BETWEEN 2 AND $tenants / 10;
SELECT round(avg(ms), 2) FROM took WHERE n > $tenants - $tenants / 10;
SELECT bench_memory() - current_setting('bench.memory')::bigint;
SQL
}

by_script="EXECUTE format('CREATE SCHEMA %I', tenant);
    PERFORM set_config('search_path', quote_ident(tenant) || ', public', true);
    FOR statement IN SELECT * FROM public.bench_statements(tenant, 0) LOOP
      EXECUTE statement;
    END LOOP;"
by_ashmig="PERFORM ashmig_create_tenant(tenant);"

read -r script script_first script_last script_memory < <(creating script "$by_script" | paste -sd' ')
read -r short short_first short_last short_memory < <(creating short "$by_ashmig" | paste -sd' ')
read -r history _ _ _ < <(creating history "$by_ashmig" | paste -sd' ')

heading "Creating $tenants tenants of ten tables, a commit each (ms a tenant)"
row "one generation, the script of the final DDL" "$short" "$script" 1.10
row "eleven generations, the script" "$history" "$script" 1.10
row "last hundred, first hundred" "$short_last" "$short_first" 1.25
row "the script: last hundred, first hundred" "$script_last" "$script_first"
row "memory gained over the last 90 %, kB" "$short_memory" "$script_memory"
