# Generations that need more locks for their proof than the lock table has room
# for: they are tried in parts, and what belongs together and is too large is left
# untried, with the setting that would do.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', "max_connections = 10\nmax_locks_per_transaction = 10\nfsync = off\n");
$node->start;
$node->command_ok([ 'psql', '-XqAt', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('postgres'), '-f', 'sql/setup.sql' ], 'setup');

# Tables t1 to tN; each may have a custom statement, or a reference to the one before
sub generate
{
	my ($count, $statement, $references) = @_;
	my $sql = sprintf q{SET search_path = tools, public; SET client_min_messages = notice;
		SELECT count(*) FROM ashmig_generate((SELECT jsonb_agg(
			resource('t' || i, VARIADIC ARRAY[id(), attr('title', 'text')] || CASE WHEN %s AND i > 1 THEN ARRAY[ref('next_id', 't' || i - 1 || '.id')] ELSE '{}' END)
			|| CASE WHEN i = %d THEN %s ELSE '{}'::jsonb END)
			FROM generate_series(1, %d) AS i))},
		$references ? 'true' : 'false', $count, $statement ? "'$statement'::jsonb" : "'{}'::jsonb", $count;
	my ($out, $err) = ('', '');
	$node->psql('postgres', $sql, stdout => \$out, stderr => \$err);
	return "$out\n$err";
}
my $migrations = 'SELECT count(*) FROM ashmig.migrations';
my $broken = '{"custom_statements": [{"name": "bad", "up": "CREATE VIEW bad AS SELECT missing FROM t60", "down": "DROP VIEW bad"}]}';

like(generate(60, $broken), qr/ERROR:  the migration would fail: column "missing" does not exist/, 'the last part is tried, too');
is($node->safe_psql('postgres', $migrations), 0, 'nothing is recorded');
like(generate(60, undef, 1), qr/60 tables of this generation, which belong together, are not tried.*\n.*Set max_locks_per_transaction to \d+ or more/s,
	'what belongs together is not divided');
$node->safe_psql('postgres', 'SELECT tools.ashmig_remove_migration(version) FROM ashmig.migrations');
unlike(generate(60), qr/NOTICE|ERROR/, 'parts that are all right say nothing');

done_testing();
