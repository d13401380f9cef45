#!/usr/bin/env bash
# Planning: does it grow with the columns and with nothing else, is planning
# what is recorded cheaper, and does a session keep anything of it?
source "$(dirname "$0")/lib.sh"
bench_server

# Time of the fastest of four in one session, in ms
plan_times() { # DATABASE TABLES
	{
		echo "SET client_min_messages = error;"
		echo "CREATE TEMP TABLE took (ms numeric);"
		echo "SELECT bench_snapshots($2, 20, false) AS snapshots \\gset"
		for _ in 1 2 3 4; do
			cat <<'SQL'
SELECT clock_timestamp() AS start \gset
SELECT count(*) AS steps FROM ashmig_plan(:'snapshots') \gset
INSERT INTO took SELECT extract(epoch FROM clock_timestamp() - :'start') * 1000;
SQL
		done
		echo "SELECT round(min(ms)) FROM took;"
	} | sql "$1"
}

heading "Planning (tables of 20 columns)"
for tables in 100 1000 2000; do
	bench_database "plan_$tables"
	first[tables]=$(plan_times "plan_$tables" $tables)
	sql "plan_$tables" <<SQL
SET client_min_messages = error;
SELECT bench_snapshots($tables, 20, false) AS snapshots \\gset
SELECT count(*) AS c FROM ashmig_generate(:'snapshots', name => 'all') \\gset
SQL
	again[tables]=$(plan_times "plan_$tables" $tables)
done
plain "1,000 tables, ms" "${first[1000]}" 1000
plain "1,000 tables, planned again once recorded, ms" "${again[1000]}" 500
row "planned again; the first time, ms" "${again[1000]}" "${first[1000]}"
row "1,000 tables; 10 times 100, ms" "${first[1000]}" $((first[100] * 10)) 1.3
row "2,000 tables; 2 times 1,000, ms" "${first[2000]}" $((first[1000] * 2)) 1.3

# What it costs to try a generation before it is recorded, where one table of
# 1,000 changes: the fastest of four in one session, in ms
generate_times() { # PROVE
	{
		echo "SET client_min_messages = error;"
		echo "SET ashmig.prove = $1;"
		echo "CREATE TEMP TABLE took (ms numeric);"
		echo "SELECT jsonb_set(bench_snapshots(1000, 20, false), '{499}', bench_snapshots(500, 20, false, '{extra}') -> 499) AS snapshots \\gset"
		for _ in 1 2 3 4; do
			cat <<'SQL'
BEGIN;
SELECT clock_timestamp() AS start \gset
SELECT count(*) AS migrations FROM ashmig_generate(:'snapshots') \gset
SELECT extract(epoch FROM clock_timestamp() - :'start') * 1000 AS ms \gset
ROLLBACK;
INSERT INTO took VALUES (:ms);
SQL
		done
		echo "SELECT round(min(ms)) FROM took;"
	} | sql plan_1000
}
row "1,000 tables, one changed: recorded; untried, ms" "$(generate_times on)" "$(generate_times off)" 1.5

# One statement a plan, as a session would have it; the first ones are left out,
# as malloc keeps some of what it was given.
plans() { for _ in $(seq "$1"); do echo "SELECT count(*) AS c FROM ashmig_plan(:'snapshots') \\gset"; done; }
read -r kept grown < <({
	echo "SET client_min_messages = error;"
	echo "SELECT bench_snapshots(1000, 20, false) AS snapshots \\gset"
	plans 25
	echo "SELECT bench_memory(), sum(total_bytes) FROM pg_backend_memory_contexts \\g /dev/null"
	plans 25
	echo "SELECT bench_memory() AS before, sum(total_bytes) AS contexts FROM pg_backend_memory_contexts \\gset"
	plans 50
	echo "SELECT (sum(total_bytes) - :contexts) / 1024 FROM pg_backend_memory_contexts;"
	echo "SELECT bench_memory() - :before;"
} | sql plan_1000 | paste -sd' ')
plain "kept in contexts after 50 more plans, kB" "${kept%.*}" 64
plain "process grown after 50 more plans, kB" "$grown" 4096
