# Real applications on a Citus cluster: every generation of their snapshots, a new tenant and
# the way back give the structure that they give on plain PostgreSQL, on every node.
#
# The folders of generations are below $CONFORMANCE/cases: NNN.json each, with NNN.args for
# other arguments; CASES names some of them.
use strict;
use warnings;

use File::Basename qw(basename);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use FindBin;
use lib "$FindBin::RealBin/../lib";
use CitusCluster;

my $folder = $ENV{CONFORMANCE} // '';
my @cases = grep { -d } map { "$folder/cases/$_" } $ENV{CASES} ? split(' ', $ENV{CASES}) : map { basename($_) } glob("$folder/cases/*");
plan skip_all => 'CONFORMANCE names no folder with cases' unless @cases;

my $cluster = CitusCluster->new;
my $node = $cluster->coordinator;
my @databases = ('plain', 'app');

sub apply
{
	my ($database, $json) = @_;
	my $args_file = $json =~ s/json$/args/r;
	my $args = -e $args_file ? slurp_file($args_file) : q{renames => '[]', drop_columns => true};
	my $name = 'generation_' . basename($json, '.json');
	my $snapshots = slurp_file($json);

	$node->safe_psql($database, "SELECT count(*) FROM ashmig_apply(\$snapshots\$$snapshots\$snapshots\$::jsonb, name => '$name', $args)");
	$node->safe_psql($database, 'CALL ashmig_wait()');
	return;
}

# Roll back what has this name, the newest first, whichever scope it is of.
sub roll_back
{
	my ($database, $name) = @_;
	my $newest = "SELECT scope || ' ' || version FROM ashmig.migrations AS m WHERE name ~ '^$name'
		AND EXISTS (SELECT FROM ashmig.versions AS v WHERE v.version = m.version) ORDER BY version DESC LIMIT 1";

	while ((my $migration = $node->safe_psql($database, $newest)) ne '')
	{
		my ($scope, $version) = split / /, $migration;
		my $function = $scope eq 'tenant' ? 'ashmig_rollback_tenants' : 'ashmig_rollback';
		$node->safe_psql($database, "SELECT count(*) FROM $function(to_version => $version)");
		$node->safe_psql($database, 'CALL ashmig_wait()');
	}
	return;
}

sub compare
{
	my ($name, $tenant) = @_;
	my $plain = CitusCluster::structure_of($node, 'plain', $tenant);

	is(CitusCluster::differences(CitusCluster::structure_of($node, 'app', 'public'), CitusCluster::structure_of($node, 'plain', 'public')), '', "$name: public");
	is(CitusCluster::differences(CitusCluster::structure_of($node, 'app', $tenant), $plain), '', "$name: $tenant");
	is(CitusCluster::differences($cluster->structure_of_shards('app', $tenant), $plain), '', "$name: the shards of $tenant");
	return;
}

for my $case (@cases)
{
	subtest basename($case) => sub {
		my @generations = sort glob("$case/[0-9]*.json");

		$node->safe_psql('postgres', 'CREATE DATABASE plain');
		$cluster->create_database('app');
		for my $database (@databases)
		{
			$node->safe_psql($database, slurp_file("$folder/prelude.sql")) if -e "$folder/prelude.sql";
			$node->safe_psql($database, q{CREATE EXTENSION ashmig; SELECT ashmig_create_tenant('tenant_1')});
		}
		for my $json (@generations)
		{
			apply($_, $json) for @databases;
			compare('generation ' . basename($json, '.json'), 'tenant_1');
		}
		$node->safe_psql($_, q{SELECT ashmig_create_tenant('tenant_2')}) for @databases;
		compare('a new tenant', 'tenant_2');
		for my $json (reverse @generations[1 .. $#generations])
		{
			roll_back($_, 'generation_' . basename($json, '.json')) for @databases;
		}
		compare('back at the first generation', 'tenant_1');
		$node->safe_psql('postgres', 'DROP DATABASE plain WITH (FORCE)');
		$cluster->drop_database('app');
	};
}

done_testing();
