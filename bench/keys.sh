#!/usr/bin/env bash
# Many keys to one public table: what each further tenant costs with foreign keys,
# by ashmig and by a script of the same statements, and with shared references;
# then what one DELETE in the public table costs.
#
# TENANTS: how many of each kind (default 200; PostgreSQL's own costs grow with the
# square, 3000 take an hour).
source "$(dirname "$0")/lib.sh"

tenants=${TENANTS:-200}
batch=$((tenants / 5))
# a DELETE locks three relations for each of the ten keys of all tenants, of two ways
bench_server max_locks_per_transaction=$((tenants * 2 + 256))

# Ten tables, each with a reference to public.owners and an index for it
for kind in keys shared; do
	bench_database $kind
	sql $kind <<SQL
SET client_min_messages = error;
SELECT count(*) AS c FROM ashmig_apply(bench_public(), name => 'public') \gset
INSERT INTO owners SELECT gen_random_uuid() FROM generate_series(1, 1000);
DO \$\$
BEGIN
  PERFORM ashmig_generate(bench_snapshots(10, 4, true, owned => '$kind' = 'keys'), name => 'tables');
  IF '$kind' = 'shared' THEN
    PERFORM ashmig_add_migration(20990101000001, 'references',
      (SELECT string_agg(format('ALTER TABLE @tenant@.table_%s ADD COLUMN owner_id uuid', t), '; ') || '; ' ||
              string_agg(format('SELECT public.ashmig_add_reference(''table_%s'', ''table_%s_owner_id_fkey'', ''{owner_id}'', ''public.owners'')', t, t), '; ')
         FROM generate_series(1, 10) AS t), 'SELECT 1', tenant => true);
  END IF;
  PERFORM ashmig_add_migration(20990101000002, 'indexes',
    (SELECT string_agg(format('CREATE INDEX ON @tenant@.table_%s (owner_id)', t), '; ') FROM generate_series(1, 10) AS t),
    'SELECT 1', tenant => true);
END
\$\$;
INSERT INTO bench_statements
SELECT false, row_number() OVER (ORDER BY m.version, u.n), replace(statement, '@default@', 'public')
  FROM ashmig.migrations AS m, unnest(m.up) WITH ORDINALITY AS u (statement, n)
 WHERE m.scope = 'tenant';
CREATE TABLE took (n integer, ashmig float, script float);
SQL
done

# Create tenants, a commit each, by turns in both ways, and note how long each took.
creating() { # DATABASE FIRST LAST
	sql "$1" <<SQL
SET client_min_messages = error;
SET synchronous_commit = off;
DO \$\$
DECLARE
  statements text[] := (SELECT array_agg(b.statement ORDER BY b.n) FROM public.bench_statements AS b);
  times timestamptz[];
  statement text;
BEGIN
  FOR i IN $2 .. $3 LOOP
    times := ARRAY[clock_timestamp()];
    EXECUTE format('CREATE SCHEMA %I', 'script_' || i);
    PERFORM pg_catalog.set_config('search_path', quote_ident('script_' || i) || ', public', true);
    FOREACH statement IN ARRAY statements LOOP
      EXECUTE replace(statement, '@tenant@', quote_ident('script_' || i));
    END LOOP;
    COMMIT;
    times := times || clock_timestamp();
    PERFORM ashmig_create_tenant('org_' || i);
    COMMIT;
    times := times || clock_timestamp();
    INSERT INTO public.took VALUES (i, extract(epoch FROM times[3] - times[2]) * 1000, extract(epoch FROM times[2] - times[1]) * 1000);
    COMMIT;
  END LOOP;
END
\$\$;
SQL
}

# median DATABASE WAY FIRST LAST
median() {
	echo "SELECT round(percentile_cont(0.5) WITHIN GROUP (ORDER BY $2)::numeric, 2) FROM took WHERE n BETWEEN $3 + 1 AND $4" | sql "$1"
}

# What a DELETE of ten rows that nobody references takes, in a session that has done it once
deleting() { # DATABASE
	sql "$1" <<'SQL'
DELETE FROM owners WHERE id = (SELECT min(id::text)::uuid FROM owners);
CREATE TEMPORARY TABLE start AS SELECT clock_timestamp() AS at;
DELETE FROM owners WHERE id IN (SELECT id FROM owners ORDER BY id LIMIT 10);
SELECT round(extract(epoch FROM clock_timestamp() - at) * 100, 2) FROM start;
SQL
}

# Locks that it holds until its transaction ends
locks() { # DATABASE
	sql "$1" <<'SQL'
BEGIN;
DELETE FROM owners WHERE id = (SELECT min(id::text)::uuid FROM owners);
SELECT count(*) FROM pg_locks WHERE pid = pg_backend_pid() AND NOT fastpath;
ROLLBACK;
SQL
}

for kind in keys shared; do
	for first in $(seq 1 $batch $((4 * batch + 1))); do
		creating $kind "$first" $((first + batch - 1))
	done
done

heading "Creating tenants of ten tables with a key each to one public table (ms per tenant, median)"
for first in $(seq 1 $batch $((4 * batch + 1))); do
	last=$((first + batch - 1))
	row "foreign keys, tenants $((2 * first - 1)) to $((2 * last)); the script" \
		"$(median keys ashmig "$first" $last)" "$(median keys script "$first" $last)" 1.15
	row "shared references, the same tenants; foreign keys" \
		"$(median shared ashmig "$first" $last)" "$(median keys ashmig "$first" $last)"
done
row "shared references: the last fifth; the first" "$(median shared ashmig $((4 * batch)) $((5 * batch)))" \
	"$(median shared ashmig 0 $batch)" 1.25

heading "DELETE in the public table, that $((tenants * 20)) tables reference"
row "shared references; foreign keys (ms per row)" "$(deleting shared)" "$(deleting keys)" 1.00
plain "shared references: locks held" "$(locks shared)" 64
plain "foreign keys: locks held" "$(locks keys)"
