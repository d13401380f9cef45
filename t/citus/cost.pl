# What ashmig costs on a Citus cluster: tenants created, and altered, by ashmig and by the same
# statements from psql, in turns. Prints the ratios; it fails only where something does not work.
# TENANTS: how many (60).
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

use FindBin;
use lib "$FindBin::RealBin/../lib";
use CitusCluster;

my $tenants = $ENV{TENANTS} // 60;
my $rounds = 4;
my $cluster = CitusCluster->new;
my $node = $cluster->coordinator;
my $snapshots = PostgreSQL::Test::Utils::tempdir . '/snapshots';
my $script = PostgreSQL::Test::Utils::tempdir . '/script.sql';

system_or_bail('cp', '-r', "$FindBin::RealBin/../../examples/helpdesk/priv/resource_snapshots", $snapshots);
$cluster->create_database('app');
$node->safe_psql('app', "CREATE EXTENSION ashmig; SELECT count(*) FROM ashmig_apply(ashmig_load('$snapshots'))");

# The statements of a new tenant, as ashmig shows them
my (undef, undef, $log) = $node->psql('app', q{SET ashmig.log_sql = on; SELECT ashmig_create_tenant('proto')});
my @statements = $log =~ /INFO:  "proto": (.*)/g;
cmp_ok(scalar @statements, '>', 5, 'ashmig shows the statements of a new tenant');

# One at a time, as Citus wants constraints to be added
@statements = map {
	my ($head, $rest) = /^(ALTER TABLE \S+) (ADD CONSTRAINT .*)$/ ? ($1, $2) : (undef, undef);
	defined $head ? map { "$head $_" } split(/, (?=ADD CONSTRAINT)/, $rest) : $_;
} @statements;

sub seconds_of
{
	my ($sql) = @_;
	my $start;

	unlink $script;
	append_to_file($script, $sql);
	$start = time;
	system_or_bail('psql', '-XqAt', '-v', 'ON_ERROR_STOP=1', '-o', '/dev/null', '-d', $node->connstr('app'), '-f', $script);
	return time - $start;
}

my (@ratios, $by_psql, $by_ashmig);
for my $round (1 .. $rounds)
{
	my $psql = '';
	my $ashmig = '';

	for my $i (map { ($round - 1) * $tenants / $rounds + $_ } 1 .. $tenants / $rounds)
	{
		$psql .= join ";\n", 'BEGIN', "SET LOCAL citus.multi_shard_modify_mode = 'sequential'", "CREATE SCHEMA p$i", "SET LOCAL search_path = p$i, public",
			(map { s/"proto"/"p$i"/gr } @statements), "COMMIT;\n";
		$ashmig .= "SELECT ashmig_create_tenant('a$i');\n";
	}
	my ($p, $a) = $round % 2 ? (seconds_of($psql), seconds_of($ashmig)) : reverse(seconds_of($ashmig), seconds_of($psql));
	$by_psql += $p;
	$by_ashmig += $a;
}
diag sprintf("%d tenants: psql %.2f s, ashmig %.2f s, ratio %.2f", $tenants, $by_psql, $by_ashmig, $by_ashmig / $by_psql);

my $alter = 'ALTER TABLE %stickets ADD COLUMN extra int; CREATE INDEX tickets_extra ON %stickets (extra)';
my $psql_alter = join '', map { "BEGIN; " . sprintf($alter, "p$_.", "p$_.") . "; COMMIT;\n" } 1 .. $tenants;
$node->safe_psql('app', sprintf("SELECT ashmig_add_migration(20990101000000, 'extra', '$alter', 'SELECT 1', tenant => true); SELECT ashmig_drop_tenant('proto', cascade => true)", '', ''));
my $p = seconds_of($psql_alter);
my $a = seconds_of('SELECT count(*) FROM ashmig_migrate_all(workers => 1)');
diag sprintf("altering them: psql %.2f s, ashmig with one worker %.2f s, ratio %.2f", $p, $a, $a / $p);
is($node->safe_psql('app', 'SELECT count(*) FROM ashmig.versions WHERE version = 20990101000000'), $tenants, 'all are altered');
done_testing();
