# The memory of a session is flat: every function is called over and over, and once its
# caches are warm the session has no more memory than before.
#
# "make leaks N=5000"; LEAK_CALLS is the number of calls of each.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $calls = $ENV{LEAK_CALLS} // 60;
my $warm = 20;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
# no invalidation by vacuum, which would move the caches
$node->append_conf('postgresql.conf', "autovacuum = off\nfsync = off\nmax_worker_processes = 12\n");
$node->start;

# A public table and one of the tenants; $more columns more
sub snapshots
{
	my $more = join '', map { qq(, {"source": "c$_", "type": "decimal", "default": "\\"1.5\\"", "size": null}) } 1 .. shift;
	return qq([{"table": "plans", "repo": "Elixir.Leak.Repo", "attributes": [{"source": "id", "type": "uuid", "default": "nil", "allow_nil?": false, "primary_key?": true}$more]},
	  {"table": "notes", "repo": "Elixir.Leak.Repo", "multitenancy": {"strategy": "context", "attribute": null, "global": false},
	   "identities": [{"name": "unique_body", "keys": ["body"]}],
	   "attributes": [{"source": "id", "type": "uuid", "default": "fragment(\\"gen_random_uuid()\\")", "allow_nil?": false, "primary_key?": true},
	     {"source": "body", "type": "text", "default": "\\"it's\\""}$more]}]);
}

my ($one, $two) = map { "'" . s/'/''/gr . "'" } snapshots(1), snapshots(2);
my $forget = q{SELECT count(ashmig_remove_migration(max(version), tenant => true)), count(ashmig_remove_migration(max(version))) FROM ashmig.migrations};

# What is called over and over; each leaves the database as it was
my @calls = (
	plan => "SELECT count(*) FROM ashmig_plan($two)",
	operations => "SELECT count(*) FROM ashmig_operations($one, $two)",
	'a problem in snapshots' => q{SELECT raises('SELECT ashmig_plan(''[{"table": "x", "attributes": [{"source": 1}]}]'')')},
	'a problem in an Elixir term' => q{SELECT raises('SELECT ashmig_plan(''[{"table": "x", "attributes": [{"source": "a", "type": "text", "default": "fragment("}]}]'')')},
	'generate, remove' => "SELECT count(*) FROM ashmig_generate($two, name => 'g'); SELECT remove_newest()",
	'apply, roll back, remove' => "SELECT count(*) FROM ashmig_apply($two, name => 'a');"
	  . ' SELECT count(*) FROM ashmig_rollback_tenants(); SELECT count(*) FROM ashmig_rollback(); SELECT remove_newest()',
	'migrate, nothing to do' => 'SELECT count(*) FROM ashmig_migrate_all()',
	'migrate in a worker, and roll back' => 'SET ashmig.workers = 1; SELECT count(*) FROM ashmig_rollback_tenants(only_tenants => $${t1}$$);'
	  . ' SELECT count(*) FROM ashmig_migrate_all(); SET ashmig.workers = 0',
	'a tenant by hand' => q{SELECT ashmig_create_tenant('x'); SELECT ashmig_rename_tenant('x', 'y'); SELECT ashmig_drop_tenant('y', cascade => true)},
	'a tenant of a row' => 'INSERT INTO orgs VALUES (1); UPDATE orgs SET id = 2; DELETE FROM orgs',
	'status' => 'SELECT count(*) FROM ashmig_status(); SELECT count(*) FROM ashmig_migrations(); SELECT count(*) FROM ashmig_all_tenants()',
	'checksums' => 'SELECT count(*) FROM ashmig_check_migrations()',
	'export' => 'SELECT count(ashmig_export_migration(version, scope = $$tenant$$)) FROM ashmig.migrations; SELECT ashmig_export_migrations()',
	'export a tenant, and import it' => q{DO $$
		DECLARE tenant jsonb := substring(ashmig_export_tenant('t1') FROM '(\{.*\})\$');
		BEGIN
			DELETE FROM ashmig.tenants WHERE schema_name = 't1';
			DELETE FROM ashmig.versions WHERE schema_name = 't1';
			DELETE FROM ashmig.schema_versions WHERE schema_name = 't1';
			PERFORM ashmig_import_tenant(tenant);
		END $$},
);

$node->safe_psql('postgres', qq{
	CREATE EXTENSION ashmig;
	CREATE TABLE orgs (id bigint PRIMARY KEY);
	SELECT ashmig_manage_tenant('orgs', ARRAY['org_', ':id'], on_delete => 'drop');
	SELECT ashmig_create_tenant('t1');
	SELECT * FROM ashmig_apply($one, name => 'first');
	CREATE FUNCTION remove_newest() RETURNS bigint LANGUAGE sql AS \$\$
		SELECT count(*) FROM (SELECT scope, max(version) AS version FROM ashmig.migrations GROUP BY scope) AS m,
		 LATERAL ashmig_remove_migration(m.version, m.scope = 'tenant') \$\$;
	CREATE FUNCTION raises(statement text) RETURNS text LANGUAGE plpgsql AS \$\$
	BEGIN EXECUTE statement; RAISE 'no error' USING ERRCODE = 'ZZ000'; EXCEPTION WHEN SQLSTATE 'ZZ000' THEN RAISE; WHEN OTHERS THEN RETURN sqlstate; END \$\$});

# Memory of the session in kB, and what has the most of it
my $memory = q{SELECT 'memory ' || sum(total_bytes) / 1024 FROM pg_backend_memory_contexts WHERE name <> 'MessageContext' AND name <> 'ErrorContext'
	AND name <> 'ExecutorState' AND name <> 'PortalContext' AND name <> 'printtup'};
my $largest = q{SELECT 'large: ' || string_agg(format('%s %s kB', name, kb), ', ') FROM (SELECT name, sum(total_bytes) / 1024 AS kb
	FROM pg_backend_memory_contexts GROUP BY name ORDER BY 2 DESC LIMIT 8) AS m};

while (my ($name, $sql) = splice @calls, 0, 2) {
	my $script = "SET ashmig.workers = 0;\nSET client_min_messages = error;\n\\o /dev/null\n" . "$sql;\n" x $warm . "\\o\n$memory;\n"
	  . "\\o /dev/null\n" . "$sql;\n" x ($calls / 2) . "\\o\n$memory;\n" . "\\o /dev/null\n" . "$sql;\n" x ($calls / 2) . "\\o\n$memory;\n$largest;\n";
	my ($out, $err) = ('', '');
	$node->psql('postgres', $script, stdout => \$out, stderr => \$err, on_error_stop => 1);
	is($err, '', "$name: no error");
	my ($start, $middle, $end) = $out =~ /^memory (\d+)/mg;
	# a cache may double once more, but what grows with the calls grows in both halves
	ok($end - $middle < 16 || $end - $start < 64, "$name: flat ($start, $middle, $end kB)") or diag($out);
}

done_testing();
