# Locks that nobody can forge: a role without rights takes whatever locks it can;
# runs go their way, and nothing dead looks alive.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use FindBin;
use lib "$FindBin::RealBin/lib";
use Fleet;

my $fleet = Fleet->new;
$fleet->node->append_conf('postgresql.conf', "max_prepared_transactions = 1\nmax_locks_per_transaction = 256\n");
$fleet->node->restart;
my $worker = q{backend_type = 'ashmig worker'};
my $held = q{SELECT classid::regclass, locktype, mode, count(*) FROM pg_locks
	WHERE classid IN ('ashmig.versions'::regclass, 'ashmig.runs'::regclass) AND locktype <> 'advisory'
	GROUP BY classid, locktype, mode ORDER BY mode DESC};
$fleet->value(q{CREATE ROLE intruder LOGIN; GRANT CONNECT, TEMPORARY, CREATE ON DATABASE app TO intruder});

# Every advisory lock with the numbers of a lock that pg_locks shows, and around them
my $forge = q{
	SELECT count(pg_advisory_lock(c, o)) + count(pg_advisory_lock((c::bigint << 32) | (o::bigint & 4294967295)))
	FROM (SELECT DISTINCT c, o FROM
		(SELECT classid::bigint::bit(32)::int, objid::bigint::bit(32)::int FROM pg_locks WHERE locktype IN ('object', 'advisory') AND objsubid > 2
		 UNION ALL SELECT oid::bigint::bit(32)::int, hashtext(nspname) FROM pg_class, (SELECT nspname FROM pg_namespace) AS n WHERE relname IN ('versions', 'runs')
		 UNION ALL SELECT oid::bigint::bit(32)::int, run FROM pg_class, generate_series(1, 20) AS run WHERE relname IN ('versions', 'runs')
		 UNION ALL SELECT class, hashtext(nspname) FROM pg_namespace, unnest('{19783,19791,19794}'::int[]) AS class
		 UNION ALL SELECT class, run FROM generate_series(1, 20) AS run, unnest('{19783,19791,19794}'::int[]) AS class)
		AS k (c, o)) AS k};
my $intruder = { in => '', out => '', err => '' };
$intruder->{run} = IPC::Run::start([ 'psql', '-XqAt', '-U', 'intruder', '-d', $fleet->node->connstr('app') ],
	'<', \$intruder->{in}, '>', \$intruder->{out}, '2>', \$intruder->{err}, IPC::Run::timer(120));

# A run that continues in the background until told to stop
sub run_in_background
{
	my ($version, @before) = @_;
	$fleet->value(sprintf q{
		DROP TABLE IF EXISTS go; CREATE TABLE go AS SELECT false AS now;
		SELECT ashmig_add_migration(%d, 'slow', %s, 'SELECT 1', tenant => true, transactional => false)},
		$version, q{$sql$} . join('; ', @before,
			q{DO $$BEGIN FOR i IN 1 .. 600 LOOP EXIT WHEN now FROM public.go; PERFORM pg_sleep(0.1); END LOOP; END$$}) . q{$sql$});
	return $fleet->value(q{SELECT status FROM ashmig_migrate_tenants(only_tenants => '{t001}', quiet => true)});
}

