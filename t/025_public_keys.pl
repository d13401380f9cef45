# Many keys of tenants to one public table: the warning comes before the locks of
# one DELETE fill the lock table, and what it says is true. Shared references need
# few locks, and survive a dump.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

# A server with room for about a thousand locks
my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', join "\n", 'max_connections = 10', 'max_worker_processes = 4',
	'max_wal_senders = 0', 'autovacuum_max_workers = 1', 'fsync = off', '');
$node->append_conf('postgresql.conf', 'autovacuum_worker_slots = 1') if $node->pg_version >= 18;
$node->start;

my $tables = 10;
my $setup = q{
	CREATE EXTENSION ashmig;
	CREATE TABLE users (id integer PRIMARY KEY);
	INSERT INTO users SELECT generate_series(1, 100)};
my $create = join ";\n", map { ("CREATE TABLE t$_ (id integer PRIMARY KEY, user_id integer)", "CREATE INDEX ON t$_ (user_id)") } 1 .. $tables;
my $keys = join ";\n", map { "ALTER TABLE t$_ ADD FOREIGN KEY (user_id) REFERENCES public.users" } 1 .. $tables;
my $references = join ";\n",
	map { "SELECT public.ashmig_add_reference('t$_', 't${_}_user_id_fkey', '{user_id}', 'public.users', 'cascade')" } 1 .. $tables;

sub prepare
{
	my ($database, $up) = @_;
	$node->safe_psql('postgres', "CREATE DATABASE $database");
	$node->safe_psql($database, $setup);
	$node->safe_psql($database, "SELECT ashmig_add_migration(1, 'tables', \$\$$create;\n$up\$\$, 'SELECT 1', tenant => true)");
	return;
}

# Create tenants in one session, a commit after each; returns what it said.
sub tenants
{
	my ($database, $first, $last) = @_;
	my $said;
	$node->psql($database, join("\n", map { "SELECT ashmig_create_tenant('org_$_');" } $first .. $last), stderr => \$said, on_error_die => 1);
	return $said;
}

# Relations, without catalogs, that a session has locked after a statement
sub locks_of
{
	my ($database, $statement) = @_;
	return $node->safe_psql($database, qq{
		BEGIN;
		$statement;
		SELECT count(DISTINCT relation) FROM pg_locks
		 WHERE pid = pg_backend_pid() AND relation >= 16384 AND relation NOT IN ('users'::regclass, 'users_pkey'::regclass);
		ROLLBACK});
}

prepare('keys', $keys);
my ($few, $many) = (12, 25);
is(tenants('keys', 1, $few), '', "$few tenants: nothing to be said");
my ($needed, $room) = split /\|/, $node->safe_psql('keys', 'SELECT locks_needed, locks_available FROM ashmig_public_references()');
is($needed, $few * $tables * 3, 'a table and two indexes for each key');
is(locks_of('keys', 'DELETE FROM users WHERE id = 1'), $needed, 'as many locks as were said');
is($node->safe_psql('keys', 'SELECT schema_name, table_name, keys, tenants, triggers FROM ashmig_public_references()'),
	"public|users|120|12|240", 'one row for the table');

my $said = tenants('keys', $few + 1, $many);
my @warnings = $said =~ /(WARNING: .*)/g;
is(scalar @warnings, 1, 'one warning, once');
like($said, qr/one DELETE in table "public\.users" takes about (\d+) of the $room locks/, 'it says how many');
my ($setting) = $said =~ /Set max_locks_per_transaction to (\d+) or more/;
my $warned = $1 if $said =~ /takes about (\d+) of/;
cmp_ok($warned, '<', 0.6 * $room, 'and comes in time');

# The lock table has some shared memory to spare, beyond what is said.
tenants('keys', $many + 1, 120);
my ($status, $out, $error) = $node->psql('keys', 'DELETE FROM users WHERE id = 1');
like($error, qr/out of shared memory/, 'with more tenants the DELETE fails indeed');
$setting = $node->safe_psql('keys', 'SELECT max_locks_per_transaction FROM ashmig_public_references()');
$node->append_conf('postgresql.conf', "max_locks_per_transaction = $setting");
$node->restart;
is(locks_of('keys', 'DELETE FROM users WHERE id = 1'), 120 * $tables * 3, 'with the setting that is shown it works');
unlike(tenants('keys', 121, 121), qr/WARNING/, 'and nothing is said any more');
$node->append_conf('postgresql.conf', 'max_locks_per_transaction = 64');
$node->restart;

prepare('refs', $references);
is(tenants('refs', 1, 50), '', 'shared references: nothing to be said of 50 tenants');
$node->safe_psql('refs', 'INSERT INTO org_7.t3 VALUES (1, 1); INSERT INTO org_50.t10 VALUES (1, 1), (2, 2)');
is(locks_of('refs', 'DELETE FROM users WHERE id = 3'), 0, 'no locks where nothing references the row');
is(locks_of('refs', 'DELETE FROM users WHERE id = 1'), 2 * 3, 'those of two tables where these do');
is($node->safe_psql('refs', q{SELECT count(*) FROM pg_trigger WHERE tgrelid = 'users'::regclass}), 3, 'three triggers');

# A dump has them, and they work when it is restored.
my $dump = $node->backup_dir . '.sql';
$node->command_ok([ 'pg_dump', '-d', $node->connstr('refs'), '-f', $dump ], 'dump');
$node->safe_psql('postgres', 'CREATE DATABASE restored');
$node->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('restored'), '-f', $dump ], 'restore');
my $triggers = q{SELECT tgrelid::regclass, pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal ORDER BY tgrelid::regclass::text, tgname};
is($node->safe_psql('restored', $triggers), $node->safe_psql('refs', $triggers), 'the same triggers');
($status, $out, $error) = $node->psql('restored', 'INSERT INTO org_7.t3 VALUES (2, 101)');
like($error, qr/violates foreign key constraint "t3_user_id_fkey"/, 'the tenants\' side works');
$node->safe_psql('restored', 'DELETE FROM users WHERE id = 1');
is($node->safe_psql('restored', 'SELECT (SELECT count(*) FROM org_7.t3), (SELECT count(*) FROM org_50.t10)'), '0|1', 'and the public one');
is($node->safe_psql('restored', q{SELECT count(*) FROM ashmig_drift()}), 0, 'and nothing has drifted');

done_testing();
