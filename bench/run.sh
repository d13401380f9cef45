#!/usr/bin/env bash
# Running: fleets of tenants, against the same statements run without ashmig.
#
# FLEETS: sizes to measure (default "100 1000").
source "$(dirname "$0")/lib.sh"
bench_server max_locks_per_transaction=2048

# Empty tenants for which a migration of five tables is recorded, and tenants
# with those tables, for which one is recorded that alters each.
prepare() { # DATABASE TENANTS KIND
	bench_database "$1"
	sql "$1" <<SQL
SET client_min_messages = error;
SELECT count(*) AS c FROM ashmig_apply(bench_public(), name => 'public') \\gset
DO \$\$
BEGIN
  IF '$3' = 'alter' THEN
    PERFORM ashmig_generate(bench_snapshots(5, 8, true), name => 'first');
  END IF;
END
\$\$;
DO \$\$
BEGIN
  FOR i IN 1 .. $2 LOOP
    PERFORM ashmig_create_tenant('org_' || i);
    COMMIT;
  END LOOP;
END
\$\$;
SELECT count(*) AS c FROM ashmig_generate(bench_snapshots(5, 8, true, CASE '$3' WHEN 'alter' THEN 2 ELSE 1 END), name => 'measured') \\gset
VACUUM ANALYZE;
SQL
}

# What a candidate takes on a fresh copy; the last one's database is "copy".
candidate() { # BASE
	fresh_copy "$1" copy
	milliseconds copy
}

after() { echo "SELECT coalesce(max(version), 0) FROM ashmig.versions WHERE scope = 'tenant'" | sql "$1"; }
tenant_script() {
	sql "$1" <<SQL
SELECT 'BEGIN; SET LOCAL search_path = ' || quote_ident(schema_name) || ', public; '
    || (SELECT string_agg(s || '; ', '') FROM bench_statements(schema_name, $(after "$1")) AS s) || 'COMMIT;'
  FROM ashmig.tenants ORDER BY schema_name;
SQL
}

for tenants in ${FLEETS:-100 1000}; do
	for kind in create alter; do
		base=base_${kind}_$tenants
		prepare "$base" "$tenants" $kind
		from=$(after "$base")
		loop=$(echo "CALL bench_loop($from, true)" | candidate "$base")
		one=$(echo "SELECT * FROM ashmig_migrate_tenants(workers => 1)" | candidate "$base")
		two=$(echo "SELECT * FROM ashmig_migrate_tenants(workers => 2)" | candidate "$base")
		again=$(sql copy <<'SQL'
SELECT count(*) AS c FROM ashmig_migrate_all() \gset
SELECT clock_timestamp() AS start \gset
SELECT count(*) AS c FROM ashmig_migrate_all() \gset
SELECT round(extract(epoch FROM clock_timestamp() - :'start') * 1000, 1);
SQL
)
		serial=$(tenant_script "$base" | candidate "$base")

		heading "$tenants tenants, $([ $kind = create ] && echo "five tables created in each" || echo "five tables altered in each, an index added")"
		row "one worker, a PL/pgSQL loop with commits, ms" "$one" "$loop" 1.10
		row "one worker, one psql, a transaction each, ms" "$one" "$serial"
		row "two workers, one worker, ms" "$two" "$one" "$([ $kind = create ] && [ "$tenants" -ge 1000 ] && echo 0.70)"
		plain "nothing to do, ms" "$again" "" 50
		if [ "$tenants" -le 1000 ]; then
			together=$(echo "CALL bench_loop($from, false)" | candidate "$base")
			atomic=$(echo "SELECT * FROM ashmig_migrate_tenants(atomic => true)" | candidate "$base")
			row "atomic, a loop in one transaction, ms" "$atomic" "$together" 1.10
		fi
		dropdb copy
		dropdb "$base"
	done
done

# A run with nothing to do, over many tenants with a history: the catalog is
# filled by hand, as ten thousand schemas with tables would take an hour.
bench_database many
nothing=$(sql many <<'SQL'
SET client_min_messages = error;
DO $$
BEGIN
  FOR i IN 1 .. 10000 LOOP
    EXECUTE 'CREATE SCHEMA org_' || i;
    IF i % 1000 = 0 THEN COMMIT; END IF;
  END LOOP;
  FOR i IN 1 .. 50 LOOP
    PERFORM ashmig_add_migration(20260101000000 + i, 'step_' || i, 'SELECT 1', 'SELECT 1', tenant => true);
  END LOOP;
END
$$;
INSERT INTO ashmig.tenants (schema_name) SELECT 'org_' || i FROM generate_series(1, 10000) AS i;
INSERT INTO ashmig.versions (schema_name, repo, scope, version, checksum)
  SELECT schema_name, repo, scope, version, checksum FROM ashmig.tenants, ashmig.migrations WHERE scope = 'tenant';
INSERT INTO ashmig.schema_versions (schema_name, repo, scope, version, applied)
  SELECT schema_name, repo, scope, max(version), count(*) FROM ashmig.versions GROUP BY 1, 2, 3;
VACUUM ANALYZE;
SELECT count(*) AS c FROM ashmig_migrate_all() \gset
SELECT clock_timestamp() AS start \gset
SELECT count(*) AS rows FROM ashmig_migrate_all() \gset
SELECT round(extract(epoch FROM clock_timestamp() - :'start') * 1000, 1) + CASE WHEN :rows = 0 THEN 0 ELSE 999999 END;
SQL
)
heading "10,000 tenants x 50 migrations, all applied"
plain "a run with nothing to do, ms" "$nothing" "" 50
