# Random walks: generations of random snapshots, one after the other, and after
# each of them the laws (sql/setup.sql): the structure is the one that the newest
# snapshots give on an empty database; rolling back and migrating again restores
# it; the plan is empty; a tenant created now equals the others.
#
# Set WALKS, WALK_STEPS and WALK_SEED for the number of walks, their length and the
# first seed: WALKS=1000 WALK_SEED=$RANDOM for a night.
use strict;
use warnings;
use utf8;

use JSON::PP;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use FindBin;
use lib "$FindBin::RealBin/lib";
use RandomSnapshots;

my $walks = $ENV{WALKS} // 12;
my $steps = $ENV{WALK_STEPS} // 20;
my $first = $ENV{WALK_SEED} // 1;
my $json = JSON::PP->new->canonical;

my $node = PostgreSQL::Test::Cluster->new('walks');
$node->init;
$node->append_conf('postgresql.conf', "autovacuum_naptime = 1\nmax_locks_per_transaction = 256\n");
$node->start;
$node->command_ok([ 'psql', '-XqAt', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('postgres'), '-f', 'sql/setup.sql' ], 'setup');
$node->safe_psql('postgres', 'SELECT tools.ashmig_create_tenant(t) FROM unnest($${t1,t-2}$$::text[]) AS t');

$RandomSnapshots::nulls_not_distinct = $node->safe_psql('postgres', 'SHOW server_version_num') >= 150000;

# A literal that may contain anything
sub literal { my $text = shift; return "\$json\$$text\$json\$" }

# The script of one walk; it stops at the first step that breaks a law.
sub script
{
	my $seed = shift;
	my $walk = RandomSnapshots->new($seed);
	my $script = "SET search_path = tools, public; SET ashmig.workers = 0; SET client_min_messages = error;\n"
		. "CREATE FUNCTION pg_temp.none(wrong text[]) RETURNS void LANGUAGE plpgsql AS 'BEGIN IF wrong <> ''{}'' THEN RAISE ''%'', array_to_string(wrong, E''\\n''); END IF; END';\n";
	my $newest;
	for my $step (0 .. $steps) {
		my @changes = $step ? map { $walk->mutate } 1 .. 1 + int rand 3 : ();
		my $options = $walk->options;
		# at times two dev generations first, which the named one squashes
		my $dev = $step && rand() < 0.1;
		$newest = literal($json->encode($walk->snapshots));
		my $arguments = sprintf '%s, renames => %s, drop_columns => %s, drop_tables => %s', $newest,
			literal($json->encode($options->{renames})), map { $options->{$_} ? 'true' : 'false' } qw(drop_columns drop_tables);
		$script .= "\\echo seed $seed, step $step: @changes\n";
		$script .= "SELECT count(*) FROM ashmig_apply($arguments, dev => true);\n" if $dev;
		$script .= "SELECT pg_temp.none(ARRAY(SELECT lawful($arguments)));\n";
		$script .= "SELECT ashmig_squash_snapshots() >= 0;\n" if rand() < 0.05;
	}
	# retired columns are dropped, restored and dropped again
	$script .= <<"END";
\\echo seed $seed, end: drop retired columns
SELECT set_config('test.before', ARRAY(SELECT everything())::text, false) IS NULL,
       set_config('test.since', (SELECT max(version)::text FROM ashmig.migrations), false) IS NULL;
SELECT count(*) FROM ashmig_drop_retired();
SELECT count(*) FROM ashmig_migrate_all();
SELECT pg_temp.none(ARRAY(SELECT down_and_up(current_setting('test.since')::bigint, current_setting('test.before')::text[])));
SELECT pg_temp.none(ARRAY(SELECT laws($newest)));
SELECT pg_temp.none(ARRAY(SELECT table_name || '.' || column_name || ' is still retired' FROM ashmig.retired_columns));
END
	utf8::encode($script);
	return $script;
}

for my $seed ($first .. $first + $walks - 1) {
	my ($out, $err) = ('', '');
	$node->safe_psql('postgres', "CREATE DATABASE walk_$seed TEMPLATE postgres", connstr => $node->connstr('template1') . ' dbname=template1');
	my $status = $node->psql("walk_$seed", script($seed), stdout => \$out, stderr => \$err, on_error_stop => 1);
	my ($last) = $out =~ /.*^(seed [^\n]*)/ms;
	ok($status == 0, "walk with seed $seed, $steps steps")
		or diag(($last // 'did not start') . "\n" . substr $err, 0, 3000);
	$node->safe_psql('postgres', "DROP DATABASE walk_$seed");
}

done_testing();
