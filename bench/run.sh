#!/usr/bin/env bash
# Running: fleets of tenants, against the same statements run without ashmig.
#
# FLEETS: sizes to measure (default "100 1000"). ROUNDS: how often each is
# measured; the fastest counts (default 3).
#
# All candidates work on one fleet, in turn: each round every one creates its
# own five tables, or adds its own column with an index to the same five.
source "$(dirname "$0")/lib.sh"
bench_server max_locks_per_transaction=4096

create_fleet() { # DATABASE TENANTS
	bench_database "$1"
	sql "$1" <<SQL
SET client_min_messages = error;
SELECT count(*) AS c FROM ashmig_apply(bench_public(), name => 'public') \\gset
DO \$\$
BEGIN
  FOR i IN 1 .. $2 LOOP
    PERFORM ashmig_create_tenant('org_' || i);
    IF i % 100 = 0 THEN COMMIT; END IF;
  END LOOP;
END
\$\$;
SQL
}

# Record the migration that NAME is to be measured with; sets version.
more=""
version=""
record() { # DATABASE KIND NAME
	local snapshots

	if [ "$2" = create ]; then
		snapshots="bench_snapshots(5, 8, true, '$3')"
	else
		more=$more${more:+,}$3
		snapshots="bench_snapshots(5, 8, true, 'table_', '{$more}')"
	fi
	version=$(echo "SELECT max(version) FROM ashmig_generate($snapshots, name => '$3')" | sql "$1")
}

copied() { # DATABASE VERSION NAME CANDIDATE
	echo "SELECT bench_copy($2, '$3', '$4')" | sql "$1" >/dev/null
}

# The same as a script for psql, a transaction a tenant
tenant_script() { # DATABASE CANDIDATE
	sql "$1" <<SQL
SELECT 'BEGIN; SET LOCAL search_path = ' || quote_ident(schema_name) || ', public; '
    || replace((SELECT string_agg(statement, '; ' ORDER BY n) FROM bench_statements WHERE candidate = '$2'),
               '@tenant@', quote_ident(schema_name)) || '; COMMIT;'
  FROM ashmig.tenants ORDER BY schema_name;
SQL
}

settle() { echo "CHECKPOINT" | sql postgres; }

for tenants in ${FLEETS:-100 1000}; do
	for kind in create alter; do
		fleet=${kind}_$tenants
		more=""
		create_fleet "$fleet" "$tenants"
		if [ $kind = alter ]; then
			echo "SELECT count(*) FROM ashmig_apply(bench_snapshots(5, 8, true), name => 'tables')" | sql "$fleet" >/dev/null
		fi
		loop="" one="" two="" serial="" together="" atomic=""
		for round in $(seq "${ROUNDS:-3}"); do
			record "$fleet" $kind "one_${round}_"
			copied "$fleet" "$version" "one_${round}_" "loop_${round}_"
			copied "$fleet" "$version" "one_${round}_" "psql_${round}_"
			copied "$fleet" "$version" "one_${round}_" "together_${round}_"
			settle
			loop=$(smaller "$loop" "$(echo "CALL bench_loop('loop_${round}_', true)" | milliseconds "$fleet")")
			settle
			one=$(smaller "$one" "$(echo "SELECT * FROM ashmig_migrate_tenants(workers => 1)" | milliseconds "$fleet")")
			record "$fleet" $kind "two_${round}_"
			settle
			two=$(smaller "$two" "$(echo "SELECT * FROM ashmig_migrate_tenants(workers => 2)" | milliseconds "$fleet")")
			settle
			serial=$(smaller "$serial" "$(tenant_script "$fleet" "psql_${round}_" | milliseconds "$fleet")")
			if [ "$tenants" -le 1000 ]; then
				settle
				together=$(smaller "$together" "$(echo "CALL bench_loop('together_${round}_', false)" | milliseconds "$fleet")")
				record "$fleet" $kind "atomic_${round}_"
				settle
				atomic=$(smaller "$atomic" "$(echo "SELECT * FROM ashmig_migrate_tenants(atomic => true)" | milliseconds "$fleet")")
			fi
		done

		bound=""
		if [ $kind = create ] && [ "$tenants" -ge 1000 ]; then bound=0.70; fi
		if [ $kind = create ]; then
			heading "$tenants tenants, five tables created in each"
		else
			heading "$tenants tenants, a column and an index added to five tables of each"
		fi
		row "one worker; a PL/pgSQL loop with commits, ms" "$one" "$loop" 1.10
		row "one worker; one psql, a transaction each, ms" "$one" "$serial"
		row "two workers; one worker, ms" "$two" "$one" $bound
		if [ -n "$atomic" ]; then
			row "atomic; a loop in one transaction, ms" "$atomic" "$together"
		fi
		dropdb "$fleet"
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
