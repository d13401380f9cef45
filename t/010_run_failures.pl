# Runs in background workers: the rights and settings they work with, what happens to
# the other schemas when one fails, and what the journal keeps of it.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use FindBin;
use lib "$FindBin::RealBin/lib";
use Fleet;

my $fleet = Fleet->new;

# A role that may run, but does not own one of the tenants
subtest 'rights and settings of the caller' => sub {
	$fleet->add_migration(2, 'ALTER TABLE posts ADD COLUMN who text DEFAULT current_user || current_setting($$work_mem$$)',
		'ALTER TABLE posts DROP COLUMN who');
	$fleet->value(q{
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
		INSERT INTO t001.posts VALUES (1)});
	my ($status, undef, $err) = $fleet->psql(
		q{SET ROLE deployer; SET work_mem = '5MB'; SET search_path = nowhere; SELECT count(*) FROM public.ashmig_migrate_all()},
		extra_params => [ '-U', 'person' ]);
	isnt($status, 0, 'the run fails');
	like($err, qr/tenant "t007" failed: must be owner of table posts/, 'the error names the tenant');
	like($err, qr/SQLSTATE 42501/, 'the error has the SQLSTATE');
	like($err, qr/up statement 1 of tenant migration 2 in schema "t007"/, 'the error names the statement');
	like($err, qr/run again to retry/, 'the error says what to do');
	is($fleet->applied(2), 39, 'the other tenants are migrated');
	is($fleet->value('SELECT who FROM t001.posts'), 'deployer5MB', 'statements run as the caller, with its settings');
	is($fleet->value('SELECT applied_by FROM ashmig.versions WHERE version = 2 LIMIT 1'), 'deployer', 'the version row names the caller');
	is($fleet->value(q{SELECT status || ' ' || error FROM ashmig.runs ORDER BY run DESC LIMIT 1}),
		'failed 1 of 40 schemas failed', 'the journal has the failure');
	like($fleet->value(q{SELECT status || ' ' || error FROM ashmig_status() WHERE schema_name = 't007'}),
		qr/^failed must be owner/, 'the status has the failure');
	is($fleet->value('SELECT schema_name, status, applied FROM ashmig_migrate_all()'), 't007|applied|1', 'running again migrates the rest');
	is($fleet->value('SELECT count(*) FROM ashmig_migrate_all()'), 0, 'then nothing is left to do');
};

subtest 'on_error' => sub {
	$fleet->add_migration(3, 'CREATE UNIQUE INDEX posts_title ON posts (title); ALTER TABLE posts ADD COLUMN n int',
		'ALTER TABLE posts DROP COLUMN n; DROP INDEX posts_title');
	$fleet->value(q{
		DROP TABLE t010.posts;
		INSERT INTO t020.posts (id, title) VALUES (1, 'a'), (2, 'a');
		DROP SCHEMA t030 CASCADE});
	is($fleet->value(q{SELECT schema_name, status, error FROM ashmig_migrate_all(on_error => 'report') WHERE status <> 'applied' ORDER BY 1}),
		q{t010|failed|relation "posts" does not exist
  SQL statement "CREATE UNIQUE INDEX posts_title ON posts (title); ALTER TABLE posts ADD COLUMN n int"
  as role "deployer"
  up statement 1 of tenant migration 3 in schema "t010"
t020|failed|could not create unique index "posts_title"
  Key (title)=(a) is duplicated.
  SQL statement "CREATE UNIQUE INDEX posts_title ON posts (title); ALTER TABLE posts ADD COLUMN n int"
  as role "deployer"
  up statement 1 of tenant migration 3 in schema "t020"
t030|missing|the schema does not exist}, 'report returns a row per failed schema');
	is($fleet->applied(3), 37, 'the other tenants are migrated');
	is($fleet->value(q{SELECT count(*) FROM pg_attribute WHERE attrelid = 't020.posts'::regclass AND attname = 'n'}),
		0, 'a failed schema is unchanged');
	my $err = $fleet->errors_of(q{SELECT count(*) FROM ashmig_migrate_all(on_error => 'stop', workers => 1)});
	like($err, qr/"t010" failed/, 'stop raises an error for the first failure');
	like($err, qr/1 schema was not attempted/, 'stop counts the schemas that were not attempted');
	$fleet->value(q{
		DELETE FROM t020.posts WHERE id = 2; SELECT ashmig_drop_tenant('t030');
		CREATE TABLE t010.posts (id bigint PRIMARY KEY, org bigint REFERENCES orgs, title text, who text);
		ALTER TABLE t010.posts OWNER TO deployer;
		SELECT * FROM ashmig_migrate_all()});
	is($fleet->applied(3), 39, 'running again after repairs succeeds');
};

subtest 'tenants wait for public' => sub {
	$fleet->value(q{INSERT INTO ashmig.migrations (scope, version, name, up, down) VALUES
		('public', 20, 'bad', '{"SELECT 1/0"}', '{}'), ('tenant', 21, 'm', '{"SELECT 1"}', '{}')});
	my $err = $fleet->errors_of('SELECT * FROM ashmig_migrate_all()');
	like($err, qr/public schema "public" failed: division by zero/, 'a public migration fails');
	like($err, qr/39 schemas were not attempted/, 'no tenant is attempted');
	$fleet->value(q{DELETE FROM ashmig.migrations WHERE version = 20});
};

subtest 'journal' => sub {
	$fleet->value(q{UPDATE ashmig.runs SET started_at = started_at - interval '3 days'});
	$fleet->value(q{SET ashmig.run_retention = 2; SELECT * FROM ashmig_migrate_all()});
	is($fleet->value('SELECT count(*) FROM ashmig.runs'), 1, 'old runs are removed');
	is($fleet->value(q{SET ROLE pg_monitor; SELECT count(*) >= 0 FROM ashmig.progress}), 't', 'pg_monitor can read ashmig.progress');
};

done_testing();
