# Runs that wait for a lock which another session holds: timeouts, retries, and
# errors that say who holds it.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);

use FindBin;
use lib "$FindBin::RealBin/lib";
use Fleet;

my $fleet = Fleet->new;
$fleet->add_migration(2, 'ALTER TABLE posts ADD COLUMN o int', 'ALTER TABLE posts DROP COLUMN o');

my $blocker = $fleet->start(undef, 'blocker');
$fleet->hold($blocker, 'BEGIN; SELECT count(*) FROM t005.posts');

subtest 'lock on a table' => sub {
	my $err = $fleet->errors_of(q{SET ashmig.lock_retries = 2; SELECT count(*) FROM ashmig_migrate_all(lock_timeout => '200ms')});
	like($err, qr/tenant "t005" failed: canceling statement due to lock timeout/, 'the tenant fails');
	like($err, qr/after 3 attempts/, 'the error counts the attempts');
	like($err, qr/Process \d+ \(application blocker, user \w+\) holds it: idle in transaction; its transaction began [\d.]+ s ago/,
		'the error says who holds the lock');
	like($fleet->value(q{SELECT error FROM ashmig.run_schemas WHERE status = 'failed' AND schema_name = 't005' ORDER BY run DESC LIMIT 1}),
		qr/application blocker/, 'the journal says it too');
	is($fleet->applied(2), 39, 'the other tenants are migrated');
	like($fleet->errors_of(q{BEGIN; SELECT count(*) FROM ashmig_migrate_all(lock_timeout => '200ms')}),
		qr/lock timeout.*Process \d+ holds the lock.*pg_stat_activity WHERE pid = \d+/s, 'in a transaction block the error says who holds the lock, too');
};

# held by another run, which waits in the schema
subtest 'lock on a schema' => sub {
	my $other = $fleet->start(q{SELECT * FROM ashmig_migrate_all(lock_timeout => '60s', workers => 1)}, 'other');
	$fleet->wait_for(q{SELECT count(*) = 1 FROM pg_locks WHERE classid = 'ashmig.versions'::regclass AND mode = 'ExclusiveLock'});
	like($fleet->errors_of(q{BEGIN; SELECT count(*) FROM ashmig_migrate_all(lock_timeout => '200ms')}),
		qr/lock timeout.*Process \d+ holds the lock.*waiting for schema "t005", which is locked by another run/s, 'the error says who holds the lock');
	$fleet->value('SELECT ashmig_cancel(run) FROM ashmig.progress');
	$other->{run}->finish;
};

subtest 'retry' => sub {
	my $run = $fleet->start(q{SELECT schema_name, status FROM ashmig_migrate_all(lock_timeout => '300ms')});
	usleep(700_000);
	$blocker->{in} .= "COMMIT;\n\\q\n";
	$blocker->{run}->finish;
	$run->{run}->finish;
	is($run->{out}, "t005|applied\n", 'a retry succeeds once the lock is released') or diag($run->{err});
};

done_testing();
