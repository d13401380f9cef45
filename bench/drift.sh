#!/usr/bin/env bash
# Drift: a fleet of tenants compared with what is recorded for them, against one
# pass over the catalogs that prints every table, column, constraint and index.
#
# TENANTS: the size of the fleet (default 5000), with ten tables each. ALTERED: how
# many of them are altered by hand (default 100), in ten ways.
source "$(dirname "$0")/lib.sh"
bench_server max_locks_per_transaction=1024
tenants=${TENANTS:-5000}
altered=${ALTERED:-100}

create_fleet() {
	bench_database drift
	sql drift <<SQL >/dev/null
SET client_min_messages = error;
SELECT count(*) FROM ashmig_apply(bench_snapshots(10, 8, true), name => 'fleet');
DO \$\$
BEGIN
  FOR i IN 1 .. $tenants LOOP
    PERFORM ashmig_create_tenant('org_' || i);
    IF i % 100 = 0 THEN COMMIT; END IF;
  END LOOP;
END
\$\$;
VACUUM ANALYZE;
SQL
}

# Ten ways, one after the other
alter_fleet() {
	sql drift <<SQL
DO \$\$
DECLARE
  ways text[] := ARRAY[
    'ALTER TABLE %1\$I.table_1 ADD COLUMN extra text',
    'ALTER TABLE %1\$I.table_2 DROP COLUMN column_5',
    'ALTER TABLE %1\$I.table_3 ALTER COLUMN label SET DEFAULT ''x''',
    'DROP INDEX %1\$I.table_4_label_column_4_index',
    'ALTER TABLE %1\$I.table_5 ADD CONSTRAINT mine CHECK (label <> '''')',
    'ALTER TABLE %1\$I.table_6 DROP CONSTRAINT table_6_previous_id_fkey',
    'ALTER TABLE %1\$I.table_7 RENAME CONSTRAINT table_7_pkey TO mine',
    'ALTER TABLE %1\$I.table_8 ALTER COLUMN label DROP NOT NULL',
    'CREATE INDEX mine ON %1\$I.table_9 (label)',
    'ALTER TABLE %1\$I.table_10 ALTER COLUMN column_4 SET NOT NULL'];
BEGIN
  FOR i IN 1 .. $altered LOOP
    EXECUTE format(ways[i % 10 + 1], 'org_' || i * ($tenants / $altered));
  END LOOP;
END
\$\$;
SQL
}

one_pass="SET search_path = pg_catalog;
SELECT count(md5(line)) FROM (
  SELECT format('table %I.%I', relnamespace::regnamespace, relname) AS line FROM pg_class WHERE relkind IN ('r', 'p')
  UNION ALL SELECT format('column %s.%I %s %s %s', c.oid::regclass, attname, format_type(atttypid, atttypmod), attnotnull,
      pg_get_expr(adbin, adrelid))
    FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid AND attnum > 0 AND NOT attisdropped
    LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum WHERE relkind IN ('r', 'p')
  UNION ALL SELECT format('constraint %s.%I %s', conrelid::regclass, conname, pg_get_constraintdef(oid))
    FROM pg_constraint WHERE conrelid <> 0
  UNION ALL SELECT format('index %s %s', pg_get_indexdef(indexrelid), indisvalid) FROM pg_index
  ORDER BY 1) AS fact"

create_fleet
heading "Drift, $tenants tenants of 10 tables"
pass=$(milliseconds drift <<<"$one_pass")
pass=$(smaller "$pass" "$(milliseconds drift <<<"$one_pass")")
row "no drift, against one pass (ms)" "$(milliseconds drift <<<"SELECT count(*) FROM ashmig_drift()")" "$pass" 10
alter_fleet
row "$altered altered, against one pass (ms)" "$(milliseconds drift <<<"SELECT count(*) FROM ashmig_drift()")" "$pass" 10
plain "schemas that are found (of $altered)" "$(sql drift <<<"SELECT count(DISTINCT schema_name) FROM ashmig_drift()")"
plain "repairing them (ms)" "$(milliseconds drift <<<"SELECT count(*) FROM ashmig_repair(quiet => true)")"
plain "differences after that" "$(sql drift <<<"SELECT count(*) FROM ashmig_drift()")" 0

# The same fleet once more, as if Ecto had made it
sql drift <<SQL
DO \$\$
BEGIN
  FOR i IN 1 .. $tenants LOOP
    EXECUTE format('CREATE TABLE %I.schema_migrations AS SELECT 20240101000000 AS version', 'org_' || i);
    IF i % 100 = 0 THEN COMMIT; END IF;
  END LOOP;
END
\$\$;
DROP EXTENSION ashmig CASCADE;
CREATE EXTENSION ashmig;
SQL
plain "adopting all of them (ms)" "$(milliseconds drift <<<"SELECT count(*) FROM ashmig_adopt(bench_snapshots(10, 8, true))")" 60000
