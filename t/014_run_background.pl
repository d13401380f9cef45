# Non-transactional migrations: they continue in the background after the call,
# and resume at the statement where they stopped.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use FindBin;
use lib "$FindBin::RealBin/lib";
use Fleet;

my $fleet = Fleet->new;
$fleet->value(q{INSERT INTO t002.posts (id, title) VALUES (1, 'a'), (2, 'b')});
$fleet->value(q{
	INSERT INTO ashmig.migrations (scope, version, name, up, down, transactional) VALUES
	('tenant', 2, 'm', '{"ALTER TABLE @tenant@.posts ADD COLUMN p int","CREATE UNIQUE INDEX CONCURRENTLY posts_p ON @tenant@.posts (coalesce(p, 0))","CREATE INDEX CONCURRENTLY posts_q ON @tenant@.posts (p)"}',
	 '{"DROP INDEX CONCURRENTLY @tenant@.posts_q","DROP INDEX CONCURRENTLY @tenant@.posts_p","ALTER TABLE @tenant@.posts DROP COLUMN p"}', false),
	('tenant', 3, 'm', '{"ALTER TABLE @tenant@.posts ADD COLUMN q int"}', '{"ALTER TABLE @tenant@.posts DROP COLUMN q"}', true)});

subtest 'failure in one tenant' => sub {
	my (undef, $out, $err) = $fleet->psql('SELECT status, count(*) FROM ashmig_migrate_all() GROUP BY 1');
	is($out, 'background|40', 'the call returns while the migrations continue');
	like($err, qr/NOTICE:  40 schemas continue in the background, as run (\d+)/, 'a notice says so');
	like($fleet->errors_of('CALL ashmig_wait()'), qr/run \d+ failed: 1 of 40 schemas failed/, 'ashmig_wait reports the failure');
	is($fleet->applied(3), 39, 'the other tenants have the migration after it, too');
	is($fleet->value(q{SELECT done || ' ' || started FROM ashmig.partial_migrations WHERE schema_name = 't002'}),
		'1 true', 'the failed one stopped at the second statement');
	is($fleet->value(q{SELECT indisvalid FROM pg_index WHERE indexrelid = 't002.posts_p'::regclass}), 'f', 'and left an invalid index');
};

subtest 'resume' => sub {
	$fleet->value('UPDATE t002.posts SET p = id');
	$fleet->value('SELECT * FROM ashmig_migrate_all()');
	$fleet->value('CALL ashmig_wait()');
	is($fleet->value(q{SELECT string_agg(indexrelid::regclass || ' ' || indisvalid, ', ' ORDER BY indexrelid::regclass::text)
		FROM pg_index WHERE indrelid = 't002.posts'::regclass}),
		't002.posts_p true, t002.posts_pkey true, t002.posts_q true', 'the index is rebuilt');
	is($fleet->value('SELECT count(*) FROM ashmig.partial_migrations'), 0, 'no migration is partial');
	is($fleet->value('SELECT count(*) FROM ashmig_migrate_all()'), 0, 'nothing is left to do');
};

subtest 'roll back' => sub {
	$fleet->value('SELECT * FROM ashmig_rollback_tenants(step => 2)');
	$fleet->value('CALL ashmig_wait()');
	is($fleet->value('SELECT max(version) FROM ashmig.versions'), 1, 'both migrations are rolled back');
	is($fleet->value(q{SELECT count(*) FROM pg_class WHERE relname IN ('posts_p', 'posts_q')}), 0, 'the indexes are gone');
};

subtest 'transaction blocks and new tenants' => sub {
	like($fleet->errors_of('BEGIN; SELECT * FROM ashmig_migrate_all()'),
		qr/CREATE INDEX CONCURRENTLY cannot run inside a transaction/, 'refused in a transaction block if the table has rows');
	is($fleet->value(q{SELECT ashmig_create_tenant('new')}), 3, 'a new tenant gets a plain index');
	like($fleet->errors_of('BEGIN; CALL ashmig_wait()'), qr/cannot run inside a transaction block/, 'ashmig_wait is refused in a transaction block');
};

done_testing();
