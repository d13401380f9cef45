# Changes of large tables: what they lock, and that a backfill that is killed
# ends with every row filled once.
use strict;
use warnings;

use Cwd qw(getcwd);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);

use FindBin;
use lib "$FindBin::RealBin/lib";
use Fleet;

my $fleet = Fleet->new;
my $node = $fleet->node;
my $rows = 20000;
$node->append_conf('postgresql.conf', "fsync = on\nrestart_after_crash = on\nashmig.online_threshold = '1MB'\nashmig.batch_time = '2ms'\nashmig.batch_pause = 4\nashmig.quiet = on\n");
$node->restart;

# One large tenant; t002 has a few rows
sub fill
{
	$fleet->value(qq{
		TRUNCATE t001.posts, t002.posts;
		INSERT INTO t001.posts (id, title) SELECT i, repeat('title ', 10) || i FROM generate_series(1, $rows) AS i;
		INSERT INTO t002.posts (id, title) SELECT i, 'title ' || i FROM generate_series(1, 10) AS i});
	return;
}

$fleet->add_migration(2, 'ALTER TABLE @tenant@.posts ADD COLUMN search text, ADD COLUMN fills int NOT NULL DEFAULT 0',
	'ALTER TABLE @tenant@.posts DROP COLUMN search, DROP COLUMN fills');
$fleet->value('SELECT * FROM ashmig_migrate_all()');
$fleet->value(q{SELECT ashmig_add_migration(3, 'fill', down => 'SELECT 1', tenant => true,
	batch => 'UPDATE @tenant@.posts AS p SET search = lower(title), fills = fills + 1 WHERE search IS NULL')});

sub worker_pid
{
	return $fleet->value(q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'ashmig worker' AND query LIKE '%outside a transaction'});
}

sub batch_rows { return $fleet->value(q{SELECT coalesce(max(batch_rows), 0) FROM ashmig.partial_migrations}) }

# What is wrong with the rows, or ''
sub faults
{
	return $fleet->value(q{SELECT concat_ws(', ',
		(SELECT 'left: ' || count(*) FROM t001.posts WHERE search IS DISTINCT FROM lower(title) HAVING count(*) > 0),
		(SELECT 'not once: ' || count(*) FROM t001.posts WHERE fills <> 1 HAVING count(*) > 0),
		(SELECT 'small: ' || count(*) FROM t002.posts WHERE fills <> 1 HAVING count(*) > 0))});
}

# Wait for the backfill to be at work past so many rows.
sub wait_past
{
	my ($count) = @_;
	return $fleet->wait_for("SELECT coalesce(max(batch_rows), 0) > $count FROM ashmig.partial_migrations");
}

my %kill = (
	'the worker is terminated' => sub { $fleet->value('SELECT pg_terminate_backend(' . worker_pid() . ')') },
	'the worker is killed' => sub {
		kill 'KILL', worker_pid();
		usleep(200_000) until system_log(qw(psql -XqAt -c), 'SELECT 1', '-d', $node->connstr('app')) == 0;
	},
	'the server stops at once' => sub { $node->stop('immediate'); $node->start },
	'the run is canceled' => sub { $fleet->value('SELECT ashmig_cancel(max(run)) FROM ashmig.runs') });

for my $how (sort keys %kill)
{
	subtest $how => sub {
		fill();
		for my $moment (0, 2000, 5000)
		{
			$fleet->value('SELECT * FROM ashmig_migrate_all()');
			ok(wait_past($moment), "it is past $moment rows");
			$kill{$how}->();
			$fleet->wait_for(q{SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'ashmig worker'});
			cmp_ok(batch_rows(), '>', $moment, 'what was committed is known');
		}
		cmp_ok($fleet->value('SELECT count(*) FROM t001.posts WHERE fills = 0'), '>', 0, 'it has not come to its end');
		$fleet->value('SELECT * FROM ashmig_migrate_all()');
		$fleet->value('CALL ashmig_wait()');
		is(faults(), '', 'every row is filled once');
		is($fleet->value('SELECT count(*) FROM ashmig.partial_migrations'), 0, 'nothing is left half-done');
		$fleet->value('SELECT * FROM ashmig_rollback_tenants()');
		$fleet->value('CALL ashmig_wait()');
	};
}

