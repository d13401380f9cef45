# Non-transactional migrations: they continue in the background after the call,
# and resume at the statement where they stopped.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use FindBin;
use lib "$FindBin::RealBin/lib";
use Fleet;

my $fleet = Fleet->new;
$fleet->value(q{INSERT INTO t002.posts (id, title) VALUES (1, 'a'), (2, 'b')});
$fleet->value(q{
	INSERT INTO ashmig.migrations (scope, version, name, up, down, transactional) VALUES
	('tenant', 2, 'm', '{"ALTER TABLE @tenant@.posts ADD COLUMN p int","CREATE UNIQUE INDEX CONCURRENTLY posts_p ON @tenant@.posts (coalesce(p, 0))","CREATE INDEX CONCURRENTLY posts_q ON @tenant@.posts (p)"}',
	 '{"DROP INDEX CONCURRENTLY @tenant@.posts_q","DROP INDEX CONCURRENTLY @tenant@.posts_p","ALTER TABLE @tenant@.posts DROP COLUMN p"}', false),
	('tenant', 3, 'm', '{"ALTER TABLE @tenant@.posts ADD COLUMN q int"}', '{"ALTER TABLE @tenant@.posts DROP COLUMN q"}', true)});

subtest 'failure in one tenant' => sub {
	my (undef, $out, $err) = $fleet->psql('SELECT status, count(*) FROM ashmig_migrate_all() GROUP BY 1');
	is($out, 'background|40', 'the call returns while the migrations continue');
	like($err, qr/NOTICE:  40 schemas continue in the background, as run (\d+)/, 'a notice says so');
	like($fleet->errors_of('CALL ashmig_wait()'), qr/run \d+ failed: 1 of 40 schemas failed/, 'ashmig_wait reports the failure');
	is($fleet->applied(3), 39, 'the other tenants have the migration after it, too');
	is($fleet->value(q{SELECT done || ' ' || started FROM ashmig.partial_migrations WHERE schema_name = 't002'}),
		'1 true', 'the failed one stopped at the second statement');
	is($fleet->value(q{SELECT indisvalid FROM pg_index WHERE indexrelid = 't002.posts_p'::regclass}), 'f', 'and left an invalid index');
};

subtest 'resume' => sub {
	$fleet->value('UPDATE t002.posts SET p = id');
	$fleet->value('SELECT * FROM ashmig_migrate_all()');
	$fleet->value('CALL ashmig_wait()');
	is($fleet->value(q{SELECT string_agg(indexrelid::regclass || ' ' || indisvalid, ', ' ORDER BY indexrelid::regclass::text)
		FROM pg_index WHERE indrelid = 't002.posts'::regclass}),
		't002.posts_p true, t002.posts_pkey true, t002.posts_q true', 'the index is rebuilt');
	is($fleet->value('SELECT count(*) FROM ashmig.partial_migrations'), 0, 'no migration is partial');
	is($fleet->value('SELECT count(*) FROM ashmig_migrate_all()'), 0, 'nothing is left to do');
};

subtest 'roll back' => sub {
	$fleet->value('SELECT * FROM ashmig_rollback_tenants(step => 2)');
	$fleet->value('CALL ashmig_wait()');
	is($fleet->value('SELECT max(version) FROM ashmig.versions'), 1, 'both migrations are rolled back');
	is($fleet->value(q{SELECT count(*) FROM pg_class WHERE relname IN ('posts_p', 'posts_q')}), 0, 'the indexes are gone');
};

subtest 'transaction blocks and new tenants' => sub {
	like($fleet->errors_of('BEGIN; SELECT * FROM ashmig_migrate_all()'),
		qr/CREATE INDEX CONCURRENTLY cannot run inside a transaction/, 'refused in a transaction block if the table has rows');
	is($fleet->value(q{SELECT ashmig_create_tenant('new')}), 3, 'a new tenant gets a plain index');
	like($fleet->errors_of('BEGIN; CALL ashmig_wait()'), qr/cannot run inside a transaction block/, 'ashmig_wait is refused in a transaction block');
};

# A migration that goes on in t001 until told to stop; the run's number
sub begin_slow
{
	my ($version, $then) = @_;
	$fleet->value(sprintf q{
		DROP TABLE IF EXISTS go; CREATE TABLE go AS SELECT false AS now;
		SELECT ashmig_add_migration(%d, 'slow', $sql$
			SELECT 1; DO $$BEGIN FOR i IN 1 .. 600 LOOP EXIT WHEN now FROM public.go; PERFORM pg_sleep(0.1); END LOOP; END$$; %s$sql$,
			'SELECT 1', tenant => true, transactional => false);
		SELECT * FROM ashmig_migrate_tenants(only_tenants => '{t001}', quiet => true)}, $version, $then);
	ok($fleet->wait_for("SELECT count(*) > 0 FROM ashmig.partial_migrations WHERE version = $version AND done = 1"), 'a run is at work');
	return $fleet->value('SELECT max(run) FROM ashmig.runs');
}

