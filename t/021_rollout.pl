# A run pauses while a standby is too far behind, or too many other sessions are
# at work; everybody can see why, and it goes on by itself.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use FindBin;
use lib "$FindBin::RealBin/lib";
use Fleet;

my $fleet = Fleet->new;
my $node = $fleet->node;
my $version = 1;

sub migration
{
	my ($statement) = @_;
	$version++;
	$fleet->add_migration($version, $statement, 'SELECT 1');
	return;
}

# Wait until there is a pause for that reason; what the migration has done then.
sub wait_for_pause
{
	my ($reason) = @_;
	ok($fleet->wait_for("SELECT EXISTS (SELECT FROM ashmig.progress WHERE pause LIKE '$reason' AND paused_since <= now())"),
		"ashmig.progress says why the run pauses: $reason");
	return $fleet->applied($version);
}

# Run with a setting, each statement by itself, in a session of its own.
sub start_run
{
	my ($setting, $statement) = @_;
	my $session = $fleet->start(undef);
	$session->{in} = "SET $setting;\n$statement;\n\\q\n";
	$session->{run}->pump_nb;
	return $session;
}

my $last_run = q{SELECT status, pause IS NULL AND paused_since IS NULL, paused > '0.2 s' FROM ashmig.runs ORDER BY run DESC LIMIT 1};

subtest 'load' => sub {
	my @busy = map { $fleet->start('SELECT pg_sleep(600)', 'busy') } 1 .. 3;
	ok($fleet->wait_for(q{SELECT count(*) = 3 FROM pg_stat_activity WHERE application_name = 'busy' AND state = 'active'}), 'three sessions are at work');

	# No statement may be more than the one that asks: three are too many.
	migration('SELECT 1');
	my $run = start_run('ashmig.max_load = 2', 'SELECT status, count(*) FROM ashmig_migrate_all(workers => 2) GROUP BY 1');
	is(wait_for_pause('% other sessions are active (ashmig.max_load is 2)'), 0, 'no schema is begun');
	$fleet->value(q{SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE application_name = 'busy'});
	$_->{run}->finish for @busy;
	$run->{run}->finish;
	is($run->{out}, "applied|40\n", 'then it goes on by itself');
	like($run->{err}, qr/NOTICE:  run pauses: \d other sessions are active.*NOTICE:  run continues/s, 'the caller is told');
	is($fleet->value($last_run), 'done|t|t', 'the journal has the time of the pause');
};

subtest 'load, in the calling session' => sub {
	my @busy = map { $fleet->start('SELECT pg_sleep(600)', 'busy') } 1 .. 3;
	ok($fleet->wait_for(q{SELECT count(*) = 3 FROM pg_stat_activity WHERE application_name = 'busy' AND state = 'active'}), 'three sessions are at work');
	migration('SELECT 1');
	my $run = start_run('ashmig.max_load = 2', 'CALL ashmig_migrate_all_serial()');
	is(wait_for_pause('% other sessions are active%'), 0, 'no schema is begun');

	# A time that passes ends the pause, too.
	my $timed = start_run('ashmig.max_load = 2', q{CALL ashmig_migrate_all_serial(run_until => clock_timestamp() + '0.5 s')});
	$timed->{run}->finish;
	like($timed->{err}, qr/40 schemas were not attempted: run_until has passed/, 'run_until holds in a pause');
	$fleet->value(q{SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE application_name = 'busy'});
	$_->{run}->finish for @busy;
	$run->{run}->finish;
	is($fleet->applied($version), 40, 'then it goes on by itself');
};

subtest 'standby' => sub {
	$node->append_conf('postgresql.conf', "wal_level = replica\nmax_wal_senders = 4\n");
	$node->set_replication_conf;
	$node->restart;
	$node->backup('base');
	my $standby = PostgreSQL::Test::Cluster->new('standby');
	$standby->init_from_backup($node, 'base', has_streaming => 1);
	$standby->start;
	$node->wait_for_catchup($standby, 'replay', $node->lsn('write'));

	migration('CREATE TABLE more (); SELECT pg_sleep(0.1)');
	$standby->safe_psql('postgres', 'SELECT pg_wal_replay_pause()');
	$standby->poll_query_until('postgres', q{SELECT pg_get_wal_replay_pause_state() = 'paused'});
	my $run = start_run("ashmig.max_replica_lag = '1 s'", 'SELECT status, count(*) FROM ashmig_migrate_all(workers => 1) GROUP BY 1');
	my $done = wait_for_pause('standby "standby" is % s behind (ashmig.max_replica_lag is 1.0 s)');
	cmp_ok($done, '<', 40, "the run pauses in the middle, after $done schemas");
	$standby->safe_psql('postgres', 'SELECT pg_wal_replay_resume()');
	$run->{run}->finish;
	is($run->{out}, "applied|40\n", 'it goes on when the standby has caught up');

	migration('CREATE TABLE again ()');
	my $follows = start_run("ashmig.max_replica_lag = '1 s'", 'SELECT status, count(*) FROM ashmig_migrate_all() GROUP BY 1');
	$follows->{run}->finish;
	is($follows->{out}, "applied|40\n", 'a standby that follows is no reason to pause');
	is($fleet->value(q{SELECT status, paused FROM ashmig.runs ORDER BY run DESC LIMIT 1}), 'done|00:00:00', 'nor was there a pause');
	$standby->stop;
};

done_testing();
