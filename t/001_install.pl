# Installing, dumping and restoring, dropping; rights and comments.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->start;

my $snapshots = q([
  {"table": "plans", "repo": "Elixir.Dump.Repo",
   "attributes": [{"source": "id", "type": "bigint", "default": "nil", "allow_nil?": false, "generated?": true, "primary_key?": true}]},
  {"table": "tickets", "repo": "Elixir.Dump.Repo", "multitenancy": {"strategy": "context", "attribute": null, "global": false},
   "attributes": [{"source": "id", "type": "uuid", "default": "nil", "allow_nil?": false, "primary_key?": true},
                  {"source": "plan_id", "type": "bigint", "default": "nil",
                   "references": {"table": "plans", "destination_attribute": "id", "name": "tickets_plan_id_fkey",
                                  "multitenancy": {"strategy": null, "attribute": null, "global": null}}}]}]);

# An existing schema of that name must not be taken over.
subtest 'schema ashmig exists before' => sub {
	$node->safe_psql('postgres', 'CREATE DATABASE taken');
	$node->safe_psql('taken', 'CREATE SCHEMA ashmig');
	my ($status, undef, $err) = $node->psql('taken', 'CREATE EXTENSION ashmig');
	isnt($status, 0, 'CREATE EXTENSION fails');
	like($err, qr/schema "ashmig" already exists/, 'the error says so');
};

subtest 'functions in another schema' => sub {
	$node->safe_psql('postgres', 'CREATE DATABASE elsewhere');
	$node->safe_psql('elsewhere', 'CREATE SCHEMA tools; CREATE EXTENSION ashmig SCHEMA tools');
	$node->safe_psql('elsewhere', "SELECT tools.ashmig_create_tenant('org_1'), tools.ashmig_create_tenant('org_2')");
	is($node->safe_psql('elsewhere', "SELECT count(*) FROM tools.ashmig_apply('$snapshots', name => 'first')"),
		3, 'public and two tenants are migrated');
};

# A restored database knows what is applied.
subtest 'dump and restore' => sub {
	$node->safe_psql('postgres', 'CREATE DATABASE source');
	$node->safe_psql('source', 'CREATE EXTENSION ashmig');
	$node->safe_psql('source', "SELECT ashmig_create_tenant(t) FROM unnest('{org_1,org-2}'::text[]) AS t");
	$node->safe_psql('source', "SELECT * FROM ashmig_apply('$snapshots', name => 'first')");
	$node->safe_psql('source', q{SELECT ashmig_set_all_tenants('SELECT ''org_1''::text')});
	my $dump = $node->backup_dir . '.sql';
	$node->command_ok([ 'pg_dump', '-d', $node->connstr('source'), '-f', $dump ], 'dump');
	$node->safe_psql('postgres', 'CREATE DATABASE target');
	$node->command_ok([ 'psql', '-X', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('target'), '-f', $dump ], 'restore');
	for my $query (
		'SELECT * FROM ashmig.migrations ORDER BY scope, version',
		'SELECT * FROM ashmig.versions ORDER BY schema_name, version',
		'SELECT * FROM ashmig.snapshots ORDER BY table_name',
		'SELECT scope, schema_name, version, applied, pending FROM ashmig_status() ORDER BY 1, 2',
		'SELECT * FROM ashmig_all_tenants() ORDER BY 1')
	{
		is($node->safe_psql('target', $query), $node->safe_psql('source', $query), $query);
	}
	is($node->safe_psql('target', 'SELECT count(*) FROM ashmig_migrate_all()'), 0, 'nothing to migrate');
	is($node->safe_psql('target', "SELECT count(*) FROM ashmig_plan('$snapshots')"), 0, 'nothing to plan');
};

# Nothing is granted to PUBLIC.
subtest 'rights' => sub {
	$node->safe_psql('source', 'CREATE ROLE visitor LOGIN');
	my %forbidden = (
		'read the catalog' => 'SELECT * FROM ashmig.migrations',
		'read the tenants' => 'SELECT * FROM ashmig.tenants',
		'write a setting' => 'INSERT INTO ashmig.settings VALUES (1, 2)',
		'see the status' => 'SELECT * FROM ashmig_status()',
		'run' => 'SELECT * FROM ashmig_migrate_all()',
		'create a tenant' => q{SELECT ashmig_create_tenant('org_3')},
		'plan' => "SELECT * FROM ashmig_plan('$snapshots')",
		'apply' => "SELECT * FROM ashmig_apply('$snapshots')");
	for my $what (sort keys %forbidden)
	{
		my (undef, undef, $err) = $node->psql('source', $forbidden{$what}, extra_params => [ '-U', 'visitor' ]);
		like($err, qr/permission denied/, "a role without rights must not $what");
	}
	is( $node->safe_psql('source', q{
		SELECT coalesce(string_agg(p.oid::regprocedure::text, ', '), 'none')
		  FROM pg_depend AS d JOIN pg_proc AS p ON p.oid = d.objid
		 WHERE d.classid = 'pg_proc'::regclass AND d.deptype = 'e'
		   AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'ashmig')
		   AND (SELECT count(*) FROM aclexplode(coalesce(proacl, acldefault('f', proowner))) WHERE grantee = 0) > 0}),
		'ashmig_operations(jsonb,jsonb,jsonb,boolean,boolean)',
		'only the function that reads no table is granted to PUBLIC');
};

subtest 'comments' => sub {
	is( $node->safe_psql('source', q{
		SELECT coalesce(string_agg(pg_describe_object(classid, objid, 0), ', '), 'none')
		  FROM pg_depend AS d
		 WHERE deptype = 'e' AND classid IN ('pg_proc'::regclass, 'pg_class'::regclass)
		   AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'ashmig')
		   AND obj_description(objid, (SELECT relname FROM pg_class WHERE oid = classid)) IS NULL
		   AND (classid <> 'pg_class'::regclass OR (SELECT relkind FROM pg_class WHERE oid = objid) <> 'S')}),
		'none', 'every function, table and view has one');
};

# DROP EXTENSION has to be meant, and leaves the application's tables alone.
subtest 'drop extension' => sub {
	my (undef, undef, $err) = $node->psql('source', 'DROP EXTENSION ashmig');
	like($err, qr/ERROR:  cannot drop extension ashmig because its migrations are applied\n.*DETAIL:  What is applied in \d schemas.*HINT:  DROP EXTENSION ashmig CASCADE/s,
		'it is refused without CASCADE');
	$node->safe_psql('source', 'DROP EXTENSION ashmig CASCADE');
	is($node->safe_psql('source', q{SELECT count(*) FROM pg_namespace WHERE nspname = 'ashmig'}), 0, 'the catalog is gone');
	is($node->safe_psql('source', q{SELECT count(*) FROM pg_class WHERE relname = 'tickets'}), 2, 'the application\'s tables are not');
};

done_testing();
