# A worker, the leader or the postmaster is killed, or the run canceled, at a random
# moment; running again must lead to the same structure and version rows as an
# undisturbed run.  Set ASHMIG_KILLS for the number of times (24).
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep time);

use FindBin;
use lib "$FindBin::RealBin/lib";
use Fleet;

my $kills = $ENV{ASHMIG_KILLS} // 24;
my $tenants = $ENV{ASHMIG_KILL_TENANTS} // 60;
my $seed = $ENV{ASHMIG_SEED} // time;
srand($seed);
note("seed $seed");

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', "max_worker_processes = 12\nfsync = off\nrestart_after_crash = on\nlog_statement = none\n");
$node->start;
$node->safe_psql('postgres', 'CREATE DATABASE app');
$node->safe_psql('app', qq{
	CREATE EXTENSION ashmig;
	SELECT ashmig_create_tenant('t' || i) FROM generate_series(1, $tenants) AS i;
	INSERT INTO ashmig.migrations (scope, version, name, up, down) VALUES
	('public', 1, 'orgs', '{"CREATE TABLE \@default\@.orgs (id bigint PRIMARY KEY)"}', '{"DROP TABLE \@default\@.orgs"}');
	INSERT INTO ashmig.migrations (scope, version, name, up, down, transactional)
	SELECT 'tenant', i + 1, 'm' || i,
	  ARRAY[format('CREATE TABLE \@tenant\@.a%s (id bigint PRIMARY KEY, org bigint, name text)', i),
	        format('CREATE INDEX a%s_name ON \@tenant\@.a%s (name)', i, i),
	        format('ALTER TABLE \@tenant\@.a%s ADD FOREIGN KEY (org) REFERENCES \@default\@.orgs', i)],
	  ARRAY[format('DROP TABLE \@tenant\@.a%s', i)], true
	FROM generate_series(1, 4) AS i;
	INSERT INTO ashmig.migrations (scope, version, name, up, down, transactional) VALUES
	('tenant', 6, 'n', '{"CREATE INDEX CONCURRENTLY a1_org ON \@tenant\@.a1 (org)","CREATE UNIQUE INDEX CONCURRENTLY a2_org ON \@tenant\@.a2 (org)"}',
	 '{"DROP INDEX CONCURRENTLY \@tenant\@.a2_org","DROP INDEX CONCURRENTLY \@tenant\@.a1_org"}', false),
	('tenant', 7, 'last', '{"ALTER TABLE \@tenant\@.a1 ADD COLUMN last int"}', '{"ALTER TABLE \@tenant\@.a1 DROP COLUMN last"}', true);
});

# Everything that a run leaves behind, except the journal
my $state = q{
	SELECT md5(string_agg(f, E'\n' ORDER BY f COLLATE "C")) FROM (
	  SELECT concat_ws(' ', n.nspname, c.relname, c.relkind, a.attname, format_type(a.atttypid, a.atttypmod), x.indisvalid, k.conname) AS f
	    FROM pg_namespace AS n JOIN pg_class AS c ON c.relnamespace = n.oid
	    LEFT JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
	    LEFT JOIN pg_index AS x ON x.indexrelid = c.oid
	    LEFT JOIN pg_constraint AS k ON k.conrelid = c.oid
	   WHERE n.nspname ~ '^t[0-9]+$' OR n.nspname = 'public'
	  UNION ALL
	  SELECT concat_ws(' ', 'version', schema_name, scope, version, checksum) FROM ashmig.versions
	  UNION ALL
	  SELECT concat_ws(' ', 'sum', schema_name, scope, version, applied) FROM ashmig.schema_versions
	  UNION ALL
	  SELECT concat_ws(' ', 'partial', schema_name, version, done) FROM ashmig.partial_migrations) AS facts (f)};

# Counts version rows without their table, and tables without their version row.
my $between = q{
	SELECT count(*) FROM ashmig.tenants AS t, generate_series(1, 4) AS i
	 WHERE EXISTS (SELECT FROM ashmig.versions AS v WHERE v.schema_name = t.schema_name AND v.version = i + 1)
	    <> EXISTS (SELECT FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = relnamespace
	                WHERE n.nspname = t.schema_name AND c.relname = 'a' || i)};

# Run until nothing is left to do, and wait for what is in the background.
sub finish
{
	my ($call) = @_;
	for (1 .. 20)
	{
		my ($status, $out, $err) = $node->psql('app', "SELECT count(*) FROM $call");
		my ($wait, $wait_out, $wait_err) = $node->psql('app', 'CALL ashmig_wait()');
		return 1 if $status == 0 && $wait == 0 && $out eq '0';
		diag($err) if $status != 0;
	}
	return 0;
}

ok(finish('ashmig_migrate_all(quiet => true)'), 'an undisturbed run');
my $up = $node->safe_psql('app', $state);
sub all_down
{
	return finish('ashmig_rollback_tenants(all_versions => true, quiet => true)') &&
		finish('ashmig_rollback(all_versions => true, quiet => true)');
}
ok(all_down(), 'rolled back');
my $down = $node->safe_psql('app', $state);

