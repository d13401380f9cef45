# A change of type of a large table while others write, and one that is killed on
# the way: no value is lost, and nothing is left behind.
#
# "make retypes N=100"; KILLS and KILL_SEED are the number of changes that are
# killed, three times each on the way there and once on the way back, and the
# first seed.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);

use FindBin;
use lib "$FindBin::RealBin/lib";
use Fleet;

my $kills = $ENV{KILLS} // 2;
my $first = $ENV{KILL_SEED} // 1;

my $fleet = Fleet->new;
my $node = $fleet->node;
my $rows = 10000;
$node->append_conf('postgresql.conf', "restart_after_crash = on\nashmig.online_threshold = '100kB'\nashmig.batch_time = '2ms'\nashmig.batch_pause = 4\nashmig.quiet = on\n");
$node->restart;

# "copy" says what "n" is to be, whatever its type is.
sub snapshot
{
	my ($type) = @_;
	return qq([{"table": "notes", "multitenancy": {"strategy": "context"}, "attributes": [
		{"source": "id", "type": "bigint", "primary_key?": true, "allow_nil?": false},
		{"source": "n", "type": "$type", "allow_nil?": false, "default": "0"},
		{"source": "copy", "type": "integer"}, {"source": "title", "type": "text"}],
		"check_constraints": [{"name": "positive", "check": "n >= 0", "attribute": ["n"]}],
		"custom_indexes": [{"fields": [{"type": "atom", "value": "n"}], "name": "notes_n"}]}]);
}
$fleet->value("SELECT * FROM ashmig_apply('" . snapshot('integer') . "', name => 'notes')");
$fleet->value("SELECT ashmig_generate('" . snapshot('decimal') . "', name => 'retype', online => true)");

sub fill
{
	$fleet->value(qq{TRUNCATE t001.notes; INSERT INTO t001.notes (id, n, copy, title)
		SELECT i, i, i, repeat('title ', 10) FROM generate_series(1, $rows) AS i});
	return;
}

# Of both schemas: columns, indexes and constraints, and what must not be there
sub structure
{
	my ($schema) = @_;
	return $fleet->value(qq{SELECT string_agg(fact, E'\\n' ORDER BY fact COLLATE "C") FROM (
		SELECT format('%s %s %s %s', attname, atttypid::regtype, attnotnull, pg_get_expr(adbin, adrelid)) FROM pg_attribute
			LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum WHERE attrelid = '$schema.notes'::regclass AND attnum > 0 AND NOT attisdropped
		UNION ALL SELECT conname || ' ' || convalidated || ' ' || pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = '$schema.notes'::regclass
		UNION ALL SELECT indexrelid::regclass || ' ' || indisvalid FROM pg_index WHERE indrelid = '$schema.notes'::regclass
		UNION ALL SELECT tgname FROM pg_trigger WHERE tgrelid = '$schema.notes'::regclass AND NOT tgisinternal
		UNION ALL SELECT proname FROM pg_proc WHERE pronamespace = '$schema'::regnamespace) AS f (fact)}) =~ s/\b$schema\.//gr;
}

sub is_whole
{
	my ($name) = @_;
	is($fleet->value('SELECT count(*) FROM t001.notes WHERE n IS DISTINCT FROM coalesce(copy, 0)'), 0, "$name: every value is what it was");
	is(structure('t001'), structure('t002'), "$name: the structure is that of a small tenant");
	is($fleet->value('SELECT count(*) FROM ashmig.partial_migrations'), 0, "$name: nothing is left half-done");
	return;
}

sub run_all
{
	my ($function) = @_;
	$fleet->value("SELECT * FROM $function()");
	$fleet->value('CALL ashmig_wait()');
	return;
}

# ---------------------------------------------------------------- load

