# Runs in background workers: whose rights and settings, what fails and what
# goes on, locks, cancelling, what is left to the background.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', "max_worker_processes = 12\nfsync = off\n");
$node->start;
$node->safe_psql('postgres', 'CREATE DATABASE app');
$node->safe_psql('app', q{
	CREATE EXTENSION ashmig;
	CREATE TABLE orgs (id bigint PRIMARY KEY);
	INSERT INTO ashmig.migrations (scope, version, name, up, down) VALUES
	('tenant', 1, 'posts', '{"CREATE TABLE @tenant@.posts (id bigint PRIMARY KEY, org bigint REFERENCES @default@.orgs, title text)"}',
	 '{"DROP TABLE @tenant@.posts"}');
	SELECT ashmig_create_tenant('t' || lpad(i::text, 3, '0')) FROM generate_series(1, 40) AS i;
});

# One value
sub value { return $node->safe_psql('app', $_[0]); }

# Record a migration
sub migration
{
	my ($version, $up, $down, $transactional) = @_;
	$node->safe_psql('app', sprintf(q{INSERT INTO ashmig.migrations (scope, version, name, up, down, transactional)
		VALUES ('tenant', %d, 'm', ARRAY[$up$%s$up$], ARRAY[$down$%s$down$], %s)},
		$version, $up, $down, $transactional // 'true'));
}

# Wait until a query gives "t"
sub wait_for
{
	my ($query) = @_;
	for (1 .. 600)
	{
		return 1 if value($query) eq 't';
		usleep(50_000);
	}
	diag("waited in vain for: $query");
	return 0;
}

my ($status, $out, $err);

# Rights: a role that may run, but not touch one of the tenants.
migration(2, 'ALTER TABLE posts ADD COLUMN who text DEFAULT current_user || current_setting($$work_mem$$)',
	'ALTER TABLE posts DROP COLUMN who');
$node->safe_psql('app', q{
	CREATE ROLE deployer NOLOGIN; CREATE ROLE person LOGIN IN ROLE deployer;
	GRANT USAGE ON SCHEMA ashmig TO deployer;
	GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA ashmig TO deployer;
	GRANT USAGE ON ALL SEQUENCES IN SCHEMA ashmig TO deployer;
	DO $$ DECLARE t text; BEGIN
	  FOR t IN SELECT schema_name FROM ashmig.tenants WHERE schema_name <> 't007' LOOP
	    EXECUTE format('ALTER SCHEMA %I OWNER TO deployer', t);
	    EXECUTE format('ALTER TABLE %I.posts OWNER TO deployer', t);
	  END LOOP;
	END $$;
	GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA public TO deployer;
	GRANT USAGE ON SCHEMA t007 TO deployer;
});
$node->safe_psql('app', q{INSERT INTO t001.posts VALUES (1)});
($status, $out, $err) = $node->psql('app',
	q{SET ROLE deployer; SET work_mem = '5MB'; SET search_path = nowhere; SELECT count(*) FROM public.ashmig_migrate_all()},
	extra_params => [ '-U', 'person' ]);
isnt($status, 0, 'one tenant fails');
like($err, qr/tenant "t007" failed: must be owner of table posts/, 'the error names it');
like($err, qr/SQLSTATE 42501/, '... with its SQLSTATE');
like($err, qr/up statement 1 of tenant migration 2 in schema "t007"/, '... and the statement');
like($err, qr/running again resumes/, '... and what to do');
is(value('SELECT count(*) FROM ashmig.versions WHERE version = 2'), 39, 'the others are done');
is(value('SELECT who FROM t001.posts'), 'deployer5MB', 'as the caller, with its settings');
is(value('SELECT applied_by FROM ashmig.versions WHERE version = 2 LIMIT 1'), 'deployer', 'applied by the caller');
is(value(q{SELECT status || ' ' || error FROM ashmig.runs ORDER BY run DESC LIMIT 1}), 'failed 1 of 40 schemas failed', 'the journal says so');
like(value(q{SELECT status || ' ' || error FROM ashmig_status() WHERE schema = 't007'}), qr/^failed must be owner/, 'the status, too');
is($node->safe_psql('app', q{SELECT schema, status, applied FROM ashmig_migrate_all()}), 't007|applied|1', 'resuming does what is left');
is(value('SELECT count(*) FROM ashmig_migrate_all()'), 0, 'and then nothing');

# Failures of different kinds
migration(3, 'CREATE UNIQUE INDEX posts_title ON posts (title); ALTER TABLE posts ADD COLUMN n int', 'ALTER TABLE posts DROP COLUMN n; DROP INDEX posts_title');
$node->safe_psql('app', q{
	DROP TABLE t010.posts;
	INSERT INTO t020.posts (id, title) VALUES (1, 'a'), (2, 'a');
	DROP SCHEMA t030 CASCADE;
});
my $result = $node->safe_psql('app', q{SELECT schema, status, error FROM ashmig_migrate_all(on_error => 'report') WHERE status <> 'applied' ORDER BY 1});
is($result, qq{t010|failed|relation "posts" does not exist
  SQL statement "CREATE UNIQUE INDEX posts_title ON posts (title); ALTER TABLE posts ADD COLUMN n int"
  up statement 1 of tenant migration 3 in schema "t010"
t020|failed|could not create unique index "posts_title"
  Key (title)=(a) is duplicated.
  SQL statement "CREATE UNIQUE INDEX posts_title ON posts (title); ALTER TABLE posts ADD COLUMN n int"
  up statement 1 of tenant migration 3 in schema "t020"
t030|missing|the schema does not exist}, 'on_error => report gives rows');
is(value('SELECT count(*) FROM ashmig.versions WHERE version = 3'), 37, 'the others are done');
is(value(q{SELECT count(*) FROM pg_attribute WHERE attrelid = 't020.posts'::regclass AND attname = 'n'}), 0, 'a failed schema is as before');
($status, $out, $err) = $node->psql('app', q{SELECT count(*) FROM ashmig_migrate_all(on_error => 'stop', workers => 1)});
like($err, qr/1 of|"t010" failed/, 'on_error => stop ends with an error');
like($err, qr/1 schema had no turn/, '... and counts those that had no turn');
$node->safe_psql('app', q{
	DELETE FROM t020.posts WHERE id = 2; SELECT ashmig_drop_tenant('t030');
	CREATE TABLE t010.posts (id bigint PRIMARY KEY, org bigint REFERENCES orgs, title text, who text);
	SELECT * FROM ashmig_migrate_all()});
is(value('SELECT count(*) FROM ashmig.versions WHERE version = 3'), 39, 'mended and done');

# Locks
migration(4, 'ALTER TABLE posts ADD COLUMN o int', 'ALTER TABLE posts DROP COLUMN o');
my $timer = IPC::Run::timer(60);
my ($in, $held, $held_err) = ('', '', '');
my $blocker = IPC::Run::start([ 'psql', '-XqAt', '-d', $node->connstr('app') . ' application_name=blocker' ],
	'<', \$in, '>', \$held, '2>', \$held_err, $timer);
$in .= "BEGIN; SELECT 'held' FROM t005.posts UNION ALL SELECT 'held';\n";
$blocker->pump until $held =~ /held/;
($status, $out, $err) = $node->psql('app',
	q{SET ashmig.lock_retries = 2; SELECT count(*) FROM ashmig_migrate_all(lock_timeout => '200ms')});
like($err, qr/tenant "t005" failed: canceling statement due to lock timeout/, 'a lock that is held fails the tenant');
like($err, qr/after 3 tries/, '... after the retries');
like($err, qr/Process \d+ \(application blocker, user \w+\) holds it: idle in transaction; its transaction began [\d.]+ s ago/, '... and the error says who holds it');
is(value('SELECT count(*) FROM ashmig.versions WHERE version = 4'), 38, 'the others are done');
($status, $out, $err) = $node->psql('app', q{BEGIN; SELECT count(*) FROM ashmig_migrate_all(lock_timeout => '200ms')});
like($err, qr/lock timeout.*Process \d+ holds the lock.*pg_stat_activity WHERE pid = \d+/s, 'in a transaction block it says who, too');
like(value(q{SELECT error FROM ashmig.run_schemas WHERE status = 'failed' AND schema_name = 't005' ORDER BY run DESC LIMIT 1}),
	qr/application blocker/, '... and so does the journal');
# as another run does that is at work in the schema
$held = '';
$in .= "SELECT 'held' FROM pg_advisory_xact_lock(19783, hashtext('t005'));\n";
$blocker->pump until $held =~ /held/;
($status, $out, $err) = $node->psql('app', q{BEGIN; SELECT count(*) FROM ashmig_migrate_all(lock_timeout => '200ms')});
like($err, qr/lock timeout.*Process \d+ holds the lock.*waiting for schema "t005", which another run/s, '... also where a schema is taken');
my ($run_out, $run_err) = ('', '');
my $run = IPC::Run::start([ 'psql', '-XqAt', '-d', $node->connstr('app'),
	'-c', q{SELECT schema, status FROM ashmig_migrate_all(lock_timeout => '300ms')} ], '>', \$run_out, '2>', \$run_err, $timer);
usleep(700_000);
$in .= "COMMIT;\n\\q\n";
$blocker->finish;
$run->finish;
is($run_out, "t005|applied\n", 'when the lock is gone, a retry succeeds') or diag($run_err);

# Cancelling, from outside and by the end of the session
migration(5, 'SELECT pg_sleep(0.2)', 'SELECT 1');
$run = IPC::Run::start([ 'psql', '-XqAt', '-d', $node->connstr('app'), '-c', 'SELECT * FROM ashmig_migrate_all(quiet => true)' ],
	'>', \$run_out, '2>', \$run_err, $timer);
wait_for('SELECT count(*) > 0 FROM ashmig.progress WHERE done > 1');
is(value('SELECT schemas FROM ashmig.progress'), 39, 'ashmig.progress shows the run');
ok(wait_for(q{SELECT count(*) = 2 FROM pg_stat_activity WHERE backend_type = 'ashmig worker' AND query ~ 'ashmig run \d+: migrate tenant "t\d+"'}),
	'pg_stat_activity names the tenants');
is(value('SELECT ashmig_cancel(run) FROM ashmig.progress'), 't', 'it can be cancelled');
$run->finish;
like($run_err, qr/canceling statement due to user request/, 'the call ends');
is(value(q{SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'ashmig worker'}), 0, 'and the workers with it');
is(value('SELECT status FROM ashmig.runs ORDER BY run DESC LIMIT 1'), 'canceled', 'the journal says so');
is(value('SELECT ashmig_cancel(max(run)) FROM ashmig.runs'), 'f', 'a run that is over cannot be cancelled');
my $before = value('SELECT count(*) FROM ashmig.versions WHERE version = 5');
cmp_ok($before, '<', 39, 'some tenants are left');
$run = IPC::Run::start([ 'psql', '-XqAt', '-d', $node->connstr('app') . ' application_name=leader', '-c', 'SELECT * FROM ashmig_migrate_all(quiet => true)' ],
	'>', \$run_out, '2>', \$run_err, $timer);
wait_for('SELECT count(*) > 0 FROM ashmig.progress WHERE done > 1');
$node->safe_psql('app', q{SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'leader' AND backend_type = 'client backend'});
$run->finish;
ok(wait_for(q{SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'ashmig worker'}), 'no worker outlives its leader');
$before = value('SELECT count(*) FROM ashmig.versions WHERE version = 5');
is(value('SELECT count(*) FROM ashmig_migrate_all(quiet => true)'), 39 - $before, 'resuming does what is left');

# A worker that is terminated fails its tenant; another takes its place.
migration(6, 'SELECT pg_sleep(0.1)', 'SELECT 1');
$run = IPC::Run::start([ 'psql', '-XqAt', '-d', $node->connstr('app'), '-c', 'SELECT * FROM ashmig_migrate_all(quiet => true)' ],
	'>', \$run_out, '2>', \$run_err, $timer);
wait_for(q{SELECT count(*) > 0 FROM pg_stat_activity WHERE backend_type = 'ashmig worker' AND query ~ 'migrate tenant'});
$node->safe_psql('app', q{SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'ashmig worker' AND query ~ 'migrate tenant' LIMIT 1});
$run->finish;
like($run_err, qr/tenant "t\d+" failed: terminating background worker/, 'a terminated worker fails its tenant');
is(value('SELECT count(*) FROM ashmig.versions WHERE version = 6'), 38, 'and no other');
is(value('SELECT count(*) FROM ashmig_migrate_all()'), 1, 'resuming does it');

# Workers that are renewed after every few tenants
migration(7, 'CREATE TABLE more (id int PRIMARY KEY, a text, b text)', 'DROP TABLE more');
is(value(q{SELECT count(*) FROM ashmig_migrate_all() WHERE status = 'applied'}), 39, 'a run with workers as they are');
$node->safe_psql('app', q{SET ashmig.worker_memory = '1MB'; SELECT count(*) FROM ashmig_rollback_tenants()});
is(value('SELECT count(*) FROM ashmig.versions WHERE version = 7'), 0, 'a run with workers that are renewed all the time');
is(value('SELECT status FROM ashmig.runs ORDER BY run DESC LIMIT 1'), 'done', '... is done, too');

# All or none
$node->safe_psql('app', q{CREATE TABLE t039.more (); });
($status, $out, $err) = $node->psql('app', q{SELECT count(*) FROM ashmig_migrate_all(atomic => true)});
like($err, qr/relation "more" already exists/, 'atomic fails');
is(value('SELECT count(*) FROM ashmig.versions WHERE version = 7'), 0, '... as a whole');
$node->safe_psql('app', 'DROP TABLE t039.more');
$node->safe_psql('app', 'BEGIN; SELECT count(*) FROM ashmig_migrate_all(); ROLLBACK');
is(value('SELECT count(*) FROM ashmig.versions WHERE version = 7'), 0, 'a block can be rolled back');
is(value(q{SELECT count(*) FROM ashmig_migrate_all(atomic => true)}), 39, 'atomic succeeds');
# Drivers speak the extended protocol, which leaves an error context of its own.
my $script = $node->basedir . '/call.sql';
append_to_file($script, "SELECT count(*) FROM ashmig_migrate_all(quiet => true);\n");
for my $protocol ('simple', 'extended', 'prepared')
{
	my $runs = value('SELECT count(*) FROM ashmig.runs');
	$node->safe_psql('app', q{SELECT count(*) FROM ashmig_rollback_tenants(step => 1, "only" => '{t001}', workers => 0)});
	$node->command_ok([ 'pgbench', '-n', '-t', 1, '-M', $protocol, '-f', $script, $node->connstr('app') ], "a call by the $protocol protocol");
	is(value('SELECT count(*) FROM ashmig.runs'), $runs + 1, '... commits schema by schema');
}

# Too many locks for one transaction
migration(8, join(';', map { "CREATE TABLE big$_ (id int PRIMARY KEY, a text UNIQUE)" } 1 .. 200), join(';', map { "DROP TABLE big$_" } 1 .. 200));
($status, $out, $err) = $node->psql('app', q{BEGIN; SELECT count(*) FROM ashmig_migrate_all()});
like($err, qr/takes about \d+ locks, and there is room for \d+/, 'too many locks are refused before anything is changed');
like($err, qr/Set max_locks_per_transaction to \d+ or more/, '... with the setting and its value');
$node->safe_psql('app', 'DELETE FROM ashmig.migrations WHERE version = 8');
migration(8, q{DO $do$BEGIN FOR i IN 1 .. 200 LOOP EXECUTE 'CREATE TABLE big' || i || ' (id int PRIMARY KEY, a text UNIQUE)'; END LOOP; END$do$}, '');
($status, $out, $err) = $node->psql('app', q{SELECT count(*) FROM ashmig_migrate_all(atomic => true)});
like($err, qr/takes about \d+ locks.*Set max_locks_per_transaction/s, '... and so are those that only the first schemas show');
is(value(q{SELECT count(*) FROM pg_class WHERE relname = 'big1'}), 0, '... with nothing left behind');
$node->safe_psql('app', 'DELETE FROM ashmig.migrations WHERE version = 8');

# Outside a transaction
$node->safe_psql('app', q{INSERT INTO t002.posts (id, title) VALUES (1, 'a'), (2, 'b')});
$node->safe_psql('app', q{
	INSERT INTO ashmig.migrations (scope, version, name, up, down, transactional) VALUES
	('tenant', 9, 'm', '{"ALTER TABLE @tenant@.posts ADD COLUMN p int","CREATE UNIQUE INDEX CONCURRENTLY posts_p ON @tenant@.posts (coalesce(p, 0))","CREATE INDEX CONCURRENTLY posts_q ON @tenant@.posts (p)"}',
	 '{"DROP INDEX CONCURRENTLY @tenant@.posts_q","DROP INDEX CONCURRENTLY @tenant@.posts_p","ALTER TABLE @tenant@.posts DROP COLUMN p"}', false),
	('tenant', 10, 'm', '{"ALTER TABLE @tenant@.posts ADD COLUMN q int"}', '{"ALTER TABLE @tenant@.posts DROP COLUMN q"}', true)});
($status, $out, $err) = $node->psql('app', 'SELECT status, count(*) FROM ashmig_migrate_all() GROUP BY 1');
is($out, 'background|39', 'non-transactional migrations go on in the background');
like($err, qr/NOTICE:  39 schemas go on in the background, as run (\d+)/, 'a notice says so');
($status, $out, $err) = $node->psql('app', 'CALL ashmig_wait()');
like($err, qr/run \d+ failed: 1 of 39 schemas failed/, 'one of them fails');
is(value('SELECT count(*) FROM ashmig.versions WHERE version = 10'), 38, 'what comes after is done in the others');
is(value(q{SELECT done || ' ' || started FROM ashmig.partial_migrations WHERE schema_name = 't002'}), '1 true', 'it stopped at the second statement');
is(value(q{SELECT indisvalid FROM pg_index WHERE indexrelid = 't002.posts_p'::regclass}), 'f', '... and left an invalid index');
$node->safe_psql('app', 'UPDATE t002.posts SET p = id');
$node->safe_psql('app', 'SELECT * FROM ashmig_migrate_all()');
$node->safe_psql('app', 'CALL ashmig_wait()');
is(value(q{SELECT string_agg(indexrelid::regclass || ' ' || indisvalid, ', ' ORDER BY indexrelid::regclass::text) FROM pg_index WHERE indrelid = 't002.posts'::regclass}),
	't002.posts_p true, t002.posts_pkey true, t002.posts_q true, t002.posts_title true', 'it resumed, and built the index anew');
is(value('SELECT count(*) FROM ashmig.partial_migrations'), 0, 'nothing is partial');
is(value(q{SELECT count(*) FROM ashmig_migrate_all()}), 0, 'nothing is left to do');
$node->safe_psql('app', q{SELECT * FROM ashmig_rollback_tenants(step => 2)});
$node->safe_psql('app', 'CALL ashmig_wait()');
is(value('SELECT max(version) FROM ashmig.versions'), 7, 'they can be taken back');
is(value(q{SELECT count(*) FROM pg_class WHERE relname IN ('posts_p', 'posts_q')}), 0, '... with what they made');
($status, $out, $err) = $node->psql('app', 'BEGIN; SELECT * FROM ashmig_migrate_all()');
like($err, qr/CREATE INDEX CONCURRENTLY cannot run inside a transaction/, 'refused in a transaction block, where the table has rows');
is(value(q{SELECT ashmig_create_tenant('new')}), 10, 'a new tenant gets a plain index');
($status, $out, $err) = $node->psql('app', 'BEGIN; CALL ashmig_wait()');
like($err, qr/cannot run inside a transaction block/, 'waiting in a transaction block would be for ever');

# Without the public migrations, tenants have no turn.
$node->safe_psql('app', q{INSERT INTO ashmig.migrations (scope, version, name, up, down) VALUES
	('public', 20, 'bad', '{"SELECT 1/0"}', '{}'), ('tenant', 21, 'm', '{"SELECT 1"}', '{}')});
($status, $out, $err) = $node->psql('app', 'SELECT * FROM ashmig_migrate_all()');
like($err, qr/public schema "public" failed: division by zero/, 'a public migration fails');
like($err, qr/40 schemas had no turn/, '... and no tenant has a turn');
$node->safe_psql('app', q{DELETE FROM ashmig.migrations WHERE version = 20});

# The journal forgets.
$node->safe_psql('app', q{UPDATE ashmig.runs SET started_at = started_at - interval '3 days'});
$node->safe_psql('app', q{SET ashmig.run_retention = 2; SELECT * FROM ashmig_migrate_all()});
is(value('SELECT count(*) FROM ashmig.runs'), 1, 'old runs are forgotten');
is(value(q{SET ROLE pg_monitor; SELECT count(*) >= 0 FROM ashmig.progress}), 't', 'monitoring roles may look at the progress');

# Without workers
$node->safe_psql('app', q{DELETE FROM t002.posts WHERE id = 2});
$node->safe_psql('app', q{SELECT * FROM ashmig_migrate_all()});
$node->safe_psql('app', 'CALL ashmig_wait()');
migration(11, 'ALTER TABLE posts ADD COLUMN r int', 'ALTER TABLE posts DROP COLUMN r');
$node->safe_psql('app', q{ALTER TABLE t003.posts ADD COLUMN r int});
($status, $out, $err) = $node->psql('app', 'CALL ashmig_migrate_all_serial()');
like($err, qr/tenant "t003" failed: column "r" of relation "posts" already exists/, 'a procedure does it in the session');
is(value('SELECT count(*) FROM ashmig.versions WHERE version = 11'), 39, 'with a commit a tenant');
$node->safe_psql('app', 'ALTER TABLE t003.posts DROP COLUMN r; ');
$node->append_conf('postgresql.conf', 'max_worker_processes = 0');
$node->restart;
($status, $out, $err) = $node->psql('app', 'SELECT * FROM ashmig_migrate_all()');
like($err, qr/no background worker is to be had.*Raise max_worker_processes.*ashmig_migrate_all_serial/s, 'without workers it says what to do');
$node->safe_psql('app', 'CALL ashmig_migrate_all_serial()');
is(value('SELECT count(*) FROM ashmig.versions WHERE version = 11'), 40, 'and that works');

done_testing();
