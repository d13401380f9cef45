#!/usr/bin/env bash
# Running: fleets of tenants, against the same statements run without ashmig;
# the memory that a run takes; a run with nothing to do.
#
# FLEETS: sizes to measure (default "100 1000"). KINDS: what (default all, "create
# owned alter"). ROUNDS: how often each is measured; the fastest counts (default 3).
#
# All candidates run the very same statements on the same fleet; after each, the
# statements are rolled back, so that the next one starts from the same state.
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

# The same as a script for psql, one transaction per tenant
tenant_script() { # DATABASE
	sql "$1" <<'SQL'
SELECT 'BEGIN; SET LOCAL search_path = ' || quote_ident(schema_name) || ', public; '
    || replace((SELECT string_agg(statement, '; ' ORDER BY n) FROM bench_statements WHERE NOT down),
               '@tenant@', quote_ident(schema_name)) || '; COMMIT;'
  FROM ashmig.tenants ORDER BY schema_name;
SQL
}

# Time the script of standard input, and the one that rolls it back; the
# smallest times of all rounds are kept in "best", under the name, and the name
# with "back".
declare -A best
measure() { # DATABASE NAME BACK
	printf 'VACUUM;\nCHECKPOINT;\n' | sql "$1"
	best[$2]=$(smaller "${best[$2]:-}" "$(milliseconds "$1")")
	best[$2 back]=$(smaller "${best[$2 back]:-}" "$(milliseconds "$1" <<<"$3")")
}

# The largest memory of its own, in kB, that any worker of this server has had
# until the run is over, looked at ten times a second
watch_workers() {
	local most=0 kb pid

	while [ ! -e "$work/run-is-over" ]; do
		for pid in $(pgrep -P "$(head -n 1 "$work/data/postmaster.pid")" -f 'ashmig worker' || true); do
			kb=$(awk '/^RssAnon/ { print $2 }' "/proc/$pid/status" 2>/dev/null || true)
			if [ "${kb:-0}" -gt "$most" ]; then most=$kb; fi
		done
		sleep 0.1
	done
	echo "$most"
}

# Memory of the workers and of the calling session over a run. A worker may grow
# to ashmig.worker_memory (16 MB), with what a process has from the start.
memory() { # DATABASE
	local leader

	rm -f "$work/run-is-over"
	watch_workers >"$work/most" &
	leader=$(sql "$1" <<'SQL'
SELECT count(*) AS c FROM ashmig_migrate_tenants(only_tenants => '{}') \gset
SELECT bench_memory() AS before \gset
SELECT count(*) AS c FROM ashmig_migrate_tenants(quiet => true) \gset
SELECT bench_memory() - :before;
SQL
	)
	touch "$work/run-is-over"
	wait $!
	echo "SELECT count(*) FROM ashmig_rollback_tenants(quiet => true)" | sql "$1" >/dev/null
	plain "memory: the most that a worker held, kB" "$(cat "$work/most")" 20480
	plain "memory: gained by the calling session, kB" "$leader" 8192
}

for tenants in ${FLEETS:-100 1000}; do
	for kind in ${KINDS:-create owned alter}; do
		# Keys to a public table are slow in large fleets, for all alike.
		if [ $kind = owned ] && [ "$tenants" -gt 100 ]; then continue; fi
		fleet=${kind}_$tenants
		owned=false
		if [ $kind = owned ]; then owned=true; fi
		create_fleet "$fleet" "$tenants"
		more=""
		if [ $kind = alter ]; then
			echo "SELECT count(*) FROM ashmig_apply(bench_snapshots(5, 8, true), name => 'tables', quiet => true)" | sql "$fleet" >/dev/null
			more=added
		fi
		sql "$fleet" >/dev/null <<SQL
SELECT bench_copy(version)
  FROM ashmig_generate(bench_snapshots(5, 8, true, '{$more}', $owned), name => 'measured');
