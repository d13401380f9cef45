# ALTER EXTENSION ashmig UPDATE: a database with tenants and migrations, some
# of them pending, goes on with a newer version as if nothing had happened.
# The newer version is ashmig--1.0--1.0.1.sql beside this file.
use strict;
use warnings;

use File::Copy;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $script = 'ashmig--1.0--1.0.1.sql';
chomp(my $folder = `pg_config --sharedir`);
$folder .= '/extension';
plan skip_all => "$folder is not writable" unless -w $folder;

my $installed = "$folder/$script";
END { unlink $installed if defined $installed }
copy("t/$script", $installed) or die "$installed: $!\n";

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->start;

# A public table, and one of the tenants with so many columns
sub snapshots
{
	my $columns = shift;
	my $more = join '', map { qq(, {"source": "c$_", "type": "bigint", "default": "nil"}) } 1 .. $columns;
	return qq([
	  {"table": "plans", "repo": "Elixir.Upgrade.Repo",
	   "attributes": [{"source": "id", "type": "bigint", "default": "nil", "allow_nil?": false, "generated?": true, "primary_key?": true}$more]},
	  {"table": "tickets", "repo": "Elixir.Upgrade.Repo",
	   "multitenancy": {"strategy": "context", "attribute": null, "global": false},
	   "attributes": [{"source": "id", "type": "uuid", "default": "nil", "allow_nil?": false, "primary_key?": true}$more]}]);
}

# What the tables of ashmig hold, but for the column that 1.0.1 adds
sub catalog_rows
{
	my @tables = split /\n/, $node->safe_psql('upgrade', q{
		SELECT oid::regclass FROM pg_class WHERE relnamespace = 'ashmig'::regnamespace
		   AND relkind = 'r' AND relname <> 'upgrade_notes' ORDER BY 1});
	return join "\n", map { $node->safe_psql('upgrade', "SELECT '$_', to_jsonb(t) - 'upgrade_note' FROM $_ AS t ORDER BY 2") } @tables;
}

sub columns_of
{
	my $table = shift;
	return $node->safe_psql('upgrade', qq{
		SELECT attrelid::regclass, string_agg(attname, ' ' ORDER BY attnum) FROM pg_attribute
		 WHERE attrelid IN (SELECT oid FROM pg_class WHERE relname = '$table') AND attnum > 0 AND NOT attisdropped
		 GROUP BY attrelid ORDER BY attrelid::regclass::text COLLATE "C"});
}

#
# Version 1.0: tenants of both kinds, one generation applied, another pending
#
$node->safe_psql('postgres', 'CREATE DATABASE upgrade');
$node->safe_psql('upgrade', q{
	CREATE EXTENSION ashmig VERSION '1.0';
	CREATE TABLE organizations (id bigserial PRIMARY KEY);
	SELECT ashmig_manage_tenant('organizations', ARRAY['org_', ':id']);
	INSERT INTO organizations SELECT FROM generate_series(1, 2);
	SELECT ashmig_create_tenant('by-hand')});
$node->safe_psql('upgrade', "SELECT * FROM ashmig_apply('" . snapshots(1) . "', name => 'first')");
$node->safe_psql('upgrade', q{
	INSERT INTO plans (c1) VALUES (10);
	INSERT INTO org_1.tickets (id, c1) VALUES (gen_random_uuid(), 20)});
$node->safe_psql('upgrade', "SELECT * FROM ashmig_generate('" . snapshots(2) . "', name => 'second')");
my $status = $node->safe_psql('upgrade', 'SELECT * FROM ashmig_status()');
my $rows = catalog_rows();

#
# The update, in a session that has used 1.0 and goes on
#
is( $node->safe_psql('upgrade', q{
	\o /dev/null
	SELECT * FROM ashmig_status();
	SELECT ashmig_create_tenant('before');
	ALTER EXTENSION ashmig UPDATE TO '1.0.1';
	SELECT * FROM ashmig_status();
	SELECT ashmig_create_tenant('after');
	\o
	SELECT schema_name, upgrade_note FROM ashmig.tenants WHERE schema_name IN ('before', 'after') ORDER BY 2;
	\o /dev/null
	SELECT ashmig_drop_tenant(t, cascade => true) FROM unnest('{before,after}'::text[]) AS t}),
	"before|known to 1.0\nafter|new", 'a session goes on after the update');
is($node->safe_psql('upgrade', "SELECT extversion FROM pg_extension WHERE extname = 'ashmig'"), '1.0.1', 'the version is the new one');
is($node->safe_psql('upgrade', 'SELECT ashmig_upgrade_notes()'), 'known to 1.0', 'what 1.0.1 brings works');
is(catalog_rows(), $rows, 'the tables of ashmig hold what they held');
is($node->safe_psql('upgrade', 'SELECT * FROM ashmig_status()'), $status, 'the status is the same');

#
# What was pending is applied, and everything else works
#
is($node->safe_psql('upgrade', 'SELECT count(*) FROM ashmig_migrate_all()'), 4, 'pending migrations run: public, three tenants');
is( columns_of('tickets'),
	qq{"by-hand".tickets|id c1 c2\norg_1.tickets|id c1 c2\norg_2.tickets|id c1 c2}, 'each tenant has its new column');
is($node->safe_psql('upgrade', 'SELECT c1, c2 FROM plans UNION ALL SELECT c1, c2 FROM org_1.tickets'), "10|\n20|", 'the rows are kept');
is($node->safe_psql('upgrade', "SELECT count(*) FROM ashmig_plan('" . snapshots(2) . "')"), 0, 'nothing is left to plan');
$node->safe_psql('upgrade', 'INSERT INTO organizations DEFAULT VALUES');
is($node->safe_psql('upgrade', q{SELECT count(*) FROM pg_class WHERE oid = to_regclass('org_3.tickets')}), 1, 'triggers create tenants');
$node->safe_psql('upgrade', "SELECT * FROM ashmig_apply('" . snapshots(3) . "', name => 'third')");
$node->safe_psql('upgrade', 'SELECT * FROM ashmig_rollback_tenants(step => 2); SELECT * FROM ashmig_rollback(step => 2)');
is(columns_of('plans'), 'plans|id c1', 'migrations of both versions are rolled back');
is($node->safe_psql('upgrade', 'SELECT c1 FROM org_1.tickets'), 20, 'the rows are kept after a rollback as well');
is($node->safe_psql('upgrade', 'SELECT count(*) FROM ashmig_check_migrations()'), 0, 'checksums hold');

#
# An installation of 1.0.1 from the start has the same objects
#
my $objects = q{
	SELECT pg_describe_object(classid, objid, objsubid), p.prorows, p.proacl::text
	  FROM pg_depend LEFT JOIN pg_proc AS p ON classid = 'pg_proc'::regclass AND p.oid = objid
	 WHERE refclassid = 'pg_extension'::regclass AND deptype = 'e'
	   AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'ashmig') ORDER BY 1};
$node->safe_psql('postgres', 'CREATE DATABASE fresh');
$node->safe_psql('fresh', q{CREATE EXTENSION ashmig VERSION '1.0.1'});
is($node->safe_psql('fresh', $objects), $node->safe_psql('upgrade', $objects), 'a new installation has the same objects');

done_testing();
