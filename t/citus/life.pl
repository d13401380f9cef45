# The life of an application on a Citus cluster: the sample's two generations, and what
# Citus makes of tables that it does not see being created.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use FindBin;
use lib "$FindBin::RealBin/../lib";
use CitusCluster;

my $cluster = CitusCluster->new;
my $node = $cluster->coordinator;

# The sample's snapshots, before and after its second generation.
my $second = PostgreSQL::Test::Utils::tempdir . '/second';
my $first = PostgreSQL::Test::Utils::tempdir . '/first';
system_or_bail('cp', '-r', "$FindBin::RealBin/../../examples/helpdesk/priv/resource_snapshots", $second);
system_or_bail('cp', '-r', $second, $first);
system_or_bail('find', $first, '-name', '20260420*.json', '-delete');
system_or_bail('find', $first, '-type', 'd', '-empty', '-delete');
my $answers = q{[{"table": "tickets", "column": "body", "to": "description"}, {"table": "organizations", "column": "billing_email", "to": null}]};

sub apply
{
	my ($database, $folder, $name) = @_;
	$node->safe_psql($database, "SELECT count(*) FROM ashmig_apply(ashmig_load('$folder'), name => '$name', renames => '$answers')");
	$node->safe_psql($database, 'CALL ashmig_wait()');
	return;
}

# The same on plain PostgreSQL, to compare with: a database of the coordinator without Citus
$node->safe_psql('postgres', 'CREATE DATABASE plain');
$cluster->create_database('app');
for my $database ('plain', 'app')
{
	$node->safe_psql($database, q{CREATE EXTENSION ashmig; SELECT ashmig_create_tenant('org_' || i) FROM generate_series(1, 6) AS i});
}

sub same_structure
{
	my ($name, @schemas) = @_;
	for my $schema (@schemas)
	{
		my $plain = CitusCluster::structure_of($node, 'plain', $schema);
		isnt($plain, '', "$schema has a structure") if $schema ne 'public';
		is(CitusCluster::differences(CitusCluster::structure_of($node, 'app', $schema), $plain), '', "$name: $schema");
		is(CitusCluster::differences($cluster->structure_of_shards('app', $schema), $plain), '', "$name: the shards of $schema") if $schema ne 'public';
	}
	return;
}

my $unknown = q{SELECT count(*) FROM pg_class c WHERE relkind = 'r' AND relnamespace::regnamespace::text ~ '^"?(org|acc|late)'
	AND NOT EXISTS (SELECT FROM pg_dist_partition WHERE logicalrelid = c.oid)};

subtest 'two generations and back' => sub {
	apply($_, $first, 'first') for 'plain', 'app';
	same_structure('first generation', 'public', 'org_1', 'org_6');
	apply($_, $second, 'second') for 'plain', 'app';
	same_structure('second generation', 'public', 'org_1', 'org_6');
	is($node->safe_psql('app', $unknown), 0, 'no table of a tenant is local');
	is($node->safe_psql('app', q{SELECT count(DISTINCT nodeport) FROM citus_shards WHERE citus_table_type = 'schema'}), 2, 'tenants lie on both nodes');
	is($node->safe_psql('app', q{SELECT string_agg(table_name::text, ' ' ORDER BY table_name::text) FROM citus_tables WHERE citus_table_type = 'reference'}),
		'organizations plans users', 'what tenants point to, and what that points to, are reference tables');
	$node->safe_psql($_, q{SELECT ashmig_create_tenant('late')}) for 'plain', 'app';
	same_structure('a new tenant', 'late');
	is($node->safe_psql('app', 'SELECT ashmig_rename_tenant(\'late\', \'org_late\'); SELECT count(*) FROM org_late.tickets; SELECT ashmig_drop_tenant(\'org_late\', cascade => true)'), "\n0\n", 'renamed, read and dropped');
	is($node->safe_psql('app', q{SELECT count(*) FROM ashmig_drift()}), 0, 'no drift');
	for my $database ('plain', 'app')
	{
		# in stages, as it was applied
		$node->safe_psql($database, "SELECT count(*) FROM ashmig_rollback$_->[0](to_version => (SELECT min(version) FROM ashmig.migrations WHERE scope = '$_->[1]' AND name ~ '$_->[2]'))")
			for [ '_tenants', 'tenant', '^second$' ], [ '', 'public', '^second' ], [ '_tenants', 'tenant', '^second' ];
	}
	same_structure('rolled back', 'public', 'org_1', 'org_6');
	apply($_, $second, 'second') for 'plain', 'app';
	same_structure('applied again', 'public', 'org_1', 'org_6');
};