subtest 'forged locks do not stop a run' => sub {
	$fleet->hold($intruder, $forge);
	cmp_ok($fleet->value(q{SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'}), '>', 500, 'the intruder holds many locks');
	$fleet->add_migration(2, 'ALTER TABLE posts ADD COLUMN o int', 'ALTER TABLE posts DROP COLUMN o');
	is($fleet->value(q{SET statement_timeout = '30s'; SELECT status, count(*) FROM ashmig_migrate_all() GROUP BY 1}), 'applied|40', 'in workers');
	is($fleet->value(q{SET statement_timeout = '30s'; SELECT status, count(*) FROM ashmig_rollback_tenants(atomic => true) GROUP BY 1}), 'rolled_back|40', 'in one transaction');
	$fleet->value(q{SET statement_timeout = '30s'; CALL ashmig_migrate_all_serial()});
	is($fleet->applied(2), 40, 'in the calling session');
	$fleet->value(q{SET statement_timeout = '30s'; SELECT ashmig_create_tenant('s1'), ashmig_rename_tenant('s1', 's2'); CALL ashmig_drop_tenant_serial('s2')});
	is($fleet->value('SELECT count(*) FROM ashmig.progress'), 0, 'no run looks alive that is over');
	$fleet->value(q{SELECT ashmig_add_migration(3, 'index', 'CREATE INDEX CONCURRENTLY posts_o ON posts (o)', 'DROP INDEX posts_o', tenant => true, transactional => false)});
	is($fleet->value(q{SELECT status, count(*) FROM ashmig_migrate_all(quiet => true) GROUP BY 1}), 'background|40', 'in the background');
	$fleet->value(q{SET statement_timeout = '60s'; CALL ashmig_wait()});
	is($fleet->value(q{SELECT count(*) FROM pg_index WHERE indisvalid AND indexrelid::regclass::text ~ 'posts_o'}), 40, 'where all of it is done');
	is($fleet->value(q{SELECT count(*) FROM ashmig_status() WHERE status <> 'current'}), 0, 'nothing is pending');
};

subtest 'nor do other locks, or rights on nothing' => sub {
	for my $table (qw(migrations versions schema_versions partial_migrations tenants runs run_schemas settings)) {
		like(($fleet->psql("BEGIN; LOCK TABLE ashmig.$table IN ACCESS SHARE MODE", extra_params => [ '-U', 'intruder' ]))[2], qr/permission denied/, "ashmig.$table cannot be locked");
	}
	for my $call ('ashmig_cancel(1)', 'ashmig_status()', 'ashmig_migrate_all()') {
		like(($fleet->psql("SELECT $call", extra_params => [ '-U', 'intruder' ]))[2], qr/permission denied/, "$call is refused");
	}
};

# While the run is alive its locks are seen, and nobody else gets the schema.
subtest 'a live run' => sub {
	is(run_in_background(4, 'SELECT pg_advisory_unlock_all()'), 'background', 'it continues in the background');
	ok($fleet->wait_for(q{SELECT count(*) > 0 FROM ashmig.partial_migrations WHERE version = 4 AND done = 1}), 'past a statement that releases all advisory locks');
	is($fleet->value($held), "ashmig.runs|object|ShareLock|1\nashmig.versions|object|ExclusiveLock|2", 'the schema and the run are locked');
	is($fleet->value("SELECT pids = ARRAY(SELECT pid FROM pg_stat_activity WHERE $worker) FROM ashmig.progress"), 't', 'ashmig.progress has the process');
	like($fleet->errors_of(q{SELECT ashmig_drop_tenant('t001', true)}), qr/tenant "t001" is locked by another run/, 'its tenant cannot be dropped');
	is($fleet->value(q{SELECT status FROM ashmig_migrate_tenants(only_tenants => '{t001}')}), 'background', 'another run leaves the tenant to it');
	like($fleet->errors_of(q{SET lock_timeout = '100ms'; DROP EXTENSION ashmig CASCADE}), qr/lock timeout/, 'the extension cannot be dropped');
	$fleet->hold($intruder, $forge);
	$fleet->value('UPDATE go SET now = true');
	$fleet->value(q{SET statement_timeout = '30s'; CALL ashmig_wait()});
	is($fleet->value(q{SELECT applied FROM ashmig_status() WHERE schema_name = 't001'}), 4, 'the work is done');
};

# The locks of a dead run are nobody's, whoever holds others with the same numbers.
subtest 'a dead run' => sub {
	is(run_in_background(5), 'background', 'it continues in the background');
	ok($fleet->wait_for("SELECT count(*) > 0 FROM pg_stat_activity WHERE $worker AND query ~ 'outside'"), 'in a worker');
	$fleet->hold($intruder, $forge);
	$fleet->value("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE $worker");
	ok($fleet->wait_for("SELECT count(*) = 0 FROM pg_stat_activity WHERE $worker"), 'which is terminated');
	is($fleet->value($held), '', 'it leaves no lock');
	is($fleet->value('SELECT count(*) FROM ashmig.progress'), 0, 'ashmig.progress does not show the run');
	like($fleet->errors_of(q{SET statement_timeout = '10s'; CALL ashmig_wait()}), qr/run \d+ was interrupted/, 'ashmig_wait says that it was interrupted');
	is($fleet->value('SELECT ashmig_cancel(max(run)) FROM ashmig.runs'), 'f', 'it cannot be canceled');
	$fleet->value(q{UPDATE go SET now = true; SELECT * FROM ashmig_migrate_tenants(quiet => true)});
	$fleet->value(q{SET statement_timeout = '60s'; CALL ashmig_wait()});
	is($fleet->applied(5), 40, 'running again does the rest');
};

# A failure in one schema aborts a transaction, which releases what was held; the
# run stays alive until the end.  It ends between two transactions, at last.
subtest 'a run with failures' => sub {
	$fleet->value(q{
		SELECT ashmig_add_migration(6, 'unique', 'CREATE UNIQUE INDEX CONCURRENTLY posts_title ON posts (title); SELECT pg_sleep(0.1)', 'DROP INDEX posts_title', tenant => true, transactional => false);
		INSERT INTO t001.posts (id, title) VALUES (1, 'a'), (2, 'a')});
	my $blocker = $fleet->start(undef, 'blocker');
	$fleet->hold($blocker, 'BEGIN; LOCK TABLE t002.posts IN ACCESS SHARE MODE; SELECT 1');
	$fleet->value(q{SELECT ashmig_add_migration(7, 'alter', 'CREATE INDEX CONCURRENTLY posts_t ON posts (title); ALTER TABLE posts ADD COLUMN u int', 'ALTER TABLE posts DROP COLUMN u; DROP INDEX posts_t', tenant => true, transactional => false)});
	$fleet->value(q{SET ashmig.lock_timeout = '100ms'; SET ashmig.lock_retries = 100; SELECT * FROM ashmig_migrate_tenants(only_tenants => '{t001,t002}', quiet => true)});
	ok($fleet->wait_for(q{SELECT count(*) > 0 FROM ashmig.partial_migrations WHERE schema_name = 't002' AND version = 7 AND done = 1}), 'the second tenant comes after the first has failed');
	is($fleet->value('SELECT failed FROM ashmig.progress'), 1, 'the run is alive');
	ok($fleet->wait_for(q{SELECT count(*) > 0 FROM pg_locks WHERE classid = 'ashmig.runs'::regclass AND locktype = 'object'}), 'by the lock on the object again');
	ok($fleet->wait_for("SELECT count(*) > 0 FROM pg_stat_activity WHERE $worker AND xact_start IS NULL"), 'it pauses before a retry');
	$fleet->value("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE $worker");
	ok($fleet->wait_for("SELECT count(*) = 0 FROM pg_stat_activity WHERE $worker"), 'and is terminated there');
	is($fleet->value($held), '', 'no lock is left');
	like($fleet->errors_of(q{SET statement_timeout = '10s'; CALL ashmig_wait()}), qr/run \d+ was interrupted/, 'ashmig_wait says so');
	$blocker->{in} .= "COMMIT;\n\\q\n";
	$blocker->{run}->finish;
};

# A prepared transaction holds a schema, without a process.
subtest 'a prepared transaction' => sub {
	$fleet->value(q{DELETE FROM t001.posts; BEGIN; SELECT * FROM ashmig_rollback_tenants(only_tenants => '{t003}'); PREPARE TRANSACTION 'p'});
	like($fleet->errors_of(q{SELECT * FROM ashmig_migrate_tenants(only_tenants => '{t003}', lock_timeout => '100ms', atomic => true)}),
		qr/waiting for schema "t003"/, 'its schema stays locked');
	$fleet->value(q{ROLLBACK PREPARED 'p'});
};

$intruder->{in} .= "\\q\n";
$intruder->{run}->finish;
done_testing();
