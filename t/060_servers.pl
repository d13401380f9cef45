# Several servers: a fleet migrated by one command while a server is down, and a
# tenant that moves with its rows, by the commands of docs/several-servers.md as
# they stand there.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use FindBin;
use lib "$FindBin::RealBin/lib";
use Program;

my $page = slurp_file("$FindBin::RealBin/../docs/several-servers.md");
my %node;
for my $name (qw(one two))
{
	$node{$name} = PostgreSQL::Test::Cluster->new($name);
	$node{$name}->init;
	$node{$name}->append_conf('postgresql.conf', "max_worker_processes = 12\nfsync = off\n");
	$node{$name}->start;
	$node{$name}->safe_psql('postgres', 'CREATE ROLE my_app');
	$node{$name}->safe_psql('postgres', 'CREATE DATABASE my_app');
	$node{$name}->safe_psql('my_app', 'CREATE EXTENSION ashmig');
}

# What runs on one of them
sub value { my ($name, $sql) = @_; return $node{$name}->safe_psql('my_app', $sql) }

# The folder of an application, with the services and the file of the page
my $app = Program->new($node{one});
my $folder = $app->folder;
$ENV{PGSERVICEFILE} = "$folder/services";
append_to_file("$folder/services", join '', map { "[$_]\nhost=" . $node{$_}->host . "\nport=" . $node{$_}->port . "\ndbname=my_app\n" } qw(one two));
my ($file) = $page =~ /^```\n(# servers\n.*?)^```/ms;
append_to_file("$folder/servers", $file);

# The commands of a section of the page, each block as it stands there
sub documented
{
	my ($heading) = @_;
	my ($section) = $page =~ /^## \Q$heading\E\n(.*?)(?=^## |\z)/ms or die $heading;
	my @blocks;
	while ($section =~ /^( *)```(?:sh|sql)\n(.*?)^ *```$/gms)
	{
		my ($indent, $block) = ($1, $2);
		push @blocks, $block =~ s/^$indent//gmr;
	}
	return @blocks;
}

sub run_documented
{
	my ($expected, $pattern, $script) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return $app->run_ok($expected, $pattern, [ 'bash', '-ec', "set -o pipefail\n$script" ]);
}

# A migration written by hand
sub migration
{
	my ($scope, $version, $up, $down) = @_;
	mkdir "$folder/priv/ashmig";
	mkdir "$folder/priv/ashmig/$scope";
	append_to_file("$folder/priv/ashmig/$scope/${version}_m.sql", "$up;\n-- ashmig: down\n$down;\n");
}

my @all = qw(--servers servers);