subtest 'a busy table' => sub {
	fill();
	# rows that move between blocks, and one that is locked for a while
	my $holder = $fleet->start;
	$fleet->hold($holder, 'BEGIN; UPDATE t001.posts SET title = upper(title) WHERE id = 10000');
	my $writer = $fleet->start(q{
		DO $$BEGIN PERFORM set_config('lock_timeout', '1900ms', false); FOR i IN 1 .. 3000 LOOP
			UPDATE t001.posts SET title = title || ' changed', search = lower(title || ' changed')
				WHERE id = 1 + (random() * 19999)::int AND search IS NOT NULL;
			UPDATE t001.posts SET title = title || ' moved' WHERE id = 1 + (random() * 19999)::int AND search IS NULL;
			COMMIT;
		END LOOP; END$$});
	$fleet->value(q{SET ashmig.lock_timeout = '100ms'; SELECT * FROM ashmig_migrate_all()});
	ok(wait_past(3000), 'it goes on');
	usleep(500_000);
	$fleet->hold($holder, 'COMMIT');
	$writer->{run}->finish;
	is($writer->{err}, '', 'no writer waits for long');
	$fleet->value('CALL ashmig_wait()');
	is(faults(), '', 'every row is filled once');
	$holder->{in} .= "\\q\n";
	$holder->{run}->finish;
	$fleet->value('SELECT * FROM ashmig_rollback_tenants()');
	$fleet->value('CALL ashmig_wait()');
	$fleet->value('SELECT ashmig_remove_migration(3, tenant => true)');
};

subtest 'online forms and a reader that does not end' => sub {
	fill();
	my $attributes = q({"source": "id", "type": "bigint", "primary_key?": true, "allow_nil?": false}, {"source": "title", "type": "text"});
	$fleet->value(qq{SELECT * FROM ashmig_apply('[{"table": "notes", "multitenancy": {"strategy": "context"}, "attributes": [$attributes]}]', name => 'notes');
		INSERT INTO t001.notes SELECT i, repeat('title ', 10) || i FROM generate_series(1, $rows) AS i});
	(my $required = $attributes) =~ s/"text"/"text", "allow_nil?": false/;
	my $reader = $fleet->start;
	# an old reader is in the way of the locks, not of the scans
	$fleet->value(qq{SELECT * FROM ashmig_generate('[{"table": "notes", "multitenancy": {"strategy": "context"}, "attributes": [$required],
		"check_constraints": [{"name": "short", "check": "length(title) < 1000", "attribute": ["title"]}]}]', name => 'required', online => true)});
	$fleet->hold($reader, 'BEGIN; SELECT count(*) FROM t001.notes');
	is($fleet->value(q{SELECT status FROM ashmig_migrate_all(lock_timeout => '50ms', on_error => 'report') WHERE schema_name = 't001'}) , 'failed', 'the locks are not waited for long');
	$fleet->hold($reader, 'COMMIT');
	is($fleet->value(q{SELECT status FROM ashmig_migrate_all() WHERE schema_name = 't001'}), 'background', 'then it runs');
	$fleet->value('CALL ashmig_wait()');
	is($fleet->value(q{SELECT attnotnull FROM pg_attribute WHERE attrelid = 't001.notes'::regclass AND attname = 'title'}), 't', 'NOT NULL');
	is($fleet->value(q{SELECT string_agg(conname || ' ' || convalidated, ', ' ORDER BY conname) FROM pg_constraint WHERE conrelid = 't001.notes'::regclass AND contype = 'c'}),
		'short true', 'the check is valid, and no other is left');
	$reader->{in} .= "\\q\n";
	$reader->{run}->finish;
};

subtest 'the page on large tables' => sub {
	my $text = slurp_file(getcwd() . '/docs/large-tables.md');
	my $posts = q({"source": "id", "type": "bigint", "primary_key?": true, "allow_nil?": false}, {"source": "search", "type": "text"});
	my $snapshot = qq([{"table": "posts", "multitenancy": {"strategy": "context"}, "attributes": [$posts, {"source": "title", "type": "text"}]}]);
	(my $snapshots = $snapshot) =~ s/("title", "type": "text")/$1, "allow_nil?": false/;
	$node->safe_psql('postgres', 'CREATE DATABASE page');
	$node->safe_psql('page', qq{CREATE EXTENSION ashmig; SELECT ashmig_create_tenant('org_1');
		SELECT * FROM ashmig_apply('$snapshot', name => 'posts');
		INSERT INTO org_1.posts SELECT i, NULL, 'Title ' || i FROM generate_series(1, 100) AS i});
	while ($text =~ /^```sql\n(.*?)^```$/gms)
	{
		my $sql = $1;
		my $errors = '';
		$node->psql('page', "SET ashmig.online_threshold = 0; $sql", stderr => \$errors, on_error_stop => 1,
			extra_params => [ '-v', "snapshots=$snapshots" ]);
		unlike($errors, qr/ERROR/, $sql =~ s/\n.*//sr);
	}
	is($node->safe_psql('page', 'SELECT count(*) FROM org_1.posts WHERE search = lower(title)'), 100, 'the rows are filled');
};

done_testing();
