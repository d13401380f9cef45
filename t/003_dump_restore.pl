# Dumps and restores, as docs/upgrading.md describes them: a restored database knows
# what is applied, and goes on from there.
use strict;
use warnings;

use FindBin;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use lib "$FindBin::RealBin/lib";
use DumpRestore;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', "max_worker_processes = 12\nfsync = off\n");
$node->start;
$ENV{PGHOST} = $node->host;
$ENV{PGPORT} = $node->port;
my $folder = $node->basedir;

$node->safe_psql('postgres', 'CREATE DATABASE app');
$node->safe_psql('app', 'CREATE EXTENSION ashmig');
fill_database($node, 'app');
my $record = record_of($node, 'app');
cmp_ok($node->safe_psql('app', 'SELECT count(*) FROM ashmig.run_schemas'), '>', 4, 'the journal has something to tell');

# An empty database, and commands that fill it; each must succeed.
sub restore
{
	my ($database, @commands) = @_;
	$node->safe_psql('postgres', "CREATE DATABASE $database");
	$node->command_ok($_, "$database: $_->[0]") for @commands;
	return;
}

#
# Whole databases
#
$node->command_ok([ 'pg_dump', '-d', 'app', '-f', "$folder/plain.sql" ], 'dump as a script');
restore('plain', [ 'psql', '-Xq1', '-v', 'ON_ERROR_STOP=1', '-d', 'plain', '-f', "$folder/plain.sql" ]);
is_as_good($node, 'plain', $record);

# Several jobs load the tables of ashmig in any order, so more than once.
$node->command_ok([ 'pg_dump', '-Fc', '-d', 'app', '-f', "$folder/app.dump" ], 'dump as an archive');
for my $i (1 .. 3)
{
	restore("jobs_$i", [ 'pg_restore', '--exit-on-error', '--jobs=4', '-d', "jobs_$i", "$folder/app.dump" ]);
	is(record_of($node, "jobs_$i"), $record, 'restored by four jobs');
}

# Over what is there: the archive drops the tables, and so may drop the extension.
$node->command_ok([ 'pg_restore', '--exit-on-error', '--clean', '--if-exists', '-d', 'jobs_2', "$folder/app.dump" ], 'restore over a database');
is_as_good($node, 'jobs_2', $record, name => 'clean');

# The same, loading the tables of ashmig backwards: none needs another.
is( $node->safe_psql('app', q{
	SELECT conname FROM pg_constraint WHERE contype = 'f' AND connamespace = 'ashmig'::regnamespace}), '', 'no foreign keys in the schema ashmig');
my ($list) = run_command([ 'pg_restore', '-l', "$folder/app.dump" ]);
my @entries = grep { /^\d+;/ } split /\n/, $list;
my @data = grep { / TABLE DATA ashmig / } @entries;
my @backwards = reverse @data;
append_to_file("$folder/list", join '', map { (/ TABLE DATA ashmig / ? shift @backwards : $_) . "\n" } @entries);
cmp_ok(scalar @data, '>', 9, 'the dump has the tables of ashmig');
restore('backwards', [ 'pg_restore', '--exit-on-error', '-L', "$folder/list", '-d', 'backwards', "$folder/app.dump" ]);
is(record_of($node, 'backwards'), $record, 'restored in the opposite order');

#
# Parts
#
restore('structure', [ 'sh', '-c', "(pg_dump -s app && pg_dump -a -n ashmig -e ashmig app) | psql -Xq -v ON_ERROR_STOP=1 -d structure" ]);
is_as_good($node, 'structure', $record, empty => 1);

restore('rows_later',
	[ 'pg_restore', '--exit-on-error', '-s', '-d', 'rows_later', "$folder/app.dump" ],
	[ 'pg_restore', '--exit-on-error', '-a', '--disable-triggers', '--jobs=2', '-d', 'rows_later', "$folder/app.dump" ]);
is(record_of($node, 'rows_later'), $record, 'structure first, and rows without triggers');