subtest 'all are migrated by one command' => sub {
	my ($migrate, $status) = documented('Migrating all of them');

	migration('public', 20260101000000, 'CREATE TABLE companies (id bigint PRIMARY KEY); CREATE TABLE regions (id bigint PRIMARY KEY)', 'DROP TABLE companies, regions');
	migration('tenant', 20260101000001,
		'CREATE TABLE posts (id bigserial PRIMARY KEY, company_id bigint REFERENCES @default@.companies)', 'DROP TABLE posts');
	$app->snapshot('tenants/notes', id, attribute('body', 'text'));
	$app->run_ok(0, qr/wrote/, qw(codegen notes -d), 'service=one');
	run_documented(0, qr/^imported  public\S* on two\nimported  tenant\S* on two\n.*^one +1 +0 +0 .*done\ntwo +1 +0 +0 .*done$/ms, $migrate);
	$app->run_ok(0, qr/created/, qw(tenant create org_1 org_2 -d), 'service=one');
	$app->run_ok(0, qr/created/, qw(tenant create org_3 -d), 'service=two');
	run_documented(0, qr/^one\n.*2 schemas, current\n.*^two\n.*org_3, current/ms, $status);
	run_documented(0, qr/^one +0 +0 +0 .*done\ntwo +0 +0 +0 .*done$/m, $migrate);

	migration('tenant', 20260101000002, 'ALTER TABLE posts ADD title text', 'ALTER TABLE posts DROP title');
	migration('public', 20260101000003, 'CREATE TABLE plans (id int)', 'DROP TABLE plans');
	my $report = $app->json('migrate', @all);
	is($report->{result}, 'done', '--json: the result of all');
	is_deeply(
		[ map { my $server = $_; map { "$server->{server} $_->{schema_name} $_->{status}" } @{ $server->{schemas} } } @{ $report->{servers} } ],
		[ 'one public applied', 'one org_1 applied', 'one org_2 applied', 'two public applied', 'two org_3 applied' ],
		'--json: an object per server, public first');
	$app->run_ok(0, qr/^one +2 +0.*^two +1 +0/ms, qw(rollback --tenants --force), @all);
	$app->run_ok(3, qr/1 pending/, 'status', @all);
	$app->run_ok(0, qr/^one +1 +0 .*^two +0 +0/ms, qw(migrate --only-tenants org_1), @all);
	is(value('one', q{SELECT string_agg(schema_name, ',') FROM ashmig.versions WHERE scope = 'tenant' AND version > 20260201000000}), 'org_1',
		'a tenant is found on the server that has it');
	$app->run_ok(1, qr/no server has a tenant "org_9"/, 'migrate', '--only-tenants', 'org_1,org_9', @all);
	$app->run_ok(0, qr/^one +0 +0 .*^two +1 +0/ms, qw(migrate --except-tenants org_2), @all);
	$app->run_ok(0, qr/^one +1 +0 .*^two +0 +0/ms, qw(migrate --jobs 1), @all);
};

subtest 'public waits for tenants on each server' => sub {
	migration('tenant', 20260101000010, 'CREATE TABLE offices (region_id bigint REFERENCES @default@.regions)', 'DROP TABLE offices');
	migration('tenant', 20260101000011, 'DROP TABLE offices', 'CREATE TABLE offices (region_id bigint)');
	migration('public', 20260101000012, 'DROP TABLE regions', 'CREATE TABLE regions (id bigint PRIMARY KEY)');
	$app->run_ok(0, qr/^one +3 +0 +0 .*^two +2 +0 +0/ms, 'migrate', @all);
	is(value($_, q{SELECT count(*) FROM ashmig.versions WHERE version BETWEEN 20260101000010 AND 20260101000012}), $_ eq 'one' ? 5 : 3, "all of it is there: $_")
	  for qw(one two);
	unlike(join('', $app->run('migrate', @all)), qr/MG036/, 'and nothing is said of it');
};

subtest 'a server is down' => sub {
	migration('tenant', 20260101000020, 'ALTER TABLE posts ADD body text', 'ALTER TABLE posts DROP body');
	$node{two}->stop;
	my ($status, $out, $err) = $app->run('migrate', @all);
	is($status, 1, 'the exit status is that of a failure') or diag("$out$err");
	like($out, qr/^one +2 +0 +0 .*done\ntwo +0 +0 +0 .*failed: /m, 'the other one goes on');
	like($err, qr/^two: ashmig: error: connection to server/m, 'it says whose error it is');
	$app->run_ok(1, qr/^one +0 +0 +0 .*skipped\ntwo +0 +0 +0 .*failed/m, qw(migrate --stop-on-error), @all);
	$app->run_ok(1, qr/one\n.*org_1/s, 'tenants', @all);
	$node{two}->start;
	$app->run_ok(3, qr/one\n.*current.*two\n.*1 file is in .*not imported/s, 'status', @all);
	$app->run_ok(0, qr/^one +0 +0 +0 .*^two +1 +0 +0/ms, 'migrate', @all);
	$app->run_ok(0, qr/one\n.*current.*two\n.*current/s, 'status', @all);
};

