# Random walks: generations of random snapshots, one after the other, and after
# each of them the laws (sql/setup.sql): the structure is the one that the newest
# snapshots give on an empty database; rolling back and migrating again restores
# it; the plan is empty; a tenant created now equals the others.  At times two copies
# of the database go on apart and import each other's migrations: both are the same
# then, or both have refused.
#
# "make laws N=1000" for a night; WALKS, WALK_STEPS and WALK_SEED are the number of
# walks, their length and the first seed, WALK_MEET how often branches meet.
use strict;
use warnings;
use utf8;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use FindBin;
use lib "$FindBin::RealBin/lib";
use RandomSnapshots;
use RandomWalk;

my $walks = $ENV{WALKS} // 8;
my $steps = $ENV{WALK_STEPS} // 15;
my $first = $ENV{WALK_SEED} // 1;

my $node = PostgreSQL::Test::Cluster->new('walks');
$node->init;
$node->append_conf('postgresql.conf', "autovacuum_naptime = 1\nmax_locks_per_transaction = 256\n");
$node->start;
$node->command_ok([ 'psql', '-XqAt', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('postgres'), '-f', 'sql/setup.sql' ], 'setup');
$node->safe_psql('postgres', 'SELECT tools.ashmig_create_tenant(t) FROM unnest($${t1,t-2}$$::text[]) AS t');

$RandomSnapshots::nulls_not_distinct = $node->safe_psql('postgres', 'SHOW server_version_num') >= 150000;

for my $seed ($first .. $first + $walks - 1) {
	my $name = "walk_$seed";
	my $psql = sub {
		my ($database, $sql, $out, $err) = (@_, '', '');
		my $status = $node->psql($database, $sql, stdout => \$out, stderr => \$err, on_error_stop => 1);
		return ($status, $out, $err);
	};
	$node->safe_psql('template1', "CREATE DATABASE $name TEMPLATE postgres");
	my $walk = RandomWalk->new(seed => $seed, setup => slurp_file('t/lib/walk.sql'), database => $name, psql => $psql,
		meet => $ENV{WALK_MEET} // 0.15);
	my $wrong = $walk->walk($steps);
	ok($wrong eq '', "walk with seed $seed, $steps steps") or diag("once more: make laws N=1 SEED=$seed STEPS=$steps\n$wrong");
	$node->safe_psql('template1', "DROP DATABASE $walk->{database}");
}

done_testing();
