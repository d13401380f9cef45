# Tenants that belong to the rows of a table: dumped and restored; created by many
# sessions while migrations are recorded and run; many in one transaction.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', "max_worker_processes = 16\nmax_connections = 30");
$node->start;

# A snapshot of a tenant's table with that many further columns
sub snapshot
{
	my ($table, $columns) = @_;
	my $more = join '', map { qq(, {"source": "c$_", "type": "bigint", "default": "nil"}) } 1 .. $columns;
	return qq([{"table": "$table", "repo": "Elixir.Life.Repo",
	  "multitenancy": {"strategy": "context", "attribute": null, "global": false},
	  "custom_indexes": [{"fields": ["label"]}],
	  "attributes": [{"source": "id", "type": "uuid", "default": "fragment(\\"gen_random_uuid()\\")", "allow_nil?": false, "primary_key?": true},
	    {"source": "label", "type": "text", "default": "nil"}$more]}]);
}

sub prepare
{
	my $database = shift;
	$node->safe_psql('postgres', "CREATE DATABASE $database");
	$node->safe_psql($database, q{
		CREATE EXTENSION ashmig;
		CREATE TABLE organizations (id bigserial PRIMARY KEY, name text);
		SELECT ashmig_manage_tenant('organizations', ARRAY['org_', ':id'], on_delete => 'drop')});
	$node->safe_psql($database, "SELECT * FROM ashmig_apply('" . snapshot('notes', 0) . "', name => 'first')");
	return;
}

subtest 'dump and restore' => sub {
	prepare('source');
	$node->safe_psql('source', q{
		CREATE TABLE parted (region text, slug text) PARTITION BY LIST (region);
		CREATE TABLE parted_a PARTITION OF parted FOR VALUES IN ('a');
		SELECT ashmig_manage_tenant('parted', '{part-,:slug}', on_update => false);
		INSERT INTO organizations (name) VALUES ('one'), ('two');
		INSERT INTO parted VALUES ('a', 'x')});
	my $dump = $node->backup_dir . '.sql';
	$node->command_ok([ 'pg_dump', '-d', $node->connstr('source'), '-f', $dump ], 'dump');
	$node->safe_psql('postgres', 'CREATE DATABASE target');
	$node->command_ok([ 'psql', '-X', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('target'), '-f', $dump ], 'restore');
	for my $query (
		'SELECT * FROM ashmig.managed_tables ORDER BY relation::text',
		'SELECT * FROM ashmig_all_tenants()',
		'SELECT schema_name, version, applied, status FROM ashmig_status() ORDER BY 1',
		q{SELECT tgrelid::regclass, pg_get_triggerdef(oid) FROM pg_trigger WHERE tgname ~ '^ashmig' ORDER BY 1, 2})
	{
		is($node->safe_psql('target', $query), $node->safe_psql('source', $query), $query);
	}
	is( $node->safe_psql('target', 'SELECT count(*) FROM ashmig.tenants JOIN pg_namespace ON oid = schema_oid AND nspname = schema_name'),
		3, 'the schemas are known by their new OIDs');
	$node->safe_psql('target', q{
		INSERT INTO organizations (name) VALUES ('three');
		DELETE FROM organizations WHERE name = 'two';
		UPDATE organizations SET id = 100 WHERE name = 'one';
		INSERT INTO parted VALUES ('a', 'y')});
	is( $node->safe_psql('target', q{SELECT string_agg(schema_name, ' ') FROM ashmig_all_tenants() WHERE schema_exists}),
		'org_100 org_3 part-x part-y', 'the triggers work');
	$node->safe_psql('target', 'ALTER SCHEMA org_3 RENAME TO away');
	is( $node->safe_psql('target', q{SELECT status, error FROM ashmig_status() WHERE schema_name = 'org_3'}),
		'renamed|schema "org_3" is now called "away"', 'a renamed schema is noticed');
	my ($status, $out, $err) = $node->psql('target', 'DROP EXTENSION ashmig');
	like($err, qr/cannot drop extension ashmig because its migrations are applied/, 'DROP EXTENSION is refused while they have migrations');
};

