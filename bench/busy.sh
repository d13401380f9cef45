#!/usr/bin/env bash
# A fleet under load: how long statements take while an online migration changes the tables
# that they use, against before. A foreign key, a NOT NULL, a unique index and a change of type
# that rewrites, all in the table that everybody reads and writes.
#
# TENANTS: how many (default 1000); ROWS: in each (default 500); RATE: transactions per second
# (default 100); SECONDS_BEFORE: how long the load is measured alone (default 30).
source "$(dirname "$0")/lib.sh"

tenants=${TENANTS:-1000}
rows=${ROWS:-500}
rate=${RATE:-100}
before=${SECONDS_BEFORE:-30}
lock_timeout=1000
bench_server max_locks_per_transaction=256
bench_database busy
sql busy <<SQL
SET client_min_messages = error;
CREATE FUNCTION bench_items(changed boolean) RETURNS jsonb LANGUAGE sql AS
\$\$
  SELECT jsonb_agg(t || jsonb_build_object('schema', NULL, 'repo', 'Elixir.Bench.Repo',
    'multitenancy', '{"strategy": "context", "attribute": null, "global": null}'::jsonb))
    FROM (VALUES
      (jsonb_build_object('table', 'owners', 'attributes', jsonb_build_array(
        bench_attribute('id', '"bigint"', '{"primary_key?": true, "allow_nil?": false}')))),
      (jsonb_build_object('table', 'items',
        'identities', CASE WHEN changed THEN '[{"name": "code", "keys": ["code"], "index_name": "items_code_index", "base_filter": null}]'::jsonb ELSE '[]' END,
        'attributes', jsonb_build_array(
          bench_attribute('id', '"bigint"', '{"primary_key?": true, "allow_nil?": false}'),
          bench_attribute('code', '"text"', jsonb_build_object('allow_nil?', NOT changed)),
          bench_attribute('amount', CASE WHEN changed THEN '"decimal"' ELSE '"bigint"' END::jsonb),
          bench_attribute('owner_id', '"bigint"', CASE WHEN changed THEN jsonb_build_object('references',
            jsonb_build_object('table', 'owners', 'schema', 'public', 'destination_attribute', 'id', 'name', 'items_owner_id_fkey',
              'multitenancy', '{"strategy": "context", "attribute": null, "global": null}'::jsonb)) ELSE '{}' END),
          bench_attribute('note', '"text"'))))) AS tables (t)
\$\$;
SELECT count(*) AS c FROM ashmig_apply(bench_items(false), name => 'before') \gset
DO \$\$
BEGIN
  FOR i IN 1 .. $tenants LOOP
    PERFORM ashmig_create_tenant('org_' || i);
    EXECUTE format('INSERT INTO org_%s.owners SELECT generate_series(1, 10)', i);
    EXECUTE format('INSERT INTO org_%s.items SELECT n, ''code '' || n, n, n %% 10 + 1, repeat(''x'', 100) FROM generate_series(1, $rows) AS n', i);
    IF i % 50 = 0 THEN COMMIT; END IF;
  END LOOP;
END
\$\$;
VACUUM ANALYZE;
CHECKPOINT;
SQL

cat >"$work/load.sql" <<SQL
\set tenant random(1, $tenants)
\set item random(1, $rows)
\set new random($rows + 1, 2000000000)
SELECT code, amount FROM org_:tenant.items WHERE id = :item;
UPDATE org_:tenant.items SET amount = amount + 1 WHERE id = :item;
INSERT INTO org_:tenant.items (id, code, amount, owner_id) VALUES (:new, 'code ' || :new, 1, 3) ON CONFLICT DO NOTHING;
SQL

# load NAME OPTION...: the load, whose times are left in files called NAME.*
load() {
	local name=$1
	shift
	(cd "$work" && pgbench -n -f load.sql -c 4 -R "$rate" -l --log-prefix="$name" "$@" busy >"$work/$name.out" 2>&1)
}

# percentile NAME PART: milliseconds that so many of the transactions took at most, without what
# pgbench itself came late
percentile() {
	cat "$work/$1".[0-9]* | awk 'NF == 7 { print ($3 - $7) / 1000 }' | sort -n | awk -v part="$2" '{ v[NR] = $1 } END { n = int(NR * part + 0.999); print v[n < 1 ? 1 : n] }'
}

heading "Under load: $tenants tenants of $rows rows, $rate transactions a second, ms"
load before -T "$before"
load during -T 7200 &
loader=$!
start=${EPOCHREALTIME/[.,]/}
sql busy >/dev/null <<SQL
SET client_min_messages = error;
SET ashmig.online_threshold = 0;
SET ashmig.lock_timeout = '${lock_timeout}ms';
SET ashmig.workers = 1;
SELECT count(*) FROM ashmig_apply(bench_items(true), name => 'after', online => true);
CALL ashmig_wait();
SQL
took=$(((${EPOCHREALTIME/[.,]/} - start) / 1000))
pkill -INT -P $loader pgbench || kill -INT $loader || true
wait $loader || true
changed=$(sql busy <<<"SELECT count(*) FROM pg_attribute AS a JOIN pg_class AS c ON c.oid = attrelid WHERE relname = 'items' AND attname = 'amount' AND atttypid = 'numeric'::regtype AND relnamespace::regnamespace::text LIKE 'org_%'")
[ "$changed" = "$tenants" ] || die "$changed of $tenants tenants are migrated."
! grep -q ERROR "$work/during.out" || { cat "$work/during.out" >&2; die "The application saw errors."; }
row "99 of 100 take at most, during and before" "$(percentile during 0.99)" "$(percentile before 0.99)" 2
row "the longest, and lock_timeout" "$(percentile during 1)" "$lock_timeout" 1
plain "the migration of all tenants took" "$took"
