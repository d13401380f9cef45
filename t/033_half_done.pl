# Atomic runs beside non-transactional migrations that a background worker is at,
# or was terminated in: whatever happens when, no run does anything twice, and all
# tenants end alike.
#
# What happens depends on HALF_DONE_SEED, apart from the time it takes. "make
# half_done N=200" does it more often than HALF_DONE rounds, the everyday number.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);

use FindBin;
use lib "$FindBin::RealBin/lib";
use Fleet;

my $rounds = $ENV{HALF_DONE} // 2;
my $first_seed = $ENV{HALF_DONE_SEED} // 1;
my $fleet = Fleet->new;
my $only = q{only_tenants => '{t001,t002,t003}'};
my $is_idle = q{SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'ashmig worker'};

sub chance { return rand() < shift }
sub one_of { return $_[ rand @_ ] }

# Statements that each fail if they are run twice
sub statements
{
	my ($version) = @_;
	my $name = "x$version";
	my @up = ("CREATE TABLE $name (a integer)");
	my @down = ("DROP TABLE $name");
	for my $n (1 .. 1 + rand 4) {
		my ($up, $down) = @{ one_of(
			[ "CREATE INDEX CONCURRENTLY ${name}_$n ON $name (a)", "DROP INDEX CONCURRENTLY ${name}_$n" ],
			[ "ALTER TABLE $name ADD COLUMN c$n integer", "ALTER TABLE $name DROP COLUMN c$n" ],
			[ "CREATE TABLE ${name}_$n (a integer)", "DROP TABLE ${name}_$n" ],
			[ "CREATE TYPE ${name}_$n AS ENUM ('a')", "DROP TYPE ${name}_$n" ],
			[ sprintf('SELECT pg_sleep(%.2f)', rand 0.2), 'SELECT 1' ]) };
		push @up, $up;
		unshift @down, $down;
	}
	return join('; ', @up), join('; ', @down);
}

sub structure
{
	my ($schema) = @_;
	return $fleet->value(qq{
		SELECT string_agg(line, E'\\n' ORDER BY line COLLATE "C") FROM (
			SELECT format('%s %s %s', c.relname, a.attname, a.atttypid::regtype) AS line FROM pg_class c
			LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped WHERE c.relnamespace = '$schema'::regnamespace
			UNION ALL SELECT 'invalid ' || indexrelid::regclass FROM pg_index WHERE NOT indisvalid
			UNION ALL SELECT 'type ' || typname FROM pg_type WHERE typtype = 'e' AND typnamespace = '$schema'::regnamespace) AS l});
}

sub round
{
	my ($seed) = @_;
	my @wrong;
	my $before = structure('t001');
	srand $seed;
	for my $n (1 .. 1 + rand 3) {
		my ($up, $down) = statements($n);
		$fleet->value(sprintf q{SELECT ashmig_add_migration(%d, 'x', $up$%s$up$, $down$%s$down$, tenant => true, transactional => %s)},
			$seed * 10 + $n, $up, $down, $up =~ /CONCURRENTLY/ || chance(0.7) ? 'false' : 'true');
	}
	for my $step (1 .. 3 + rand 3) {
		my $back = chance(0.3);
		my $call = ($back ? 'ashmig_rollback_tenants' : 'ashmig_migrate_tenants') . "($only, lock_timeout => '3s'" . ($back ? ', to_version => ' . ($seed * 10 + 1) : '');
		my $run = $fleet->start("SELECT count(*) FROM $call, quiet => true)");
		my @atomic;
		usleep(rand 150_000);
		push @atomic, $fleet->start("SELECT count(*) FROM $call, atomic => true)") if chance(0.8);
		usleep(rand 150_000);
		$fleet->value(one_of(q{SELECT pg_terminate_backend(pid)}, q{SELECT pg_cancel_backend(pid)})
			. q{ FROM pg_stat_activity WHERE backend_type = 'ashmig worker'}) if chance(0.5);
		push @atomic, $fleet->start("SELECT count(*) FROM $call, atomic => true)") if chance(0.5);
		for my $session ($run, @atomic) {
			$session->{run}->finish;
			push @wrong, $session->{err} =~ /^ERROR: .*(?:already exists|does not exist).*/mg;
		}
		$fleet->wait_for($is_idle);
	}
	$fleet->value("SELECT count(*) FROM ashmig_migrate_tenants($only, quiet => true)");
	$fleet->wait_for($is_idle);
	push @wrong, 'pending: ' . $fleet->value(q{SELECT count(*) FROM ashmig_status() WHERE pending > 0 AND schema_name IN ('t001', 't002', 't003')});
	push @wrong, 'partial: ' . $fleet->value('SELECT count(*) FROM ashmig.partial_migrations');
	push @wrong, "$_ differs" for grep { structure($_) ne structure('t001') } qw(t002 t003);
	$fleet->value("SELECT count(*) FROM ashmig_rollback_tenants($only, quiet => true, to_version => " . ($seed * 10 + 1) . ')');
	$fleet->wait_for($is_idle);
	push @wrong, 'rolled back, it is not as before' if structure('t001') ne $before;
	$fleet->value(q{DELETE FROM ashmig.migrations WHERE version > 1});
	return grep { !/: 0$/ } @wrong;
}

for my $seed ($first_seed .. $first_seed + $rounds - 1) {
	is(join("\n", round($seed)), '', "round with seed $seed");
}

done_testing();