SQL
		best=()
		loop_back="CALL bench_loop(true, true)"
		back="SELECT * FROM ashmig_rollback_tenants(quiet => true"
		for _ in $(seq "${ROUNDS:-3}"); do
			measure "$fleet" loop "$loop_back" <<<"CALL bench_loop(false, true)"
			measure "$fleet" one "$back, workers => 1)" \
				<<<"SELECT * FROM ashmig_migrate_tenants(workers => 1, quiet => true)"
			measure "$fleet" serial "$loop_back" < <(tenant_script "$fleet")
			measure "$fleet" two "$back, workers => 2)" \
				<<<"SELECT * FROM ashmig_migrate_tenants(workers => 2, quiet => true)"
			if [ "$tenants" -le 1000 ]; then
				measure "$fleet" together "$loop_back" <<<"CALL bench_loop(false, false)"
				measure "$fleet" atomic "$back)" <<<"SELECT * FROM ashmig_migrate_tenants(atomic => true)"
			fi
		done

		# Small fleets pay for starting a worker.
		loop_bound="" two_bound=""
		if [ "$tenants" -ge 1000 ]; then loop_bound=1.10; fi
		if [ "$tenants" -ge 1000 ] && [ $kind = create ]; then two_bound=0.70; fi
		case $kind in
			create) heading "$tenants tenants, five tables created in each" ;;
			owned) heading "$tenants tenants, five tables with foreign keys to a public table created in each" ;;
			alter) heading "$tenants tenants, a column and an index added to five tables of each" ;;
		esac
		row "one worker; a PL/pgSQL loop with commits, ms" "${best[one]}" "${best[loop]}" $loop_bound
		row "one worker; one psql, a transaction each, ms" "${best[one]}" "${best[serial]}"
		row "two workers; one worker, ms" "${best[two]}" "${best[one]}" $two_bound
		row "rolled back, one worker; the loop, ms" "${best[one back]}" "${best[loop back]}"
		row "rolled back, two workers; one worker, ms" "${best[two back]}" "${best[one back]}"
		if [ -n "${best[atomic]:-}" ]; then
			row "atomic; a loop in one transaction, ms" "${best[atomic]}" "${best[together]}"
		fi
		if [ "$tenants" -ge 1000 ]; then memory "$fleet"; fi
		dropdb "$fleet"
	done
done

# A run with nothing to do, over many tenants with a history: the catalog is
# filled by hand, as ten thousand schemas with tables would take an hour.
bench_database many
sql many <<'SQL' >/dev/null
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
CREATE TABLE orgs AS SELECT i AS id FROM generate_series(1, 10000) AS i;
INSERT INTO ashmig.tenants (schema_name) SELECT 'org_' || id FROM orgs;
INSERT INTO ashmig.versions (schema_name, repo, scope, version, checksum)
  SELECT schema_name, repo, scope, version, checksum FROM ashmig.tenants, ashmig.migrations WHERE scope = 'tenant';
INSERT INTO ashmig.schema_versions (schema_name, repo, scope, version, applied)
  SELECT schema_name, repo, scope, max(version), count(*) FROM ashmig.versions GROUP BY 1, 2, 3;
VACUUM ANALYZE;
SQL

# Time of a call that must return no row (or else 999999), the second of its
# session, in ms
nothing() { # CALL
	sql many <<SQL
SELECT count(*) AS rows FROM $1 \\gset
SELECT clock_timestamp() AS start \\gset
SELECT count(*) AS rows FROM $1 \\gset
SELECT CASE WHEN :rows = 0 THEN round(extract(epoch FROM clock_timestamp() - :'start') * 1000, 1) ELSE 999999 END;
SQL
}

heading "10,000 tenants x 50 migrations, all applied: a run with nothing to do"
plain "ashmig_migrate_all(), ms" "$(nothing 'ashmig_migrate_all()')" 50
plain "all but one tenant (except_tenants), ms" "$(nothing "ashmig_migrate_all(except_tenants => '{org_1}')")" 50
echo "SELECT ashmig_set_all_tenants('SELECT ''org_'' || id FROM public.orgs')" | sql many >/dev/null
plain "tenants listed by a query, ms" "$(nothing 'ashmig_migrate_all()')" 50

# Time of a query over that, the second of its session, in ms
looking() { # CALL
	sql many <<SQL
SELECT count(*) AS rows FROM $1 \\gset
SELECT clock_timestamp() AS start \\gset
SELECT count(*) AS rows FROM $1 \\gset
SELECT round(extract(epoch FROM clock_timestamp() - :'start') * 1000, 1);
SQL
}

heading "The same database, and its newest migration lacking everywhere: looking at it"
echo "SELECT ashmig_set_all_tenants(NULL)" | sql many >/dev/null
for state in applied pending; do
	plain "$state: ashmig_status(), ms" "$(looking 'ashmig_status()')" 200
	plain "$state: ashmig_migrations(), ms" "$(looking 'ashmig_migrations()')"
	plain "$state: ashmig_check_migrations(), ms" "$(looking 'ashmig_check_migrations()')"
	plain "$state: ashmig_all_tenants(), ms" "$(looking 'ashmig_all_tenants()')"
	plain "$state: ashmig.progress, ms" "$(looking 'ashmig.progress')"
	sql many >/dev/null <<'SQL'
DELETE FROM ashmig.versions WHERE version = 20260101000050;
UPDATE ashmig.schema_versions SET version = version - 1, applied = applied - 1;
WITH run AS (INSERT INTO ashmig.runs (operation, schemas, workers, status) VALUES ('migrate', 10000, 2, 'failed') RETURNING run)
INSERT INTO ashmig.run_schemas (run, scope, schema_name, status, applied, attempts, elapsed, sqlstate, error)
  SELECT run, 'tenant', schema_name, 'failed', 0, 1, '1 s', '22012', 'division by zero' FROM run, ashmig.tenants;
VACUUM ANALYZE ashmig.versions, ashmig.schema_versions, ashmig.run_schemas;
SQL
done
