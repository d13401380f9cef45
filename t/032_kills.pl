# Kills at a random moment of a run, while other sessions create, rename and drop
# tenants.  Whatever was killed: what is recorded is what is there, nothing that was
# acknowledged is lost, and running again leads every tenant to the same structure.
#
# "make kills N=100"; KILLS and KILL_SEED are their number and the first seed.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep time);

use FindBin;
use lib "$FindBin::RealBin/lib";
use Fleet;

my $kills = $ENV{KILLS} // 4;
my $first = $ENV{KILL_SEED} // 1;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', "max_worker_processes = 12\nfsync = off\nrestart_after_crash = on\nlog_statement = none\n");
$node->start;
$node->safe_psql('postgres', 'CREATE DATABASE app');
$node->safe_psql('app', q{
	CREATE EXTENSION ashmig;
	CREATE TABLE orgs (id bigint PRIMARY KEY);
	SELECT ashmig_manage_tenant('orgs', ARRAY['org_', ':id'], on_delete => 'drop');
	INSERT INTO orgs SELECT generate_series(1, 20);
	INSERT INTO ashmig.migrations (scope, version, name, up, down) VALUES
	('public', 1, 'plans', '{"CREATE TABLE @default@.plans (id bigint PRIMARY KEY)"}', '{"DROP TABLE @default@.plans"}');
	INSERT INTO ashmig.migrations (scope, version, name, up, down)
	SELECT 'tenant', i + 1, 'm' || i,
	  ARRAY[format('CREATE TABLE @tenant@.a%s (id bigint PRIMARY KEY, plan bigint REFERENCES @default@.plans, name text)', i),
	        format('CREATE INDEX a%s_name ON @tenant@.a%s (name)', i, i)],
	  ARRAY[format('DROP TABLE @tenant@.a%s', i)]
	FROM generate_series(1, 4) AS i;
	INSERT INTO ashmig.migrations (scope, version, name, up, down, transactional) VALUES
	('tenant', 6, 'outside', '{"CREATE INDEX CONCURRENTLY a1_plan ON @tenant@.a1 (plan)","CREATE INDEX CONCURRENTLY a2_plan ON @tenant@.a2 (plan)"}',
	 '{"DROP INDEX CONCURRENTLY @tenant@.a2_plan","DROP INDEX CONCURRENTLY @tenant@.a1_plan"}', false)});

# What is recorded and what is there, where they differ; whatever a tenant has of it
my $differences = q{
	SELECT concat_ws(' ', t.schema_name, m.version, v.version IS NOT NULL, c.oid IS NOT NULL)
	  FROM ashmig.tenants AS t CROSS JOIN ashmig.migrations AS m
	  LEFT JOIN ashmig.versions AS v ON v.schema_name = t.schema_name AND v.version = m.version
	  LEFT JOIN pg_namespace AS n ON nspname = t.schema_name
	  LEFT JOIN pg_class AS c ON relnamespace = n.oid AND relname = 'a' || m.version - 1
	 WHERE m.scope = 'tenant' AND m.transactional AND (v.version IS NULL) <> (c.oid IS NULL)
	UNION ALL
	SELECT 'public ' || ((SELECT count(*) FROM ashmig.versions WHERE scope = 'public') || ' ' || coalesce(to_regclass('public.plans')::text, 'no table'))
	 WHERE EXISTS (SELECT FROM ashmig.versions WHERE scope = 'public') <> (to_regclass('public.plans') IS NOT NULL)
	UNION ALL
	SELECT 'summary ' || coalesce(s.schema_name, v.schema_name) FROM ashmig.schema_versions AS s
	  FULL JOIN (SELECT schema_name, scope, max(version) AS version, count(*) AS applied FROM ashmig.versions GROUP BY 1, 2) AS v USING (schema_name, scope)
	 WHERE (s.version, s.applied::bigint) IS DISTINCT FROM (v.version, v.applied)
	UNION ALL
	SELECT 'tenant ' || coalesce(t.schema_name, nspname) FROM ashmig.tenants AS t
	  FULL JOIN (SELECT nspname FROM pg_namespace WHERE nspname ~ '^(org|own)_') AS n ON nspname = schema_name
	 WHERE t.schema_name IS NULL OR nspname IS NULL
	UNION ALL
	SELECT 'row ' || coalesce(id::text, t.schema_name) FROM orgs
	  FULL JOIN (SELECT schema_name FROM ashmig.tenants WHERE schema_name ~ '^org_') AS t ON schema_name = 'org_' || id
	 WHERE id IS NULL OR t.schema_name IS NULL
	UNION ALL
	SELECT 'version of no tenant ' || schema_name FROM ashmig.versions WHERE scope = 'tenant' AND schema_name NOT IN (SELECT schema_name FROM ashmig.tenants)};