# Eight sessions insert rows, some update and roll back, while migrations are
# generated and run.
subtest 'sessions that create tenants during runs' => sub {
	prepare('race');
	my $script = $node->basedir . '/insert.pgbench';
	append_to_file($script, q{
	\set r random(1, 10)
	\if :r <= 7
	INSERT INTO organizations (name) VALUES ('new');
	\elif :r <= 8
	BEGIN;
	INSERT INTO organizations (name) VALUES ('rolled back');
	ROLLBACK;
	\elif :r <= 9
	INSERT INTO organizations (name) VALUES ('renamed') RETURNING id \gset
	UPDATE organizations SET id = id + 1000000 WHERE id = :id;
	\else
	INSERT INTO organizations (name) VALUES ('several'), ('at once');
	\endif
	});
	my $seconds = 12;
	# Output goes to files: nobody reads a pipe while the loop below runs, and
	# pgbench would block on a full one in the middle of a transaction.
	my ($bench_out, $bench_err) = map { $node->basedir . "/pgbench.$_" } qw(out err);
	my $bench = IPC::Run::start(
		[ 'pgbench', '-n', '-c', '8', '-j', '2', '-T', $seconds, '-f', $script, '-d', $node->connstr('race') ],
		'>', $bench_out, '2>', $bench_err);
	my $end = time + $seconds;
	my ($rounds, @failures) = (0);
	while (time < $end)
	{
		$rounds++;
		my ($status, $out, $err) = $node->psql('race',
			"SELECT * FROM ashmig_generate('" . snapshot('notes', $rounds) . "', name => 'round $rounds')");
		push @failures, "generate: $err" if $status;
		($status, $out, $err) = $node->psql('race', q{SELECT * FROM ashmig_migrate_all(quiet => true)});
		push @failures, "migrate: $err" if $status;
	}
	$bench->finish;
	$bench_err = slurp_file($bench_err);
	unlike($bench_err, qr/ERROR|aborted/, 'no session failed') or diag($bench_err);
	is(join("\n", @failures), '', 'no migration failed');
	cmp_ok($rounds, '>', 1, "$rounds generations");
	my $rows = $node->safe_psql('race', 'SELECT count(*) FROM organizations');
	cmp_ok($rows, '>', 20, "$rows organizations");
	is($node->safe_psql('race', q{SELECT count(*) FROM ashmig_migrate_all(quiet => true)}), 0, 'no tenant is behind');
	is($node->safe_psql('race', q{SELECT count(*) FROM ashmig_status() WHERE status <> 'current' OR pending <> 0}), 0, 'nothing is pending');
	is( $node->safe_psql('race', q{
		SELECT count(*) FROM organizations FULL JOIN (SELECT nspname FROM pg_namespace WHERE nspname ~ '^org_') AS n ON nspname = 'org_' || id
		 WHERE id IS NULL OR nspname IS NULL}), 0, 'every row has a schema and every schema a row');
	is( $node->safe_psql('race', q{
		SELECT count(*) FROM organizations FULL JOIN ashmig.tenants ON schema_name = 'org_' || id WHERE id IS NULL OR schema_name IS NULL}),
		0, 'every row has a tenant and every tenant a row');
	is( $node->safe_psql('race', q{
		SELECT count(DISTINCT columns) FROM (SELECT array_agg(attname || format_type(atttypid, atttypmod) ORDER BY attname) AS columns
		  FROM pg_class AS c JOIN pg_attribute ON attrelid = c.oid AND attnum > 0
		 WHERE relname = 'notes' GROUP BY relnamespace) AS t}), 1, 'all tenants have the same columns');
};

# A warning comes before the lock table is full.
subtest 'many tenants in one transaction' => sub {
	$node->append_conf('postgresql.conf', "max_locks_per_transaction = 10\nmax_connections = 20\nmax_wal_senders = 0\nmax_worker_processes = 2");
	$node->restart;
	prepare('budget');
	my ($status, $out, $err) = $node->psql('budget', q{INSERT INTO organizations (name) SELECT 'bulk' FROM generate_series(1, 2000)});
	like($err, qr/WARNING:  \d+ of the \d+ slots in the lock table are in use/, 'there is a warning');
	like($err, qr/DETAIL:  Each new tenant uses about \d+ .* room for about \d+ more/, 'it says how many tenants there is room for');
	like($err, qr/ERROR:  out of shared memory/, 'it comes before the error');
	is(() = $err =~ /WARNING/g, 1, 'it comes once');
	is($node->safe_psql('budget', q{SELECT count(*) FROM pg_namespace WHERE nspname ~ '^org_'}), 0, 'nothing is left of the transaction');
	($status, $out, $err) = $node->psql('budget', q{INSERT INTO organizations (name) VALUES ('one'), ('two')});
	is($err, '', 'a few tenants cause no warning');
};

subtest 'a schema with more tables than locks' => sub {
	$node->safe_psql('budget', qq{
		DO \$\$ BEGIN FOR i IN 1 .. 400 LOOP
		  EXECUTE format('CREATE TABLE %s.t%s (id int PRIMARY KEY, t text)', (SELECT min(schema_name) FROM ashmig_all_tenants()), i);
		  IF i % 20 = 0 THEN COMMIT; END IF;
		END LOOP; END \$\$});
	my $big = $node->safe_psql('budget', 'SELECT min(schema_name) FROM ashmig_all_tenants()');
	my ($status, $out, $err) = $node->psql('budget', "SELECT ashmig_drop_tenant('$big', true)");
	like($err, qr/ERROR:  dropping schema "$big" takes \d+ locks, but there is room for only \d+/, 'too large for one transaction');
	like($err, qr/HINT:  CALL ashmig_drop_tenant_serial\('$big'\)/, 'the hint names the procedure');
	$node->safe_psql('budget', "CALL ashmig_drop_tenant_serial('$big', 20)");
	is($node->safe_psql('budget', "SELECT count(*) FROM pg_namespace WHERE nspname = '$big'"), 0, 'the procedure drops it in several');
};

done_testing();
