# Workers that somebody terminates, whatever they are at: the call goes on, with
# others in their place.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use FindBin;
use lib "$FindBin::RealBin/lib";
use Fleet;

my $fleet = Fleet->new;

# Run, while another session holds a lock that the workers wait for; that one
# terminates so many of them, one after the other, and lets go.  Returns what the
# call says.  Both are connected before, as a lock may keep others from that.
sub run_terminating
{
	my ($lock, $victims, $count) = @_;
	my ($caller, $holder) = ($fleet->start, $fleet->start);
	$fleet->hold($caller, 'SELECT 1');
	$fleet->hold($holder, "BEGIN; $lock");
	$caller->{out} = '';
	$caller->{in} .= "SELECT status, count(*) FROM ashmig_migrate_all(quiet => true) GROUP BY 1;\n\\q\n";
	$caller->{run}->pump_nb;
	$fleet->hold($holder, qq{DO \$\$
		DECLARE victim integer;
		BEGIN
			FOR i IN 1 .. $count LOOP
				LOOP
					PERFORM pg_stat_clear_snapshot();
					SELECT pid INTO victim FROM ($victims) AS v;
					EXIT WHEN victim IS NOT NULL;
					PERFORM pg_sleep(0.01);
				END LOOP;
				PERFORM pg_terminate_backend(victim);
				WHILE EXISTS (SELECT FROM pg_stat_get_activity(victim)) LOOP PERFORM pg_sleep(0.01), pg_stat_clear_snapshot(); END LOOP;
			END LOOP;
		END \$\$; COMMIT});
	$caller->{run}->finish;
	$holder->{in} .= "\\q\n";
	$holder->{run}->finish;
	return $caller->{out} . $caller->{err};
}

# The processes that wait for a lock on a table
sub waits_for
{
	my $table = shift;
	return "SELECT pid FROM pg_locks JOIN pg_class AS c ON c.oid = relation WHERE NOT granted AND relname = '$table'";
}

# At no schema yet, or not any more: nothing failed, and another worker takes its place.
my $last_run = 'SELECT status, schemas, (SELECT count(*) FROM ashmig.run_schemas AS s WHERE s.run = r.run AND s.status = $$failed$$)
	FROM ashmig.runs AS r ORDER BY run DESC LIMIT 1';
for my $moment (
	[ 'that is connecting', 'LOCK pg_db_role_setting IN ACCESS EXCLUSIVE MODE', waits_for('pg_db_role_setting'), 3 ],
	[ 'that writes the journal', 'LOCK ashmig.runs IN EXCLUSIVE MODE', waits_for('runs'), 3 ],
	[ 'that waits for another one', 'LOCK orgs', q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'ashmig worker' AND state = 'idle'}, 3 ],
) {
	my ($name, $lock, $victims, $count) = @$moment;
	subtest "terminated worker $name" => sub {
		my $version = $fleet->value('SELECT max(version) + 1 FROM ashmig.migrations');
		$fleet->add_migration($version, 'SELECT 1', 'SELECT 1');
		$fleet->value("INSERT INTO ashmig.migrations (scope, version, name, up, down) VALUES ('public', $version + 1, 'p', '{LOCK TABLE \@default\@.orgs}', '{SELECT 1}')");
		my $runs = $fleet->value('SELECT count(*) FROM ashmig.runs');
		is(run_terminating($lock, $victims, $count), "applied|41\n", 'the call goes on');
		is($fleet->value('SELECT count(*) FROM ashmig.runs'), $runs + 1, 'the journal has one run');
		is($fleet->value($last_run), 'done|41|0', 'and it has its end');
	};
}

# Whatever they are at: the schema has failed where its transaction has not committed.
subtest 'workers terminated at any moment' => sub {
	my $version = $fleet->value('SELECT max(version) + 1 FROM ashmig.migrations');
	$fleet->add_migration($version, 'SELECT pg_sleep(0.02)', 'SELECT 1');
	my $killer = $fleet->start(q{
		DO $$ BEGIN
			FOR i IN 1 .. 150 LOOP
				PERFORM pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'ashmig worker' AND random() < 0.5;
				PERFORM pg_sleep(random() * 0.03), pg_stat_clear_snapshot();
			END LOOP;
		END $$});
	my $errors = $fleet->errors_of('SELECT * FROM ashmig_migrate_all(quiet => true)');
	$killer->{run}->finish;
	my $failed = $errors =~ /(\d+) of 40 schemas failed/ ? $1 : $errors =~ /tenant "t\d+" failed/ ? 1 : 0;
	is($fleet->applied($version), 40 - $failed, 'all tenants but those that are named are migrated') or diag($errors);
	is($fleet->value($last_run), ($failed ? 'failed' : 'done') . "|40|$failed", 'the journal says so');
	$fleet->value('SELECT count(*) FROM ashmig_migrate_all(quiet => true)');
	is($fleet->applied($version), 40, 'running again does the rest');
};

done_testing();
