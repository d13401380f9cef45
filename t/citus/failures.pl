# Failures on a Citus cluster: nodes that are killed in the middle of a run, and locks on
# another node. What is recorded and what the nodes have always agree in the end.
#
# KILLS and KILL_SEED choose how many moments, and which.
use strict;
use warnings;

use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time usleep);

use FindBin;
use lib "$FindBin::RealBin/../lib";
use CitusCluster;
use Fleet;

my $kills = $ENV{KILLS} // 6;
my $seed = $ENV{KILL_SEED} // time;
my $tenants = 12;
srand($seed);
note "seed $seed";

my $cluster = CitusCluster->new;
my $node = $cluster->coordinator;
$cluster->create_database('app');
$node->safe_psql('app', qq{CREATE EXTENSION ashmig; CREATE TABLE orgs (id bigint PRIMARY KEY);
	INSERT INTO orgs VALUES (1);
	SELECT ashmig_add_migration(1, 'posts', 'CREATE TABLE posts (id bigint PRIMARY KEY, org bigint REFERENCES public.orgs, n bigint DEFAULT 0)', 'DROP TABLE posts', tenant => true);
	SELECT ashmig_create_tenant('t' || i) FROM generate_series(1, $tenants) AS i});
$node->safe_psql('app', "INSERT INTO t$_.posts VALUES (1, 1)") for 1 .. $tenants;

# Of which version is each tenant, by its row, by its shell, and by its rows' own count?
# The migrations add a column each, and count one up before that.
sub state_of
{
	my ($version) = @_;
	my %state;

	for my $tenant (1 .. $tenants)
	{
		my $recorded = $node->safe_psql('app', "SELECT count(*) FROM ashmig.versions WHERE schema_name = 't$tenant' AND version = $version");
		my $shell = $node->safe_psql('app', "SELECT count(*) FROM pg_attribute WHERE attrelid = 't$tenant.posts'::regclass AND attname = 'c$version'");
		my $shard = $node->safe_psql('app', "SELECT result FROM run_command_on_shards('t$tenant.posts', \$\$SELECT count(*) FROM pg_attribute WHERE attrelid = '%s'::regclass AND attname = 'c$version'\$\$)");
		my $rows = $node->safe_psql('app', "SELECT n FROM t$tenant.posts") - ($version - 2);
		$state{"$recorded$shell$shard$rows"}++;
	}
	return join ' ', map { "$_ x $state{$_}" } sort keys %state;
}

sub wait_for_recovery
{
	$_->poll_query_until('app', q{SELECT NOT EXISTS (SELECT FROM pg_prepared_xacts WHERE database = current_database())}) for $cluster->nodes;
	return;
}

my @victims = ('worker1', 'coordinator', 'worker2');
for my $i (1 .. $kills)
{
	my $version = $i + 1;
	my $name = $victims[$i % @victims];
	my ($victim) = grep { $_->name eq $name } $cluster->nodes;
	my $pause = int(rand(900_000));

	subtest "$name killed after " . int($pause / 1000) . ' ms' => sub {
		my ($out, $err) = ('', '');
		$node->safe_psql('app', "SELECT ashmig_add_migration($version, 'column', 'UPDATE posts SET n = n + 1; ALTER TABLE posts ADD COLUMN c$version int', 'SELECT 1', tenant => true)");
		my $run = IPC::Run::start([ 'psql', '-XqAt', '-d', $node->connstr('app'), '-c', 'SELECT count(*) FROM ashmig_migrate_all(workers => 2)' ],
			'>', \$out, '2>', \$err, IPC::Run::timer(180));
		usleep($pause);
		kill 'KILL', (split /\n/, slurp_file($victim->data_dir . '/postmaster.pid'))[0];
		usleep(200_000);
		Fleet::wait_until_up($victim, 1);
		$run->finish;
		wait_for_recovery();
		like(state_of($version), qr/^(0000 x \d+ ?)?(1111 x \d+)?$/, 'version rows, shells, shards and rows agree');
		$node->safe_psql('app', 'SELECT count(*) FROM ashmig_migrate_all()');
		is(state_of($version), "1111 x $tenants", 'running again resumes');
	};
}

subtest 'a lock on another node' => sub {
	my $version = $kills + 2;
	my ($port, $shard) = split /\|/, $node->safe_psql('app', q{SELECT nodeport, shard_name FROM citus_shards WHERE table_name = 't1.posts'::regclass});
	my ($holder) = grep { $_->port == $port } $cluster->nodes;
	my $session = IPC::Run::start([ 'psql', '-Xq', '-d', $holder->connstr('app'), '-c', 'SET citus.enable_manual_changes_to_shards = on', '-c', "BEGIN; LOCK TABLE $shard", '-c', 'SELECT pg_sleep(600)' ],
		'>', '/dev/null', '2>', '/dev/null');
	$holder->poll_query_until('app', q{SELECT count(*) = 1 FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(600)'});
	$node->safe_psql('app', "SELECT ashmig_add_migration($version, 'column', 'ALTER TABLE posts ADD COLUMN c$version int', 'SELECT 1', tenant => true)");
	my $start = time;
	my $results = $node->safe_psql('app', q{SET ashmig.lock_retries = 0; SELECT status, count(*), min(error) FROM ashmig_migrate_all(lock_timeout => '300ms', on_error => 'report') GROUP BY 1 ORDER BY 1});
	my $seconds = time - $start;
	like($results, qr/^applied\|@{[$tenants - 1]}\|\nfailed\|1\|.*lock timeout/, 'lock_timeout holds there, and the other tenants are migrated');
	cmp_ok($seconds, '<', 60, 'nobody waited for the lock');
	$holder->safe_psql('app', q{SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(600)'});
	$session->finish;
	is($node->safe_psql('app', 'SELECT schema_name, status FROM ashmig_migrate_all()'), 't1|applied', 'afterwards it is done');
};

done_testing();