# The structures that tenants have, and the migrations: one of each, once all is done
my $shapes = q{
	SELECT count(DISTINCT shape) FROM (
	  SELECT string_agg(concat_ws(' ', relname, relkind, indisvalid, attname, format_type(atttypid, atttypmod)), ',' ORDER BY relname, attname) AS shape
	    FROM ashmig.tenants JOIN pg_namespace AS n ON nspname = schema_name
	    LEFT JOIN pg_class AS c ON relnamespace = n.oid LEFT JOIN pg_index ON indexrelid = c.oid
	    LEFT JOIN pg_attribute ON attrelid = c.oid AND attnum > 0 GROUP BY n.oid) AS s;
	SELECT count(*) FROM ashmig.partial_migrations;
	SELECT count(*) FROM ashmig_status() WHERE status <> 'current'};

# ---------------------------------------------------------------- other sessions

# What a session does to tenants: statements, each with the tenants that there are after it
# (1) and that there are not (0).  "numbers" are those that only this session uses.
sub comings_and_goings
{
	my $number = shift;
	my (@statements, %there);
	for (1 .. 30) {
		my @alive = grep { $there{$_} } sort keys %there;
		my $old = $alive[ rand @alive ];
		my $dice = rand;
		my ($kind, $id) = $old ? $old =~ /^(\w+)_(\d+)$/ : ();
		my $new = $number++;
		if (!$old || $dice < 0.4) {
			$kind = rand() < 0.7 ? 'org' : 'own';
			push @statements, [ $kind eq 'org' ? "INSERT INTO orgs VALUES ($new)" : "SELECT ashmig_create_tenant('own_$new')", { "${kind}_$new" => 1 } ];
		} elsif ($dice < 0.7) {
			push @statements, [ $kind eq 'org' ? "UPDATE orgs SET id = $new WHERE id = $id" : "SELECT ashmig_rename_tenant('$old', 'own_$new')",
				{ $old => 0, "${kind}_$new" => 1 } ];
		} else {
			push @statements, [ $kind eq 'org' ? "DELETE FROM orgs WHERE id = $id" : "SELECT ashmig_drop_tenant('$old', cascade => true)", { $old => 0 } ];
		}
		%there = (%there, %{ $statements[-1][1] });
	}
	return @statements;
}

# Start a session that does this; it says which statements were acknowledged, and goes
# on after those that failed (a tenant may be busy).
sub start_session
{
	my @statements = @_;
	my $session = { statements => \@statements, out => '', err => '', in => "\\set VERBOSITY sqlstate\n" };
	for my $i (0 .. $#statements) {
		$session->{in} .= "\\o /dev/null\n$statements[$i][0];\n\\o\n\\if :ERROR\n\\else\n\\echo done $i\n\\endif\n";
	}
	$session->{run} = IPC::Run::start([ 'psql', '-XqAt', '-d', $node->connstr('app') ],
		'<', \$session->{in}, '>', \$session->{out}, '2>', \$session->{err}, IPC::Run::timer(300));
	return $session;
}

# What must be, and what must not be, after a session; what it may have done last, nobody
# knows.  Statements that failed have had no effect.
sub acknowledged
{
	my $session = shift;
	my @done = $session->{out} =~ /^done (\d+)$/mg;
	my %there = map { %{ $session->{statements}[$_][1] } } @done;
	my $lost = $session->{err} =~ /server closed the connection|terminating connection|connection to server/;
	my $next = @done ? $done[-1] + 1 : 0;
	# after the last that is acknowledged, some may have failed before the connection was lost
	if ($lost) {
		for my $i ($next .. $#{ $session->{statements} }) { delete @there{ keys %{ $session->{statements}[$i][1] } } }
	}
	return \%there;
}

# ---------------------------------------------------------------- kills

my %pid_of = (
	worker => q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'ashmig worker' ORDER BY random() LIMIT 1},
	leader => q{SELECT pid FROM pg_stat_activity WHERE application_name = 'leader' LIMIT 1},
	session => q{SELECT pid FROM pg_stat_activity WHERE application_name = 'psql' AND pid <> pg_backend_pid() ORDER BY random() LIMIT 1});