restore('schemas',
	[ 'sh', '-c', "pg_dump -e ashmig -n public -n 'org_*' -n by-hand -n listed app | grep -v '^CREATE SCHEMA public' | psql -Xq -v ON_ERROR_STOP=1 -d schemas" ]);
is_as_good($node, 'schemas', $record, name => 'some schemas');
unlike((run_command([ 'pg_dump', '-n', 'public', '-n', 'ashmig', 'app' ]))[0], qr/^COPY ashmig/m, 'without -e nothing of ashmig is dumped');

# One tenant, over the same one
$node->safe_psql('postgres', 'CREATE DATABASE one_tenant TEMPLATE app');
$node->safe_psql('one_tenant', 'DROP SCHEMA org_1 CASCADE');
is($node->safe_psql('one_tenant', q{SELECT status FROM ashmig_status() WHERE schema_name = 'org_1'}), 'missing', 'a schema is missing');
$node->command_ok([ 'sh', '-c', 'pg_dump -n org_1 app | psql -Xq -v ON_ERROR_STOP=1 -d one_tenant' ], 'it is restored');
is_as_good($node, 'one_tenant', $record, name => 'a copy by TEMPLATE, with one tenant restored');

#
# Another cluster, by a role that is no superuser
#
my $other = PostgreSQL::Test::Cluster->new('other');
$other->init(auth_extra => [ '--create-role' => 'owner' ]);
$other->append_conf('postgresql.conf', "max_worker_processes = 12\nfsync = off\n");
$other->start;
my $grants = q{
	GRANT USAGE ON SCHEMA ashmig TO owner;
	GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA ashmig TO owner;
	GRANT USAGE, UPDATE ON ALL SEQUENCES IN SCHEMA ashmig TO owner;
	GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA ashmig TO owner;
	GRANT EXECUTE ON ALL ROUTINES IN SCHEMA public TO owner};
$node->safe_psql('postgres', 'CREATE ROLE owner LOGIN; CREATE DATABASE owned OWNER owner');
$node->safe_psql('owned', "CREATE EXTENSION ashmig; GRANT CREATE ON SCHEMA public TO owner; $grants");
my $superuser = $node->safe_psql('postgres', 'SELECT current_user');
$ENV{PGUSER} = 'owner';
SKIP: {
	my ($status) = $node->psql('owned', 'SELECT 1');
	skip 'no login as another role', 1 if $status;
	fill_database($node, 'owned');
	my $owned = record_of($node, 'owned');
	delete $ENV{PGUSER};
	$node->command_ok([ 'pg_dumpall', '--globals-only', '-f', "$folder/globals.sql" ], 'dump roles');
	$node->command_ok([ 'pg_dump', '-Fc', '-d', 'owned', '-f', "$folder/owned.dump" ], 'dump a database that is not a superuser\'s');
	$other->command_ok([ 'psql', '-Xq', '-d', $other->connstr('postgres'), '-f', "$folder/globals.sql" ], 'restore roles');
	$other->safe_psql('postgres', 'CREATE DATABASE owned OWNER owner');
	$other->safe_psql('owned', "CREATE EXTENSION ashmig; GRANT CREATE ON SCHEMA public TO owner; $grants");
	$ENV{PGUSER} = 'owner';
	command_like([ 'sh', '-c', "pg_restore -l '$folder/owned.dump' | grep -vE ' (EXTENSION|COMMENT - EXTENSION|ACL|SCHEMA - public|COMMENT - SCHEMA public) ' > '$folder/list_owned'; wc -l < '$folder/list_owned'" ], qr/\d/, 'without what needs a superuser');
	$other->command_ok([ 'pg_restore', '--exit-on-error', '--no-owner', '-L', "$folder/list_owned", '-d', $other->connstr('owned'), "$folder/owned.dump" ], 'restore as the owner');
	is_as_good($other, 'owned', $owned, name => 'restored by its owner', superuser => $superuser);
	delete $ENV{PGUSER};
}

done_testing();