subtest 'others write' => sub {
	fill();
	$fleet->value('CREATE SEQUENCE load');
	my $going = 'SELECT NOT EXISTS (SELECT FROM t002.posts WHERE id = 1)';
	my @writers = map { $fleet->start(qq{DO \$\$
		DECLARE v int;
		BEGIN
			PERFORM set_config('lock_timeout', '1900ms', false), set_config('TimeZone', 'Asia/Tokyo', false);
			WHILE ($going) LOOP
				v := (random() * 100000)::int;
				INSERT INTO t001.notes (id, n, copy) VALUES (1000000 + $_ + 3 * nextval('load'), v, v);
				INSERT INTO t001.notes (id) VALUES (2000000 + $_ + 3 * nextval('load'));
				UPDATE t001.notes SET n = v, copy = v WHERE id = 1 + (random() * 9999)::int;
				UPDATE t001.notes SET title = title || 'x' WHERE id = 1 + (random() * 9999)::int;
				UPDATE t001.notes SET n = n + 1, copy = copy + 1 WHERE id = 1 + (random() * 9999)::int;
				DELETE FROM t001.notes WHERE id = 1000000 + (random() * 3000)::int;
				COMMIT;
			END LOOP;
		END\$\$}) } 0 .. 2;
	ok($fleet->wait_for('SELECT count(*) > 100 FROM t001.notes WHERE id > 2000000'), 'they do');
	run_all('ashmig_migrate_all');
	my $so_far = $fleet->value('SELECT last_value FROM load');
	ok($fleet->wait_for("SELECT last_value > 100 + $so_far FROM load"), 'and go on afterwards');
	run_all('ashmig_rollback_tenants');
	$fleet->value('INSERT INTO t002.posts (id) VALUES (1)');
	$_->{run}->finish for @writers;
	is($_->{err}, '', 'no writer fails or waits for long') for @writers;
	is_whole('there and back');
};

# ---------------------------------------------------------------- kills

my @ways = ('kill worker', 'stop postmaster', 'cancel run', 'kill postmaster', 'terminate worker', 'kill leader', 'terminate leader');

# Interrupt a run when so many of its statements are done.
sub run_until
{
	my ($function, $way, $done) = @_;
	my $leader = $fleet->start(undef, 'leader');
	$leader->{in} = "SELECT * FROM $function();\nCALL ashmig_wait();\n\\q\n";
	$leader->{run}->pump_nb;
	my $applied = q{EXISTS (SELECT FROM ashmig.versions WHERE schema_name = 't001' AND version = (SELECT max(version) FROM ashmig.migrations))};
	my $over = $function =~ /rollback/ ? "NOT $applied AND NOT EXISTS (SELECT FROM ashmig.partial_migrations)" : $applied;
	ok($fleet->wait_for("SELECT EXISTS (SELECT FROM ashmig.partial_migrations WHERE done >= $done) OR $over"), "$done statements are done");
	usleep(int rand 20_000);
	$fleet->interrupt($way);
	$leader->{run}->finish;
	return;
}

for my $seed ($first .. $first + $kills - 1)
{
	srand($seed);
	my @moments = map { [ $ways[ (4 * ($seed - 1) + $_) % @ways ], 1 + int rand 12 ] } 0 .. 3;
	my $name = join ', ', map { "$_->[0] after $_->[1] statements" } @moments;

	subtest "seed $seed: $name" => sub {
		my $back = pop @moments;
		fill();
		for my $moment (@moments)
		{
			run_until('ashmig_migrate_all', @$moment);
			# the application goes on, whatever stands there
			my $id = 3000000 + int rand 1000000;
			$fleet->value("INSERT INTO t001.notes (id, n, copy) VALUES ($id, 7, 7);
				UPDATE t001.notes SET n = n + 1, copy = copy + 1 WHERE id IN ($id, 1 + (random() * 9999)::int)");
		}
		run_all('ashmig_migrate_all');
		is_whole('there');
		run_until('ashmig_rollback_tenants', @$back);
		$fleet->value('UPDATE t001.notes SET n = n + 1, copy = copy + 1 WHERE id < 100');
		# undone in any case: a rollback that was begun first goes its way
		run_all('ashmig_migrate_all');
		is_whole('there again');
		run_all('ashmig_rollback_tenants');
		is_whole('and back');
	} or diag("once more: make retypes N=1 SEED=$seed");
}

# Whoever gives up on the way finds the table as it was.
subtest 'given up' => sub {
	for my $done (5, 9)
	{
		fill();
		my $file = $fleet->value(q{SELECT pg_relation_filenode('t001.notes')});
		run_until('ashmig_migrate_all', 'cancel run', $done);
		run_all('ashmig_rollback_tenants');
		is_whole("after $done statements");
		is($fleet->value(q{SELECT pg_relation_filenode('t001.notes')}), $file, 'the table is not rewritten');
	}
};

done_testing();
