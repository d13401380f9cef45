# Runs that are canceled, and leaders and workers that are terminated or
# replaced: what is done stays, and running again does the rest.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use FindBin;
use lib "$FindBin::RealBin/lib";
use Fleet;

my $fleet = Fleet->new;
my $no_worker = q{SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'ashmig worker'};
my $migrate = 'SELECT * FROM ashmig_migrate_all(quiet => true)';

subtest 'ashmig_cancel' => sub {
	$fleet->add_migration(2, 'SELECT pg_sleep(0.2)', 'SELECT 1');
	my $run = $fleet->start($migrate);
	$fleet->wait_for('SELECT count(*) > 0 FROM ashmig.progress WHERE done > 1');
	is($fleet->value('SELECT schemas FROM ashmig.progress'), 40, 'ashmig.progress shows the run');
	ok($fleet->wait_for(q{SELECT count(*) = 2 FROM pg_stat_activity
		WHERE backend_type = 'ashmig worker' AND query ~ 'ashmig run \d+: migrate tenant "t\d+"'}), 'pg_stat_activity names the tenants');
	is($fleet->value('SELECT ashmig_cancel(run) FROM ashmig.progress'), 't', 'the run can be canceled');
	$run->{run}->finish;
	like($run->{err}, qr/canceling statement due to user request/, 'the call ends');
	is($fleet->value($no_worker), 't', 'the workers end with it');
	is($fleet->value('SELECT status FROM ashmig.runs ORDER BY run DESC LIMIT 1'), 'canceled', 'the journal says so');
	is($fleet->value('SELECT ashmig_cancel(max(run)) FROM ashmig.runs'), 'f', 'a run that is over cannot be canceled');
	cmp_ok($fleet->applied(2), '<', 40, 'some tenants are pending');
};

subtest 'terminated leader' => sub {
	my $run = $fleet->start($migrate, 'leader');
	$fleet->wait_for('SELECT count(*) > 0 FROM ashmig.progress WHERE done > 1');
	$fleet->value(q{SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'leader' AND backend_type = 'client backend'});
	$run->{run}->finish;
	ok($fleet->wait_for($no_worker), 'no worker outlives its leader');
	my $before = $fleet->applied(2);
	is($fleet->value('SELECT count(*) FROM ashmig_migrate_all(quiet => true)'), 40 - $before, 'running again does the rest');
};

# Another worker takes its place.
subtest 'terminated worker' => sub {
	$fleet->add_migration(3, 'SELECT pg_sleep(0.1)', 'SELECT 1');
	my $run = $fleet->start($migrate);
	$fleet->wait_for(q{SELECT count(*) > 0 FROM pg_stat_activity WHERE backend_type = 'ashmig worker' AND query ~ 'migrate tenant'});
	$fleet->value(q{SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'ashmig worker' AND query ~ 'migrate tenant' LIMIT 1});
	$run->{run}->finish;
	like($run->{err}, qr/tenant "t\d+" failed: terminating background worker/, 'its tenant fails');
	is($fleet->applied(3), 39, 'all other tenants are migrated');
	is($fleet->value('SELECT count(*) FROM ashmig_migrate_all()'), 1, 'running again does the rest');
};

subtest 'workers replaced to free memory' => sub {
	$fleet->add_migration(4, 'CREATE TABLE more (id int PRIMARY KEY, a text, b text)', 'DROP TABLE more');
	is($fleet->value(q{SELECT count(*) FROM ashmig_migrate_all() WHERE status = 'applied'}), 40, 'applied by lasting workers');
	$fleet->value(q{SET ashmig.worker_memory = '1MB'; SELECT count(*) FROM ashmig_rollback_tenants()});
	is($fleet->applied(4), 0, 'rolled back by workers that are replaced all the time');
	is($fleet->value('SELECT status FROM ashmig.runs ORDER BY run DESC LIMIT 1'), 'done', 'the journal says done');
};

done_testing();