# However it is run, the result is the same.
subtest 'atomic and serial runs' => sub {
	$node->safe_psql('app', 'SELECT * FROM ashmig_migrate_all(atomic => true)');
	is($node->safe_psql('app', $state), $up, 'atomic: the same result');
	ok(all_down(), 'rolled back');
	$node->safe_psql('app', 'CALL ashmig_migrate_all_serial()');
	ok(finish('ashmig_migrate_all(quiet => true)'), 'serial, and a worker for the rest');
	is($node->safe_psql('app', $state), $up, 'serial: the same result');
	$node->safe_psql('app', q{BEGIN; SELECT * FROM ashmig_rollback_tenants(all_versions => true); SELECT * FROM ashmig_rollback(all_versions => true); COMMIT});
	is($node->safe_psql('app', $state), $down, 'rolled back in one transaction: the same result');
};

# Cancel a run once its workers wait.
sub cancel_waiting
{
	my ($call, $name) = @_;
	my ($out, $err) = ('', '');
	my $run = IPC::Run::start([ 'psql', '-Xc', "SELECT * FROM $call", '-d', $node->connstr('waiting') ],
		'>', \$out, '2>', \$err, IPC::Run::timer(120));
	ok($node->poll_query_until('waiting', q{
		SELECT count(*) > 0 FROM pg_stat_activity WHERE backend_type = 'ashmig worker' AND wait_event_type = 'Extension'}), "workers wait: $name");
	$node->poll_query_until('waiting', 'SELECT bool_or(ashmig_cancel(run)) FROM ashmig.progress');
	$run->finish;
	like($err, qr/canceling statement due to user request/, "canceled: $name");
}

# Workers wait for the public migrations, or before they retry a schema.
subtest 'canceling workers that wait' => sub {
	$node->safe_psql('postgres', 'CREATE DATABASE waiting');
	$node->safe_psql('waiting', q{
		CREATE EXTENSION ashmig;
		SELECT ashmig_create_tenant('t' || i) FROM generate_series(1, 3) AS i;
		SELECT ashmig_add_migration(1, 'slow', 'SELECT pg_sleep(60)', '');
		SELECT ashmig_add_migration(2, 'table', 'CREATE TABLE a ()', 'DROP TABLE a', tenant => true)});
	cancel_waiting('ashmig_migrate_all()', 'for the public migrations');
	my $holder = IPC::Run::start([ 'psql', '-Xq', '-d', $node->connstr('waiting') . ' application_name=holder',
		'-c', 'BEGIN; CREATE TABLE t1.a (); CREATE TABLE t2.a (); CREATE TABLE t3.a ()', '-c', 'SELECT pg_sleep(60)' ],
		'>', '/dev/null', '2>', '/dev/null');
	$node->poll_query_until('waiting', q{SELECT count(*) = 1 FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(60)'});
	cancel_waiting(q{ashmig_migrate_tenants(lock_timeout => '10ms')}, 'before a retry');
	$node->safe_psql('waiting', q{SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'holder'});
	$holder->finish;
	unlike(slurp_file($node->logfile), qr/terminated by signal/, 'no process crashed');
};

my $pid_of = {
	worker => q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'ashmig worker' ORDER BY random() LIMIT 1},
	leader => q{SELECT pid FROM pg_stat_activity WHERE application_name = 'leader' LIMIT 1}};
my @ways = ('kill worker', 'kill leader', 'kill postmaster', 'cancel run', 'terminate worker', 'terminate leader');

sub interrupt
{
	my ($how, $whom, $i) = @_;
	if ($whom eq 'postmaster')
	{
		$node->stop('immediate') if $i % 2;
		kill('KILL', (split /\n/, slurp_file($node->data_dir . '/postmaster.pid'))[0]) unless $i % 2;
	}
	elsif ($whom eq 'run')
	{
		$node->psql('app', 'SELECT ashmig_cancel(run) FROM ashmig.progress');
	}
	else
	{
		my ($status, $pid) = $node->psql('app', $pid_of->{$whom});
		if ($pid && $how eq 'kill') { kill('KILL', $pid); }
		elsif ($pid) { $node->psql('app', "SELECT pg_terminate_backend($pid)"); }
	}
	return;
}

for my $i (1 .. $kills)
{
	my $way = $ways[$i % @ways];
	my ($how, $whom) = split / /, $way;
	my $pause = int(rand(1_200_000));
	subtest "$i: $way after " . int($pause / 1000) . ' ms' => sub {
		my ($out, $err) = ('', '');
		my $run = IPC::Run::start([ 'psql', '-XqAt', '-d', $node->connstr('app') . ' application_name=leader',
			'-c', 'SELECT * FROM ashmig_migrate_all(quiet => true)', '-c', 'CALL ashmig_wait()' ],
			'>', \$out, '2>', \$err, IPC::Run::timer(120));
		usleep($pause);
		interrupt($how, $whom, $i);
		$run->finish;
		Fleet::wait_until_up($node, $whom eq 'postmaster');
		is($node->safe_psql('app', $between), 0, 'every version row has its table');
		ok(finish('ashmig_migrate_all(quiet => true)'), 'running again resumes');
		is($node->safe_psql('app', $state), $up, 'the result is the same');
		ok(all_down(), 'it can be rolled back');
		is($node->safe_psql('app', $state), $down, 'nothing is left');
	};
}

done_testing();
