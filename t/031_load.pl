# A steady load on the tenants while migrations run, and a forgotten transaction
# that holds one of the tables: no query waits much longer than lock_timeout.
use strict;
use warnings;

use List::Util qw(max sum);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $lock_timeout = 400;		# ms
my $slack = 1500;			# ms, for a machine that is busy with other things

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', "max_worker_processes = 12\nfsync = off\nlog_statement = none\n");
$node->start;
$node->safe_psql('postgres', 'CREATE DATABASE app');
$node->safe_psql('app', q{
	CREATE EXTENSION ashmig;
	INSERT INTO ashmig.migrations (scope, version, name, up, down) VALUES
	('tenant', 1, 'a', '{"CREATE TABLE @tenant@.a (id int PRIMARY KEY, n int DEFAULT 0)","CREATE TABLE @tenant@.b (id int PRIMARY KEY, n int DEFAULT 0)",
	  "INSERT INTO @tenant@.a SELECT generate_series(1, 10)","INSERT INTO @tenant@.b SELECT generate_series(1, 10)"}', '{"DROP TABLE @tenant@.a, @tenant@.b"}');
	SELECT ashmig_create_tenant('t' || i) FROM generate_series(1, 20) AS i;
	INSERT INTO ashmig.migrations (scope, version, name, up, down)
	SELECT 'tenant', 1 + i, 'm' || i, ARRAY[format('ALTER TABLE @tenant@.a ADD COLUMN c%s int', i), format('ALTER TABLE @tenant@.b ADD COLUMN c%s int', i)],
	  ARRAY[format('ALTER TABLE @tenant@.b DROP COLUMN c%s', i), format('ALTER TABLE @tenant@.a DROP COLUMN c%s', i)]
	FROM generate_series(1, 10) AS i;
});

my $script = $node->basedir . '/load.sql';
append_to_file($script, q{
\set t random(1, 20)
\set id random(1, 10)
UPDATE t:t.a SET n = n + 1 WHERE id = :id;
SELECT n FROM t:t.b WHERE id = :id;
});
my ($in, $out, $err) = ('', '', '');
my $holder = IPC::Run::start([ 'psql', '-XqAt', '-d', $node->connstr('app') ],
	'<', \$in, '>', \$out, '2>', \$err, IPC::Run::timer(120));
$in .= "BEGIN; SELECT 'held' FROM t5.b WHERE id = 1;\n";
$holder->pump until $out =~ /held/;

my ($load_out, $load_err) = ('', '');
my $log = $node->basedir . '/latency';
my $load = IPC::Run::start([ 'pgbench', '-n', '-f', $script, '-c', '4', '-T', '12', '-l', "--log-prefix=$log",
	'-h', $node->host, '-p', $node->port, 'app' ], '>', \$load_out, '2>', \$load_err, IPC::Run::timer(120));

my $failures = 0;
for (1 .. 3)
{
	my ($status) = $node->psql('app', "SET ashmig.lock_retries = 2; SELECT * FROM ashmig_migrate_all(lock_timeout => '$lock_timeout ms')");
	$failures++ if $status;
	$node->psql('app', "SET ashmig.lock_retries = 2; SELECT * FROM ashmig_rollback_tenants(step => 10, lock_timeout => '$lock_timeout ms')");
}
is($failures, 3, 'the tenant whose table is held fails');
is($node->safe_psql('app', 'SELECT max(applied) FROM ashmig.schema_versions'), 1, 'the other tenants are migrated and rolled back');
$in .= "COMMIT;\n\\q\n";
$holder->finish;
$load->finish;

my @latencies = map { (split / /)[2] / 1000 } map { split /\n/, slurp_file($_) } glob("$log.*");
cmp_ok(scalar @latencies, '>', 100, 'there was a load');
cmp_ok(max(@latencies), '<', $lock_timeout + $slack, 'no query waited much longer than lock_timeout');
note(sprintf('%d transactions, mean %.1f ms, longest %.1f ms', scalar @latencies, sum(@latencies) / @latencies, max(@latencies)));
unlike($load_err, qr/ERROR/, 'no query failed');
is($node->safe_psql('app', 'SELECT count(*) FROM ashmig_migrate_all()'), 20, 'once the lock is released, all tenants are migrated');

done_testing();