my @ways = ('kill worker', 'kill leader', 'kill session', 'kill postmaster', 'stop postmaster', 'cancel run', 'terminate worker', 'terminate leader',
	'terminate session');

sub interrupt
{
	my ($how, $whom) = split / /, shift;
	if ($whom eq 'postmaster') {
		$node->stop('immediate') if $how eq 'stop';
		kill('KILL', (split /\n/, slurp_file($node->data_dir . '/postmaster.pid'))[0]) if $how eq 'kill';
	} elsif ($whom eq 'run') {
		$node->psql('app', 'SELECT ashmig_cancel(run) FROM ashmig.progress');
	} else {
		my ($status, $pid) = $node->psql('app', $pid_of{$whom});
		if ($pid && $how eq 'kill') { kill('KILL', $pid) }
		elsif ($pid) { $node->psql('app', "SELECT pg_terminate_backend($pid)") }
	}
	return;
}

# Run until nothing is left to do, and wait for what is in the background.
sub finish
{
	my $call = shift;
	my $errors = '';
	for (1 .. 30) {
		my ($status, $out, $err) = $node->psql('app', "SELECT count(*), count(*) FILTER (WHERE status = 'background') FROM $call");
		return '' if $status == 0 && $out eq '0|0';
		my ($wait, $wait_out, $wait_err) = $out =~ /\|0$/ ? (0, '', '') : $node->psql('app', 'CALL ashmig_wait()');
		$errors .= "$err$wait_err";
	}
	return "not finished: $errors";
}

my $up = 'ashmig_migrate_all(quiet => true)';
my $number = 1000;
is(finish($up), '', 'an undisturbed run');

for my $seed ($first .. $first + $kills - 1) {
	srand($seed);
	my $down = rand() < 0.4;
	my $way = $ways[ rand @ways ];
	my $pause = int rand 900_000;
	my $step = 1 + int rand 5;
	my $call = $down ? "ashmig_rollback_tenants(step => $step, quiet => true)" : $up;

	subtest "seed $seed: $way after " . int($pause / 1000) . " ms of $call" => sub {
		# something to apply, unless it is for a rollback
		is(finish("ashmig_rollback_tenants(to_version => " . (2 + int rand 5) . ", quiet => true)"), '', 'rolled back') unless $down;

		my @sessions = map { start_session(comings_and_goings($number += 1000)) } 1 .. 2;
		my ($out, $err) = ('', '');
		my $run = IPC::Run::start([ 'psql', '-XqAt', '-d', $node->connstr('app') . ' application_name=leader', '-c', "SELECT * FROM $call", '-c', 'CALL ashmig_wait()' ],
			'>', \$out, '2>', \$err, IPC::Run::timer(300));
		usleep($pause);
		interrupt($way);
		$_->finish for $run, map { $_->{run} } @sessions;
		Fleet::wait_until_up($node, $way =~ /postmaster/);
		$node->poll_query_until('app', q{SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'ashmig worker'}) or diag('workers remain');

		is($node->safe_psql('app', $differences), '', 'what is recorded is what is there');
		for my $session (@sessions) {
			my $known = acknowledged($session);
			my %there = map { $_ => 1 } split /\n/, $node->safe_psql('app', 'SELECT schema_name FROM ashmig.tenants');
			is(join(' ', grep { $known->{$_} != ($there{$_} // 0) } sort keys %$known), '', 'what was acknowledged is there') or diag("$session->{out}\n$session->{err}");
			unlike($session->{err}, qr/ERROR:\s+(?!MG|40|55|57)/, 'errors are of the kinds that are expected');
		}
		is(finish($up), '', 'running again resumes');
		is($node->safe_psql('app', $shapes), "1\n0\n0", 'all tenants are the same');
		is($node->safe_psql('app', $differences), '', 'and what is recorded is what is there');
		$node->safe_psql('app', q{DELETE FROM orgs WHERE id > 20});
		$node->safe_psql('app', q{SELECT ashmig_drop_tenant(schema_name, cascade => true) FROM ashmig.tenants WHERE schema_name ~ '^own_'});
	} or diag("once more: make kills N=1 SEED=$seed");
}
$node->stop;
unlike(slurp_file($node->logfile), qr/PANIC|TRAP:|signal (4|6|7|8|11)\b/, 'no process crashed by itself');

done_testing();
