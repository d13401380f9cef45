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

$node->safe_psql('postgres', 'CREATE DATABASE app');
$node->safe_psql('app', 'CREATE EXTENSION ashmig');
fill_database($node, 'app');
my $record = record_of($node, 'app');
cmp_ok($node->safe_psql('app', 'SELECT count(*) FROM ashmig.run_schemas'), '>', 4, 'the journal has something to tell');

# The commands of a section of docs/upgrading.md, as they stand there
my $page = slurp_file('docs/upgrading.md');
sub documented
{
	my $heading = shift;
	my ($commands) = $page =~ /^### \Q$heading\E\n.*?^```sh\n(.*?)^```/ms or die "no commands in section \"$heading\"";
	return $commands;
}

# Run them, in a folder in which the dumps stay.
chdir $node->basedir or die $!;
$ENV{PGOPTIONS} = '-c client_min_messages=warning';
sub run_documented
{
	my ($heading) = @_;
	my $commands = documented($heading);
	$node->safe_psql('postgres', 'DROP DATABASE IF EXISTS copy') if $commands =~ /createdb copy/;
	$node->command_ok([ 'sh', '-e', '-c', $commands ], $heading);
	return;
}

# Several jobs load the tables of ashmig in any order, so more than once.
run_documented('The whole database');
for my $i (1 .. 2)
{
	run_documented('The whole database');
	is(record_of($node, 'copy'), $record, 'restored by four jobs');
}
is_as_good($node, 'copy', $record, name => 'the whole database');
$node->safe_psql('postgres', 'DROP DATABASE copy; CREATE DATABASE copy TEMPLATE app');
run_documented('Over a database that exists');
is_as_good($node, 'copy', $record, name => 'over a database that exists');

# As a script, in one transaction
$node->safe_psql('postgres', 'CREATE DATABASE script');
$node->command_ok([ 'sh', '-c', 'pg_dump app | psql -Xq1 -v ON_ERROR_STOP=1 -d script' ], 'dump as a script');
is_as_good($node, 'script', $record);

# Loading the tables of ashmig backwards: none needs another.
is( $node->safe_psql('app', q{
	SELECT conname FROM pg_constraint WHERE contype = 'f' AND connamespace = 'ashmig'::regnamespace}), '', 'no foreign keys in the schema ashmig');
my @entries = grep { /^\d+;/ } split /\n/, (run_command([ 'pg_restore', '-l', 'app.dump' ]))[0];
my @data = grep { / TABLE DATA ashmig / } @entries;
my @backwards = reverse @data;
append_to_file('backwards', join '', map { (/ TABLE DATA ashmig / ? shift @backwards : $_) . "\n" } @entries);
cmp_ok(scalar @data, '>', 9, 'the dump has the tables of ashmig');
$node->safe_psql('postgres', 'CREATE DATABASE backwards');
$node->command_ok([ 'pg_restore', '--exit-on-error', '-L', 'backwards', '-d', 'backwards', 'app.dump' ], 'restore backwards');
is(record_of($node, 'backwards'), $record, 'restored in the opposite order');

# Parts
run_documented('Structure without rows');
is_as_good($node, 'copy', $record, name => 'structure without rows', empty => 1);
run_documented('Rows after the structure');
is(record_of($node, 'copy'), $record, 'rows after the structure');
$node->safe_psql('app', 'ALTER SCHEMA "by-hand" RENAME TO org_by_hand; ALTER SCHEMA listed RENAME TO org_listed');
run_documented('Some schemas');
$node->safe_psql($_, 'ALTER SCHEMA org_by_hand RENAME TO "by-hand"; ALTER SCHEMA org_listed RENAME TO listed') for qw(app copy);
is_as_good($node, 'copy', $record, name => 'some schemas');
unlike((run_command([ 'pg_dump', '-n', 'public', '-n', 'ashmig', 'app' ]))[0], qr/^COPY ashmig/m, 'without -e nothing of ashmig is dumped');

# One tenant, over the same one
run_documented('One tenant');
is_as_good($node, 'app', $record, name => 'one tenant');

#
# Another cluster, by a role that is no superuser
#
my $other = PostgreSQL::Test::Cluster->new('other');
$other->init;
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
	$node->command_ok([ 'pg_dumpall', '--globals-only', '-f', 'globals.sql' ], 'dump roles');
	$node->command_ok([ 'pg_dump', '-Fc', '-d', 'owned', '-f', 'app.dump' ], 'dump a database that is not a superuser\'s');
	$other->command_ok([ 'psql', '-Xq', '-d', $other->connstr('postgres'), '-f', 'globals.sql' ], 'restore roles');
	$other->safe_psql('postgres', 'CREATE DATABASE copy OWNER owner');
	$other->safe_psql('copy', "CREATE EXTENSION ashmig; GRANT CREATE ON SCHEMA public TO owner; $grants");
	$ENV{PGUSER} = 'owner';
	$ENV{PGPORT} = $other->port;
	$ENV{PGHOST} = $other->host;
	$other->command_ok([ 'sh', '-e', '-c', documented('Without a superuser') ], 'restore as the owner');
	is_as_good($other, 'copy', $owned, name => 'restored by its owner', superuser => $superuser);
	delete $ENV{PGUSER};
}

done_testing();
