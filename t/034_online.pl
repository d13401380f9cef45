# Changes of large tables: what they lock, and that a backfill that is killed
# ends with every row filled once.
#
# "make backfills N=100"; KILLS and KILL_SEED are the number of backfills that are
# killed, three times each, and the first seed.
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

my $kills = $ENV{KILLS} // 3;
my $first = $ENV{KILL_SEED} // 1;

my $fleet = Fleet->new;
my $node = $fleet->node;
my $rows = 20000;
$node->append_conf('postgresql.conf', "restart_after_crash = on\nashmig.online_threshold = '1MB'\nashmig.batch_time = '2ms'\nashmig.batch_pause = 4\nashmig.quiet = on\n");
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

# What is wrong with the rows, or ''
sub faults
{
	return $fleet->value(q{SELECT concat_ws(', ',
		(SELECT 'left: ' || count(*) FROM t001.posts WHERE search IS DISTINCT FROM lower(title) HAVING count(*) > 0),
		(SELECT 'not once: ' || count(*) FROM t001.posts WHERE fills <> 1 HAVING count(*) > 0),
		(SELECT 'small: ' || count(*) FROM t002.posts WHERE fills <> 1 HAVING count(*) > 0))});
}

# At any moment: is what the progress says what has been done?
my $progress_is_true = qq{
	SELECT (SELECT count(*) FROM t001.posts WHERE fills = 1) = coalesce(
			(SELECT CASE WHEN done > 0 THEN $rows ELSE batch_rows END FROM ashmig.partial_migrations WHERE schema_name = 't001'),
			(SELECT $rows FROM ashmig.versions WHERE schema_name = 't001' AND version = 3), 0)
		AND NOT EXISTS (SELECT FROM t001.posts WHERE fills > 1)};

# Wait for the backfill to be past so many rows, or at its end.
sub wait_past
{
	my ($count) = @_;
	return $fleet->wait_for("SELECT EXISTS (SELECT FROM ashmig.partial_migrations WHERE batch_rows > $count OR done > 0)
		OR EXISTS (SELECT FROM ashmig.versions WHERE schema_name = 't001' AND version = 3)");
}

sub is_under_way { return $fleet->value(q{SELECT EXISTS (SELECT FROM ashmig.partial_migrations WHERE done = 0)}) eq 't' }

sub roll_back
{
	$fleet->value('SELECT * FROM ashmig_rollback_tenants()');
	$fleet->value('CALL ashmig_wait()');
	return;
}

# ---------------------------------------------------------------- kills

my @ways = ('stop postmaster', 'terminate leader', 'kill worker', 'kill postmaster', 'terminate worker', 'cancel run', 'kill leader');

# Three kills in the course of each backfill
my $hits = 0;
for my $seed ($first .. $first + $kills - 1)
{
	srand($seed);
	my @moments = map { [ $ways[ (3 * ($seed - 1) + $_) % @ways ], int rand(5000 * (1 + $_)), int rand 20_000 ] } 0 .. 2;
	my $name = join ', ', map { "$_->[0] after $_->[1] rows" } @moments;

	subtest "seed $seed: $name" => sub {
		fill();
		for my $moment (@moments)
		{
			my ($way, $count, $pause) = @$moment;
			my $leader = $fleet->start(undef, 'leader');
			$leader->{in} = "SELECT * FROM ashmig_migrate_all();\nCALL ashmig_wait();\n\\q\n";
			$leader->{run}->pump_nb;
			ok(wait_past($count), "it is past $count rows");
			usleep($pause);
			$hits++ if is_under_way();
			$fleet->interrupt($way);
			$leader->{run}->finish;
			is($fleet->value($progress_is_true), 't', "$way: what is noted is what is done");
		}
		$fleet->value('SELECT * FROM ashmig_migrate_all()');
		$fleet->value('CALL ashmig_wait()');
		is(faults(), '', 'every row is filled once');
		is($fleet->value('SELECT count(*) FROM ashmig.partial_migrations'), 0, 'nothing is left half-done');
		roll_back();
	} or diag("once more: make backfills N=1 SEED=$seed");
}
cmp_ok($hits, '>=', $kills, 'most of the kills have met a backfill under way');

# ---------------------------------------------------------------- others at work

subtest 'many others are at work' => sub {
	fill();
	$fleet->value('SET ashmig.max_load = 2; SELECT * FROM ashmig_migrate_all()');
	ok(wait_past(1000), 'it goes on');
	my @busy = map { $fleet->start('SELECT pg_sleep(600)', 'busy') } 1 .. 3;
	ok($fleet->wait_for(q{SELECT EXISTS (SELECT FROM ashmig.progress WHERE status = 'background' AND pause LIKE '% other sessions are active (ashmig.max_load is 2)')}),
		'ashmig.progress says why it pauses between two batches');
	my $before = $fleet->value('SELECT batch_rows FROM ashmig.partial_migrations');
	usleep(500_000);
	is($fleet->value('SELECT batch_rows FROM ashmig.partial_migrations'), $before, 'no batch is begun');
	is($fleet->value(q{SELECT count(*) FROM pg_locks WHERE relation = 't001.posts'::regclass}), 0, 'and nothing is locked');
	$fleet->value(q{SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'busy'});
	$_->{run}->finish for @busy;
	$fleet->value('CALL ashmig_wait()');
	is(faults(), '', 'then it goes on, and every row is filled once');
	is($fleet->value(q{SELECT pause IS NULL AND paused > '0.4 s' FROM ashmig.runs ORDER BY run DESC LIMIT 1}), 't', 'the journal has the time of the pause');
	roll_back();
};

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
	roll_back();
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
