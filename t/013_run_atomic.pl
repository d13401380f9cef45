# One transaction for all schemas: all or nothing, and the check for enough
# locks before it begins.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use FindBin;
use lib "$FindBin::RealBin/lib";
use Fleet;

my $fleet = Fleet->new;

subtest 'all or nothing' => sub {
	$fleet->add_migration(2, 'CREATE TABLE more (id int PRIMARY KEY, a text, b text)', 'DROP TABLE more');
	$fleet->value('CREATE TABLE t039.more ()');
	like($fleet->errors_of('SELECT count(*) FROM ashmig_migrate_all(atomic => true)'), qr/relation "more" already exists/, 'one tenant fails');
	is($fleet->applied(2), 0, 'no tenant is migrated');
	$fleet->value('DROP TABLE t039.more');
	$fleet->value('BEGIN; SELECT count(*) FROM ashmig_migrate_all(); ROLLBACK');
	is($fleet->applied(2), 0, 'a transaction block can be rolled back');
	is($fleet->value('SELECT count(*) FROM ashmig_migrate_all(atomic => true)'), 40, 'atomic => true migrates all');
};

# Drivers use the extended protocol, which leaves an error context of its own.
subtest 'no transaction block in any protocol' => sub {
	my $script = $fleet->node->basedir . '/call.sql';
	append_to_file($script, "SELECT count(*) FROM ashmig_migrate_all(quiet => true);\n");
	for my $protocol ('simple', 'extended', 'prepared')
	{
		my $runs = $fleet->value('SELECT count(*) FROM ashmig.runs');
		$fleet->value(q{SELECT count(*) FROM ashmig_rollback_tenants(step => 1, only_tenants => '{t001}', workers => 0)});
		$fleet->node->command_ok([ 'pgbench', '-n', '-t', 1, '-M', $protocol, '-f', $script, $fleet->node->connstr('app') ],
			"a call in the $protocol protocol");
		is($fleet->value('SELECT count(*) FROM ashmig.runs'), $runs + 1, "the $protocol protocol commits schema by schema");
	}
};

subtest 'too many locks' => sub {
	$fleet->add_migration(3, join(';', map { "CREATE TABLE big$_ (id int PRIMARY KEY, a text UNIQUE)" } 1 .. 200),
		join(';', map { "DROP TABLE big$_" } 1 .. 200));
	my $err = $fleet->errors_of('BEGIN; SELECT count(*) FROM ashmig_migrate_all()');
	like($err, qr/takes about \d+ locks, but there is room for only \d+/, 'refused before anything is changed');
	like($err, qr/Set max_locks_per_transaction to \d+ or more/, 'the error has the setting and its value');
	$fleet->value('DELETE FROM ashmig.migrations WHERE version = 3');

	# locks that only running it in the first schemas shows
	$fleet->add_migration(3, q{DO $do$BEGIN FOR i IN 1 .. 200 LOOP
		EXECUTE 'CREATE TABLE big' || i || ' (id int PRIMARY KEY, a text UNIQUE)'; END LOOP; END$do$}, '');
	like($fleet->errors_of('SELECT count(*) FROM ashmig_migrate_all(atomic => true)'),
		qr/takes about \d+ locks.*Set max_locks_per_transaction/s, 'refused after the first schemas');
	is($fleet->value(q{SELECT count(*) FROM pg_class WHERE relname = 'big1'}), 0, 'nothing is left behind');
	$fleet->value('DELETE FROM ashmig.migrations WHERE version = 3');
};

done_testing();