subtest 'rows' => sub {
	$node->safe_psql('app', q{INSERT INTO plans (code, name, monthly_price) VALUES ('team', 'Team', 49);
		INSERT INTO organizations (slug, name, plan_id) SELECT 'acme', 'Acme', id FROM plans;
		INSERT INTO users (organization_id, email, full_name) SELECT id, 'ann@acme.example', 'Ann' FROM organizations;
		INSERT INTO org_1.tickets (subject, reporter_id) SELECT 'It works', id FROM users;
		INSERT INTO org_2.tickets (subject, reporter_id) SELECT 'It works', id FROM users});
	for my $schema ('org_1', 'org_2')
	{
		my (undef, undef, $errors) = $node->psql('app', "INSERT INTO $schema.tickets (subject, reporter_id) VALUES ('x', gen_random_uuid())");
		like($errors, qr/violates foreign key constraint/, "$schema: a key to nobody is refused");
		(undef, undef, $errors) = $node->psql('app', "UPDATE $schema.tickets SET status = 'nonsense'");
		like($errors, qr/violates check constraint/, "$schema: so is a row that breaks a check");
	}
};

# Tables that are made where Citus does not look
subtest 'created below other statements' => sub {
	my $rows = PostgreSQL::Test::Utils::tempdir . '/rows';
	append_to_file($rows, "3\tcopied\n");
	$node->safe_psql('app', q{CREATE TABLE accounts (id bigint PRIMARY KEY, slug text UNIQUE);
		SELECT ashmig_manage_tenant('accounts', '{acc_,:slug}');
		INSERT INTO accounts VALUES (1, 'plain');
		EXPLAIN (ANALYZE) INSERT INTO accounts VALUES (2, 'explained');
		COPY accounts FROM '} . $rows . q{';
		UPDATE accounts SET slug = 'renamed' WHERE id = 2});
	is($node->safe_psql('app', q{SELECT string_agg(schema_name::text, ' ' ORDER BY schema_name::text) FROM citus_schemas WHERE schema_name::text LIKE 'acc%'}),
		'acc_copied acc_plain acc_renamed', 'tenants of managed rows are distributed');
	$node->safe_psql('app', q{SELECT ashmig_add_migration(20990101000000, 'by_do', 'DO $$ BEGIN CREATE TABLE made_below (id bigint PRIMARY KEY); END $$', 'DROP TABLE made_below', tenant => true);
		SELECT count(*) FROM ashmig_migrate_all()});
	is($node->safe_psql('app', $unknown), 0, 'no table of a tenant is local');
	$node->safe_psql('app', q{SET citus.enable_schema_based_sharding = off; SELECT ashmig_create_tenant('org_off')});
	is($node->safe_psql('app', $unknown), 0, 'nor in a session where sharding is off');
	$node->safe_psql('app', q{SELECT ashmig_add_migration(20990101000001, 'named', 'CREATE SCHEMA sales; CREATE TABLE sales.a (id bigint PRIMARY KEY)', 'DROP SCHEMA sales CASCADE');
		SET citus.enable_schema_based_sharding = on; SELECT count(*) FROM ashmig_migrate()});
	is($node->safe_psql('app', q{SELECT count(*) FROM citus_schemas WHERE schema_name::text = 'sales'}), 0, 'a schema of public tables stays on the coordinator');
	$node->safe_psql('app', 'ALTER TABLE accounts ADD COLUMN plan_id bigint; CREATE TABLE more (id bigint PRIMARY KEY REFERENCES accounts); SELECT citus_add_local_table_to_metadata($$accounts$$, true); INSERT INTO accounts VALUES (9, $$local$$)');
	is($node->safe_psql('app', q{SELECT DISTINCT managed_by FROM ashmig_all_tenants() WHERE schema_name IN ('acc_plain', 'acc_local')}), 'public.accounts', 'a managed table goes by its own name');
	my (undef, undef, $errors) = $node->psql('app', q{SELECT ashmig_manage_tenant('users', '{u_,:id}')});
	like($errors, qr/ERROR:  reference table "users" cannot have the triggers that manage tenants/, 'a reference table cannot be managed');
};