# Everything there is to do is in another run's hands
sub leave
{
	is($fleet->value(q{SELECT status FROM ashmig_migrate_tenants(only_tenants => '{t001}', quiet => true)}), 'background', 'a second run leaves the schema to it');
	return $fleet->value('SELECT max(run) FROM ashmig.runs');
}

my $worker = q{FROM pg_stat_activity WHERE backend_type = 'ashmig worker'};
$fleet->value('DELETE FROM t002.posts; SELECT * FROM ashmig_migrate_all(quiet => true)');
$fleet->value('CALL ashmig_wait()');

subtest 'a schema that another run is working on' => sub {
	begin_slow(4, 'SELECT 1');
	my $run = leave();
	is($fleet->value("SELECT status FROM ashmig.runs WHERE run = $run"), 'done', 'which has nothing else to do');
	like($fleet->errors_of("SET statement_timeout = '500ms'; CALL ashmig_wait($run)"), qr/statement timeout/, 'waiting for it is waiting for the first');
	my $third = leave();
	my $waiting = $fleet->start("CALL ashmig_wait($third)");
	$fleet->value('UPDATE go SET now = true');
	$waiting->{run}->finish;
	is($waiting->{err}, '', 'which ends in peace');
	is($fleet->value(q{SELECT max(version) FROM ashmig.versions WHERE schema_name = 't001'}), 4, 'when its work is done');
	$fleet->value("CALL ashmig_wait($run)");

	my $first = begin_slow(5, 'SELECT 1/0');
	$run = leave();
	$fleet->value('UPDATE go SET now = true');
	like($fleet->errors_of("CALL ashmig_wait($run)"),
		qr/run $run left schemas to another run, which did not finish them\nDETAIL:  tenant "t001": run $first failed there: division by zero \(SQLSTATE 22012\)/, 'a failure is reported');

	$fleet->value(q{SELECT ashmig_mark_applied(5, 't001', true)});
	$first = begin_slow(6, 'SELECT 1');
	$run = leave();
	$fleet->value("SELECT pg_terminate_backend(pid) $worker");
	like($fleet->errors_of("CALL ashmig_wait($run)"), qr/DETAIL:  tenant "t001": run $first was interrupted/, 'and the end of a process');
	$fleet->value(q{SELECT ashmig_mark_applied(6, 't001', true)});
	$first = begin_slow(7, 'SELECT 1');
	$run = leave();
	is($fleet->value("SELECT ashmig_cancel($first)"), 't', 'or it is canceled');
	like($fleet->errors_of("CALL ashmig_wait($run)"), qr/DETAIL:  tenant "t001": run $first failed there: canceling statement due to user request/, 'which is told as well');
	$fleet->value(q{SELECT ashmig_mark_applied(7, 't001', true)});
};

subtest 'what did not end well, and was done after all' => sub {
	begin_slow(8, 'SELECT 1');
	$fleet->value("SELECT pg_terminate_backend(pid) $worker");
	ok($fleet->wait_for("SELECT count(*) = 0 $worker"), 'the last run is terminated');
	my $run = $fleet->value('SELECT max(run) FROM ashmig.runs');
	like($fleet->errors_of('CALL ashmig_wait()'), qr/run $run was interrupted/, 'ashmig_wait says so');
	$fleet->value('SELECT ashmig_mark_applied(version, s, true) FROM ashmig.migrations, ashmig_all_tenants() AS t (s) WHERE version > 3');
	is($fleet->value('SELECT count(*) FROM ashmig_migrate_all()'), 0, 'when nothing is left to do');
	$fleet->value('CALL ashmig_wait()');
	like($fleet->errors_of("CALL ashmig_wait($run)"), qr/run $run was interrupted/, 'it says so only if asked for this run');

	$fleet->value('SELECT * FROM ashmig_rollback_tenants(only_tenants => \'{t001}\', quiet => true)');
	$fleet->value(q{UPDATE go SET now = true; CALL ashmig_wait(); SELECT ashmig_mark_applied(8, 't001', true)});
	$fleet->value(q{SELECT ashmig_add_migration(9, 'broken', 'SELECT 1', 'SELECT 1/0', tenant => true, transactional => false); SELECT * FROM ashmig_migrate_tenants(quiet => true)});
	$fleet->value('CALL ashmig_wait()');
	$fleet->value('SELECT * FROM ashmig_rollback_tenants(quiet => true)');
	like($fleet->errors_of('CALL ashmig_wait()'), qr/run \d+ failed: \d+ of \d+ schemas failed/, 'a rollback that failed stays an error');
};

done_testing();
