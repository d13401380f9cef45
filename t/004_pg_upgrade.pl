# pg_upgrade into a new cluster, from an earlier version of PostgreSQL if scripts/test finds
# one, whose programs are in OLD_BINDIR: schemas get new OIDs, and everything goes on.
use strict;
use warnings;

use FindBin;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use lib "$FindBin::RealBin/lib";
use DumpRestore;

my ($bindir) = map { s/\s+\z//r } (run_command([ 'pg_config', '--bindir' ]))[0];
my $old_bindir = $ENV{OLD_BINDIR} || $bindir;

# The old cluster is started by its own programs; PostgreSQL's test library is of the new one.
my $port = PostgreSQL::Test::Cluster::get_free_port();
my $old_data = PostgreSQL::Test::Utils::tempdir() . '/data';
my $socket = PostgreSQL::Test::Utils::tempdir_short();

my $new = PostgreSQL::Test::Cluster->new('new');
my @locale = ('--locale=C', '--encoding=UTF8', '--no-sync');

# Both without checksums, which initdb turns on by itself from 18
sub no_checksums
{
	my $initdb = shift;
	return (run_command([ $initdb, '--help' ]))[0] =~ /(--no-data-checksums)/ ? $1 : ();
}
$new->init(extra => [ @locale, no_checksums('initdb') ]);
$new->append_conf('postgresql.conf', "max_worker_processes = 12\nfsync = off\n");

command_ok([ "$old_bindir/initdb", '-A', 'trust', @locale, no_checksums("$old_bindir/initdb"), '-D', $old_data ], 'the old cluster');
append_to_file("$old_data/postgresql.conf", "listen_addresses = ''\nunix_socket_directories = '$socket'\nport = $port\nmax_worker_processes = 12\nfsync = off\n");
command_ok([ "$old_bindir/pg_ctl", '-w', '-D', $old_data, '-l', "$old_data/log", 'start' ], 'it starts');

# What DumpRestore calls of a node
package OldNode
{
	sub safe_psql
	{
		my ($self, $database, $sql) = @_;
		my ($out, $err) = ('', '');
		IPC::Run::run([ 'psql', '-XqAt', '-v', 'ON_ERROR_STOP=1', '-h', $socket, '-p', $port, '-d', $database ], '<', \$sql, '>', \$out, '2>', \$err)
			or die "psql: $err";
		chomp $out;
		return $out;
	}
}
my $old = bless {}, 'OldNode';

# Objects that are there in the old cluster only move the OIDs of what follows.
$old->safe_psql('postgres', 'CREATE DATABASE app');
$old->safe_psql('app', 'CREATE SCHEMA before; CREATE EXTENSION ashmig; DROP SCHEMA before');
fill_database($old, 'app');
my $record = record_of($old, 'app');
my $noted = $old->safe_psql('app', 'SELECT string_agg(noted_in, $$ $$) FROM ashmig.tenants');
# Some packaged servers give columns options of their own, which others do not know.
my $options = $old->safe_psql('app', q{SELECT string_agg(DISTINCT o, ' ') FROM pg_attribute, unnest(attoptions) AS o WHERE attrelid = 'organizations'::regclass});
command_ok([ "$old_bindir/pg_ctl", '-w', '-D', $old_data, 'stop' ], 'it stops');
if ($options ne '' && $old_bindir ne $bindir)
{
	note("not upgraded: tables of the old server have options that the new one may not know: $options");
	done_testing();
	exit;
}

# pg_upgrade writes its log into the current folder or, from 15, the new cluster's.
chdir PostgreSQL::Test::Utils::tempdir() or die $!;
command_ok([ 'pg_upgrade', '--no-sync', '-b', $old_bindir, '-B', $bindir, '-d', $old_data, '-D', $new->data_dir, '-s', $new->host,
		'-p', $port, '-P', $new->port ], 'pg_upgrade');
$new->start;
is($new->safe_psql('app', 'SELECT string_agg(noted_in, $$ $$) FROM ashmig.tenants'), $noted, 'the OIDs are those noted in the old cluster');
is( $new->safe_psql('app', q{
	BEGIN;
	UPDATE ashmig.tenants SET schema_oid = (SELECT oid FROM pg_namespace WHERE nspname = 'public') WHERE schema_name = 'org_1';
	ALTER SCHEMA org_1 RENAME TO away;
	SELECT status FROM ashmig_status() WHERE schema_name = 'org_1';
	ROLLBACK}), 'missing', 'what another schema has for an OID now means nothing');
is_as_good($new, 'app', $record, name => 'upgraded');

done_testing();