# Forms of statements that Citus refuses as they are written
subtest 'statements' => sub {
	my $up = q{ALTER TABLE made_below ADD COLUMN n int DEFAULT 3, ADD CONSTRAINT n_known CHECK (n IN (1, 2, 3)), ADD CONSTRAINT n_self FOREIGN KEY (id) REFERENCES made_below (id), ALTER COLUMN n SET NOT NULL;
		ALTER TABLE made_below RENAME CONSTRAINT made_below_pkey TO made_below_key;
		ALTER TABLE made_below RENAME CONSTRAINT n_self TO n_itself;
		ALTER TABLE made_below ALTER CONSTRAINT n_itself DEFERRABLE INITIALLY DEFERRED};
	my $down = q{ALTER TABLE made_below ALTER CONSTRAINT n_itself NOT DEFERRABLE;
		ALTER TABLE made_below RENAME CONSTRAINT n_itself TO n_self;
		ALTER TABLE made_below RENAME CONSTRAINT made_below_key TO made_below_pkey;
		ALTER TABLE made_below DROP CONSTRAINT n_self, DROP COLUMN n};
	my $before = CitusCluster::structure_of($node, 'app', 'org_1');
	$node->safe_psql('app', "SELECT ashmig_add_migration(20990101000002, 'forms', \$up\$$up\$up\$, \$down\$$down\$down\$, tenant => true);
		SELECT ashmig_add_migration(20990101000003, 'concurrently', 'CREATE INDEX CONCURRENTLY made_below_n ON made_below (n)', 'DROP INDEX CONCURRENTLY made_below_n', tenant => true, transactional => false);
		SELECT count(*) FROM ashmig_migrate_all()");
	$node->safe_psql('app', 'CALL ashmig_wait()');
	is($node->safe_psql('app', q{SELECT conname || ' ' || pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = 'org_1.made_below'::regclass AND contype <> 'n' ORDER BY 1}),
		"made_below_key PRIMARY KEY (id)\nn_itself FOREIGN KEY (id) REFERENCES org_1.made_below(id) DEFERRABLE INITIALLY DEFERRED\nn_known CHECK ((n = ANY (ARRAY[1, 2, 3])))", 'in parts, by drop and add');
	is(CitusCluster::differences($cluster->structure_of_shards('app', 'org_1'), CitusCluster::structure_of($node, 'app', 'org_1')), '', 'shards are as the shells');
	is($node->safe_psql('app', 'SELECT ashmig_create_tenant($$org_plain_index$$) IS NOT NULL'), 't', 'a new tenant builds the index plainly');
	$node->safe_psql('app', 'SELECT count(*) FROM ashmig_rollback_tenants(step => 2)');
	$node->safe_psql('app', 'CALL ashmig_wait()');
	is(CitusCluster::differences(CitusCluster::structure_of($node, 'app', 'org_1'), $before), '', 'and back');
	is(CitusCluster::differences($cluster->structure_of_shards('app', 'org_1'), $before), '', 'on the node, too');
};

# Never a wrong answer
subtest 'where ashmig refuses to work' => sub {
	my (undef, undef, $errors) = $node->psql('app', 'SELECT (SELECT count(*) FROM ashmig_status()), subject FROM org_1.tickets');
	like($errors, qr/ERROR:  ashmig works on the coordinator of a Citus cluster/, 'a query that Citus sends to another node');
	my ($worker) = $cluster->workers;
	for my $call ('ashmig_status()', 'ashmig_migrate_all()', 'ashmig_create_tenant($$x$$)', 'ashmig_drift()')
	{
		(undef, undef, $errors) = $worker->psql('app', "SELECT * FROM $call");
		like($errors, qr/ERROR:  ashmig works on the coordinator of a Citus cluster.*HINT:/s, "$call on another node");
	}
	$cluster->create_database('lonely', 1);
	(undef, undef, $errors) = $node->psql('lonely', q{CREATE EXTENSION ashmig; SELECT ashmig_create_tenant('x')});
	like($errors, qr/ERROR:  the other nodes of the Citus cluster do not know the coordinator.*HINT:  SELECT citus_set_coordinator_host/s, 'a coordinator that the others do not know');
	is(($node->psql('lonely', 'DROP EXTENSION ashmig'))[0], 0, 'an extension that nobody has used is dropped everywhere');
	my $table = q{{"table": "seq", "multitenancy": {"strategy": "context"}, "repo": "R", "attributes": [{"source": "id", "type": "bigint", "primary_key?": true, "allow_nil?": false, "default": "nil", "generated?": false, "references": null, "size": null}%s], "identities": [], "custom_indexes": [], "check_constraints": [], "custom_statements": [%s], "base_filter": null, "schema": null}};
	my $serial = q{, {"source": "n", "type": "bigint", "primary_key?": false, "allow_nil?": false, "default": "nil", "generated?": true, "references": null, "size": null}};
	my $trigger = q{{"name": "trg", "up": "CREATE TRIGGER trg AFTER INSERT ON seq FOR EACH ROW EXECUTE FUNCTION f()", "down": "DROP TRIGGER trg ON seq", "code?": false}};
	$node->safe_psql('app', "SELECT count(*) FROM ashmig_generate(\$j\$" . sprintf($table, '', '') . "\$j\$)");
	(undef, undef, $errors) = $node->psql('app', "SELECT * FROM ashmig_plan(\$j\$" . sprintf($table, $serial, '') . "\$j\$)");
	like($errors, qr/ERROR:  column "n" of "<tenant>.seq" cannot be added with a sequence/, 'a sequence in a table that exists, when it is planned');
	(undef, undef, $errors) = $node->psql('app', "SELECT * FROM ashmig_plan(\$j\$" . sprintf($table, '', $trigger) . "\$j\$)");
	like($errors, qr/ERROR:  custom statement "trg" of "<tenant>.seq" creates a trigger in tenants/, 'a trigger in tenants, when it is planned');
};

done_testing();
