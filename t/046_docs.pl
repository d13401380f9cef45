# The pages on switching to ashmig and on doing without it: their SQL and their
# commands run as they stand, in the order of the page.
use strict;
use warnings;

use Cwd qw(getcwd);
use File::Temp qw(tempdir);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', 'fsync = off');
$node->start;

my $id = '{"source": "id", "type": "bigint", "generated?": true, "primary_key?": true, "allow_nil?": false}';
my $snapshots = qq([{"table": "organizations", "attributes": [$id, {"source": "schema_name", "type": "text"}]},
	{"table": "posts", "multitenancy": {"strategy": "context"}, "attributes": [$id]}]);
my $root = getcwd();

# The blocks of a language, without their indentation
sub blocks
{
	my ($page, $language) = @_;
	my @blocks;
	my $text = slurp_file("$root/docs/$page.md");
	while ($text =~ /^( *)```$language\n(.*?)^ *```$/gms)
	{
		my ($indent, $block) = ($1, $2);
		push @blocks, $block =~ s/^$indent//gmr;
	}
	return @blocks;
}

# Run SQL with the variables that the page speaks of; returns what it printed
sub run_sql
{
	my ($database, $sql, $name) = @_;
	my ($out, $errors) = ('', '');
	$node->psql($database, $sql, stdout => \$out, stderr => \$errors, on_error_stop => 1,
		extra_params => [ '-v', "snapshots=$snapshots" ]);
	unlike($errors, qr/ERROR/, $name);
	return $out;
}

# An application's database as Ecto leaves it
$node->safe_psql('postgres', 'CREATE DATABASE app');
$node->safe_psql('app', q{
	CREATE TABLE organizations (id bigserial PRIMARY KEY, schema_name text);
	INSERT INTO organizations (schema_name) VALUES ('org_acme'), ('org_birch');
	CREATE SCHEMA org_acme; CREATE TABLE org_acme.posts (id bigserial PRIMARY KEY);
	CREATE SCHEMA org_birch; CREATE TABLE org_birch.posts (id bigserial PRIMARY KEY);
	CREATE TABLE org_acme.schema_migrations (version bigint PRIMARY KEY, inserted_at timestamp(0));
	INSERT INTO org_acme.schema_migrations VALUES (20250101000000, now());
});

my $step = 0;
for my $block (blocks('switching', 'sql'))
{
	my $out = run_sql('app', $block, 'switching.md: block ' . ++$step);
	is($out, 't', 'nothing is pending after switching') if $block =~ /ashmig_status/;
	next unless $block =~ /ashmig_manage_tenant/;
	$node->safe_psql('app', "INSERT INTO organizations (schema_name) VALUES ('org_cedar')");
	is($node->safe_psql('app', 'SELECT count(*) FROM org_cedar.posts'), 0, 'a new row has its tenant');
	is($node->safe_psql('app', 'SELECT count(*) FROM org_cedar.schema_migrations'), 2, 'and Ecto knows its version, and that of the base');
}
is($node->safe_psql('app', q{SELECT string_agg(schemaname, ' ' ORDER BY schemaname) FROM pg_tables WHERE tablename = 'schema_migrations'}),
	'org_acme org_birch org_cedar public', 'every schema is back with Ecto');
is($node->safe_psql('app', 'SELECT count(*) FROM org_acme.schema_migrations'), 2, 'and has what it had');

# Without the extension: what is generated in one database runs in another
$node->safe_psql('postgres', 'CREATE DATABASE laptop');
$node->safe_psql('postgres', 'CREATE DATABASE hosted');
$node->safe_psql('hosted', 'CREATE SCHEMA org_acme');
$node->safe_psql('laptop', 'CREATE EXTENSION ashmig');
run_sql('laptop', "SELECT * FROM ashmig_generate(:'snapshots', name => 'base')", 'generating');
run_sql('laptop', $_, 'without-extension.md: export') for blocks('without-extension', 'sql');

chdir tempdir(CLEANUP => 1);
for my $scope ('public', 'tenant')
{
	append_to_file("$scope.sql", $node->safe_psql('laptop',
		"SELECT ashmig_export_migration(version, scope = 'tenant', 'sql') FROM ashmig.migrations WHERE scope = '$scope'") . "\n");
}
local @ENV{qw(PGHOST PGPORT PGDATABASE)} = ($node->host, $node->port, 'hosted');
my @commands = map { grep { /\S/ } split /\n/ } blocks('without-extension', 'sh');
for my $command (@commands)
{
	is(system("$command >output 2>&1"), 0, $command) or diag slurp_file('output');
	is($node->safe_psql('hosted', 'SELECT count(*) FROM org_acme.posts'), 0, 'the tenant has its table')
	  if $command =~ /schema=/ && $command !~ /rollback/;
}
is($node->safe_psql('hosted', q{SELECT count(*) FROM pg_tables WHERE schemaname IN ('public', 'org_acme') AND tablename <> 'schema_migrations'}),
	0, 'all is rolled back');
is(system("$commands[0] >output 2>&1"), 0, 'a script that was rolled back runs again');
is(system("$commands[0] >output 2>&1") >> 8, 3, 'and refuses to run twice');
chdir $root;

done_testing();
