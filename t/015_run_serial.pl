# Running in the calling session, where there is no background worker.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use FindBin;
use lib "$FindBin::RealBin/lib";
use Fleet;

my $fleet = Fleet->new;
$fleet->add_migration(2, 'ALTER TABLE posts ADD COLUMN r int', 'ALTER TABLE posts DROP COLUMN r');

subtest 'a commit per tenant' => sub {
	$fleet->value('ALTER TABLE t003.posts ADD COLUMN r int');
	like($fleet->errors_of('CALL ashmig_migrate_all_serial()'),
		qr/tenant "t003" failed: column "r" of relation "posts" already exists/, 'one tenant fails');
	is($fleet->applied(2), 39, 'the other tenants are migrated');
	$fleet->value('ALTER TABLE t003.posts DROP COLUMN r');
};

subtest 'a server without background workers' => sub {
	$fleet->node->append_conf('postgresql.conf', 'max_worker_processes = 0');
	$fleet->node->restart;
	like($fleet->errors_of('SELECT * FROM ashmig_migrate_all()'),
		qr/no background worker is available.*Raise max_worker_processes.*ashmig_migrate_all_serial/s, 'the error says what to do');
	$fleet->value('CALL ashmig_migrate_all_serial()');
	is($fleet->applied(2), 40, 'ashmig_migrate_all_serial works');
};

done_testing();