subtest 'a tenant fails' => sub {
	value('two', 'ALTER TABLE org_3.posts ADD late int');
	migration('tenant', 20260101000030, 'ALTER TABLE posts ADD late int', 'ALTER TABLE posts DROP late');
	$app->run_ok(1, qr/^one +2 +0 +0 .*done\ntwo +0 +1 +0 .*failed.*^two: failed tenant "org_3": .*already exists/ms, 'migrate', @all);
	value('two', 'ALTER TABLE org_3.posts DROP late');
	$app->run_ok(0, qr/^one +0 +0 +0 .*^two +1 +0 +0/ms, 'migrate', @all);
	value('two', 'CREATE INDEX extra ON org_3.notes (body)');
	$app->run_ok(3, qr/^two\ntenant org_3\n  notes\n    \+ index extra/m, 'drift', @all);
	value('two', 'DROP INDEX org_3.extra');
	$app->run_ok(0, qr/Every schema/, 'drift', @all);
};

subtest 'Ctrl-C' => sub {
	migration('tenant', 20260101000035, "SELECT pg_sleep(100) WHERE current_database() = 'my_app'", 'SELECT 1');
	my $run = IPC::Run::start([ 'sh', '-c', "cd $folder && exec ashmig migrate --servers servers --quiet" ], '>', \my $out, '2>', \my $err, IPC::Run::timeout(120));
	$node{$_}->poll_query_until('my_app', q{SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'object' AND classid = 'ashmig.versions'::regclass)
		AND EXISTS (SELECT FROM pg_stat_activity WHERE wait_event = 'PgSleep')}) for qw(one two);
	$run->signal('INT');
	$run->finish;
	is($run->result(0), 1, 'the exit status is that of a failure');
	like($err, qr/^one: .*57014.*^Canceled/ms, 'it says so');
	is(value($_, q{SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'}), 0, "nothing goes on: $_") for qw(one two);
	unlink glob "$folder/priv/ashmig/tenant/20260101000035*";
	value($_, 'SELECT ashmig_remove_migration(20260101000035, tenant => true)') for qw(one two);
};

subtest 'servers that differ' => sub {
	value('two', q{SELECT ashmig_add_migration(20260101000040, 'hidden', 'SELECT 1', '')});
	migration('public', 20260101000041, 'CREATE TABLE never (id int)', 'DROP TABLE never');
	$app->run_ok(1, qr/public migration 20260101000040 "hidden" is recorded on two, but not on one.*nothing was run/s, 'migrate', @all);
	is(value('one', q{SELECT count(*) FROM ashmig.migrations WHERE version = 20260101000041}), 0, 'nothing is imported either');
	value('one', q{SELECT ashmig_add_migration(20260101000040, 'hidden', 'SELECT 2', '')});
	$app->run_ok(1, qr/"hidden" has another text on one than on two/, 'migrate', @all);
	value('one', 'SELECT ashmig_remove_migration(20260101000040)');
	$app->run_ok(3, qr/wrote .*hidden/, qw(export -d), 'service=two');
	$app->run_ok(0, qr/^one +1 .*^two +1 /ms, 'migrate', @all);
};

subtest 'what is said of the command line' => sub {
	$app->run_ok(2, qr/"codegen" works with one server/, qw(codegen x -d service=one -d service=two));
	$app->run_ok(2, qr/--host and --port are for one server/, qw(status -p 1), @all);
	$app->run_ok(2, qr/--jobs needs/, qw(status --jobs 0), @all);
	$app->run_ok(1, qr/two servers are called "one"/, qw(status -d service=one -d service=one));
	append_to_file("$folder/bad", "x = service=one\n= service=two\n");
	$app->run_ok(1, qr/bad, line 2: neither/, qw(status --servers bad));
	append_to_file("$folder/worse", "a = nonsense=1\n");
	$app->run_ok(1, qr/worse, line 1: .*nonsense/, qw(status --servers worse));
	append_to_file("$folder/empty", "# nothing\n\n");
	$app->run_ok(1, qr/"empty" names no server/, qw(status --servers empty));
	append_to_file("$folder/plain", "service=one\n host = " . $node{two}->host . ' port=' . $node{two}->port . " dbname=my_app password=secret\n");
	my (undef, $out, $err) = $app->run(qw(status --servers plain));
	like($out, qr{^one\n.*^\S+:\d+/my_app\n}ms, 'servers without names have some');
	unlike("$out$err", qr/secret/, 'without their passwords');
	$app->run_ok(0, qr/one\n.*current.*two\n.*current/s, qw(status -d service=one -d service=two));
	$app->run_ok(2, qr/--workers is for tenants/, qw(migrate --public --workers 1), @all);
};

# The tenant org_1 goes from one to two, by the commands of the page.
subtest 'a tenant moves with its rows' => sub {
	my ($block, $dump, $import, $check, $drop) = documented('Moving a tenant');

	value('one', q{GRANT USAGE ON SCHEMA org_1 TO my_app; INSERT INTO companies VALUES (1);
		INSERT INTO org_1.posts (company_id, title) SELECT 1, 'post ' || n FROM generate_series(1, 1000) AS n});
	value('two', 'INSERT INTO companies VALUES (1)');
	my $rows = q{SELECT md5(string_agg(p::text, ',' ORDER BY id)), count(*) FROM org_1.posts AS p};
	my $versions = q{SELECT string_agg(v::text, ',' ORDER BY version) FROM ashmig.versions AS v WHERE schema_name = 'org_1'};
	my $before = value('one', $rows) . value('one', $versions);

	run_documented(0, qr/^$/, $block);
	$app->run_ok(3, qr/schema "org_1" does not exist/, [ 'bash', '-c', $import ]);
	run_documented(0, qr/^$/, $dump);
	run_documented(0, qr/\n t\n/, $import);
	run_documented(0, qr/\n f\n/, $import);
	is(value('two', $rows) . value('two', $versions), $before, 'rows and versions are the same');
	run_documented(0, qr/Every schema/, $check);
	run_documented(0, qr/dropped   tenant "org_1"/, $drop);
	is(value('one', q{SELECT count(*) FROM pg_namespace WHERE nspname = 'org_1'}), 0, 'it is gone where it was');
	is(value('two', 'INSERT INTO org_1.posts (title) VALUES (\'next\') RETURNING id') =~ /^(\d+)/ ? $1 : '', 1001, 'its sequences go on');
	migration('tenant', 20260101000050, 'CREATE TABLE after (id int)', 'DROP TABLE after');
	$app->run_ok(0, qr/^one +1 +0 +0 .*^two +2 +0 +0/ms, 'migrate', @all);
};

subtest 'it moves back by one command' => sub {
	my ($move) = documented('Moving by one command');
	my $back = $move =~ s/service=(one|two)/'service=' . ($1 eq 'one' ? 'two' : 'one')/ger;
	my $rows = q{SELECT md5(string_agg(p::text, ',' ORDER BY id)), count(*) FROM org_1.posts AS p};
	my $before = value('two', $rows);

	$app->run_ok(2, qr/needs the other server/, qw(tenant move org_1 -d service=two));
	$app->run_ok(1, qr/Nobody is there to say yes/, qw(tenant move org_1 -d service=two --drop --to service=one));
	$app->run_ok(1, qr/tenant "org_9" does not exist/, qw(tenant move org_9 -d service=two --to service=one));
	$app->run_ok(1, qr/has a schema "org_1" already/, qw(tenant move org_1 -d service=two --to service=two));
	value('one', q{DELETE FROM companies});
	$app->run_ok(1, qr/companies.*rows of tenant "org_1" could not be copied/s, qw(tenant move org_1 -d service=two --to service=one));
	is(value('one', q{SELECT count(*) FROM pg_namespace WHERE nspname = 'org_1'}), 0, 'a part of it is not left behind');
	value('one', q{INSERT INTO companies VALUES (1)});
	value('two', q{CREATE INDEX by_hand ON org_1.notes (body)});
	$app->run_ok(0, qr/moved/, qw(tenant move org_1 -d service=two --to service=one));
	$app->run_ok(0, qr/dropped/, qw(tenant drop org_1 --cascade --force -d service=one));
	value('two', q{DROP INDEX org_1.by_hand; ALTER TABLE org_1.notes DROP body});
	$app->run_ok(1, qr/"body" of table "notes" is missing/, qw(tenant move org_1 -d service=two --to service=one));
	is(value('one', q{SELECT count(*) FROM pg_namespace WHERE nspname = 'org_1'}), 0, 'what is not taken in is removed again');
	value('two', q{ALTER TABLE org_1.notes ADD body text});
	$before = value('two', $rows);
	run_documented(0, qr/moved     tenant "org_1".*dropped/s, $back);
	is(value('one', $rows), $before, 'all rows are there');
	is(value('two', q{SELECT count(*) FROM pg_namespace WHERE nspname = 'org_1'}), 0, 'and no longer where they were');
	run_documented(0, qr/moved/, $move);
	run_documented(0, qr/moved/, $back);
};

subtest 'a dump that is not complete, migrations that are not there' => sub {
	my (undef, $dump, $import) = documented('Moving a tenant');

	s/org_1/org_2/g for $dump, $import;
	run_documented(0, qr/^$/, $dump);
	value('two', 'DROP TABLE org_2.notes');
	$app->run_ok(3, qr/schema "org_2" does not have the structure.*"notes" is missing/s, [ 'bash', '-c', $import ]);
	is(value('two', q{SELECT count(*) FROM ashmig.tenants WHERE schema_name = 'org_2'}), 0, 'it is no tenant');
	value('two', 'DROP SCHEMA org_2 CASCADE');
	value('one', q{SELECT ashmig_add_migration(20260101000060, 'more', 'CREATE TABLE more (id int)', 'DROP TABLE more', tenant => true);
		SELECT count(*) FROM ashmig_migrate_tenants()});
	run_documented(0, qr/^$/, $dump);
	$app->run_ok(3, qr/Missing: 20260101000060 "more".*ashmig_export_migrations\(since => 20260101000060\)/s, [ 'bash', '-c', $import ]);
	my (undef, $records) = documented('A new server');
	run_documented(0, qr/./, $records =~ s/\(\)/(since => 20260101000060)/r);
	run_documented(0, qr/\n t\n/, $import);
};

subtest 'a new server' => sub {
	my ($folder_alone, $records) = documented('A new server');
	local $ENV{NEW} = $node{two}->host;
	my $port = $node{two}->port;
	$node{two}->safe_psql('postgres', 'ALTER DATABASE my_app RENAME TO first_my_app');

	unlink "$folder/.ashmig";
	run_documented(0, qr/^public  public +\d+ /m, "export PGPORT=$port\n$folder_alone");
	is(value('two', 'SELECT count(*) FROM ashmig.migrations'), value('one', 'SELECT count(*) - 1 FROM ashmig.migrations'),
		'it has what the folder has');
	run_documented(0, qr/./, $records);
	is(value('two', q{SELECT string_agg(checksum, ',' ORDER BY version) FROM ashmig.migrations}),
		value('one', q{SELECT string_agg(checksum, ',' ORDER BY version) FROM ashmig.migrations}), 'the script brings the rest');
};

subtest 'the row of a managed table' => sub {
	my ($sql) = documented('Tenants of a managed table');
	my ($dump, $import) = (documented('Moving a tenant'))[ 1, 2 ];

	value('one', q{CREATE TABLE organizations (id int PRIMARY KEY); INSERT INTO organizations VALUES (1);
		SELECT ashmig_manage_tenant('organizations', '{org_,:id}')});
	value('two', q{CREATE TABLE organizations (id int PRIMARY KEY); INSERT INTO companies VALUES (1);
		SELECT ashmig_manage_tenant('organizations', '{org_,:id}')});
	run_documented(0, qr/^$/, $dump);
	run_documented(0, qr/belonged to a row of a managed table/, $import);
	my ($status, $out, $err) = $app->run([ 'psql', '-X', '-v', 'ON_ERROR_STOP=1', '-d', 'service=two', '-c', $sql ]);
	is($status, 0, 'the row comes without triggers') or diag($err);
	is(value('two', q{SELECT managed_by FROM ashmig.tenants WHERE schema_name = 'org_1'}), 'organizations', 'and takes over its tenant');
};

done_testing();
