# A server with one database, "app", that has forty tenants, t001 to t040, each
# with a table "posts": what the tests of runs work on.
package Fleet;

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);

sub new
{
	my ($class) = @_;
	my $node = PostgreSQL::Test::Cluster->new('main');

	$node->init;
	$node->append_conf('postgresql.conf', "max_worker_processes = 12\nfsync = off\n");
	$node->start;
	$node->safe_psql('postgres', 'CREATE DATABASE app');
	$node->safe_psql('app', q{
		CREATE EXTENSION ashmig;
		CREATE TABLE orgs (id bigint PRIMARY KEY);
		INSERT INTO ashmig.migrations (scope, version, name, up, down) VALUES
		('tenant', 1, 'posts', '{"CREATE TABLE @tenant@.posts (id bigint PRIMARY KEY, org bigint REFERENCES @default@.orgs, title text)"}',
		 '{"DROP TABLE @tenant@.posts"}');
		SELECT ashmig_create_tenant('t' || lpad(i::text, 3, '0')) FROM generate_series(1, 40) AS i;
	});
	return bless { node => $node }, $class;
}

sub node { return $_[0]{node} }

# Run a script that must succeed; returns what it prints, often one value.
sub value
{
	my ($self, $sql) = @_;
	return $self->{node}->safe_psql('app', $sql);
}

# Run a script that need not succeed; returns its exit status, output and errors.
sub psql
{
	my ($self, $sql, @more) = @_;
	return $self->{node}->psql('app', $sql, @more);
}

# The errors and notices of a script
sub errors_of
{
	my ($self, $sql) = @_;
	my (undef, undef, $errors) = $self->psql($sql);
	return $errors;
}

# Start a script in a session of its own and return at once: a hash with what it
# printed (out, err) once its "run" is finished. What is added to "in" reaches it.
sub start
{
	my ($self, $sql, $application_name) = @_;
	my $session = { in => '', out => '', err => '' };

	$session->{run} = IPC::Run::start(
		[ 'psql', '-XqAt', '-d', $self->{node}->connstr('app') . ' application_name=' . ($application_name // 'psql'),
			defined $sql ? ('-c', $sql) : () ],
		'<', \$session->{in}, '>', \$session->{out}, '2>', \$session->{err}, IPC::Run::timer(60));
	return $session;
}

# A killed postmaster that nobody has waited for, as in a container without an init, still
# counts as running: the server does not start beside it. Once none of its children is left,
# its files can go, the socket's as well.
sub forget_dead_postmaster
{
	my $node = shift;
	my $file = $node->data_dir . '/postmaster.pid';
	my ($pid) = -e $file ? split(/\n/, PostgreSQL::Test::Utils::slurp_file($file)) : ();

	return unless $pid && -e "/proc/$pid/stat" && PostgreSQL::Test::Utils::slurp_file("/proc/$pid/stat") =~ /\) Z /;
	return if grep { (readlink($_) // '') eq $node->data_dir } glob '/proc/[0-9]*/cwd';
	unlink $file, $node->host . '/.s.PGSQL.' . $node->port . '.lock';
	return;
}

# Wait until the server answers again, after a crash.  "start": it was stopped, or its
# postmaster was killed; then it can be started once its children have released its memory.
sub wait_until_up
{
	my ($node, $start) = @_;

	for (1 .. 600)
	{
		my ($out, $err) = ('', '');
		forget_dead_postmaster($node) if $start;
		$start = 0 if $start && PostgreSQL::Test::Utils::system_log('pg_ctl', '-D', $node->data_dir, '-l', $node->logfile, '-w', '-s', 'start') == 0;
		if (!$start && IPC::Run::run([ 'psql', '-Xc', 'SELECT 1', '-d', $node->connstr('app') ], '>', \$out, '2>', \$err))
		{
			$node->_update_pid(1);
			return;
		}
		usleep(50_000);
	}
	die 'the server does not come up';
}

# Interrupt a run that psql called as "leader" ('kill worker', 'cancel run', ...), where it is at
# work outside a transaction.  Waits for a server that went down by it.
my %pid_of = (
	worker => q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'ashmig worker' AND query LIKE '%outside a transaction'},
	leader => q{SELECT pid FROM pg_stat_activity WHERE application_name = 'leader' LIMIT 1});

sub interrupt
{
	my ($self, $way) = @_;
	my ($how, $whom) = split / /, $way;
	my $node = $self->{node};

	if ($whom eq 'postmaster')
	{
		$node->stop('immediate') if $how eq 'stop';
		kill('KILL', (split /\n/, PostgreSQL::Test::Utils::slurp_file($node->data_dir . '/postmaster.pid'))[0]) if $how eq 'kill';
	}
	elsif ($whom eq 'run') { $self->psql('SELECT ashmig_cancel(run) FROM ashmig.progress') }
	else
	{
		my (undef, $pid) = $self->psql($pid_of{$whom});
		if ($pid && $how eq 'kill') { kill('KILL', $pid) }
		elsif ($pid) { $self->psql("SELECT pg_terminate_backend($pid)") }
	}
	wait_until_up($node, $whom eq 'postmaster') if $how eq 'kill' || $whom eq 'postmaster';
	return;
}

# A session that stays in a transaction: run a statement there, and wait for it.
sub hold
{
	my ($self, $session, $sql) = @_;
	$session->{out} = '';
	$session->{in} .= "$sql;\n\\echo held\n";
	$session->{run}->pump until $session->{out} =~ /held/;
	return;
}

# Record a tenant migration
sub add_migration
{
	my ($self, $version, $up, $down, $transactional) = @_;
	$self->value(sprintf(q{INSERT INTO ashmig.migrations (scope, version, name, up, down, transactional)
		VALUES ('tenant', %d, 'm', ARRAY[$up$%s$up$], ARRAY[$down$%s$down$], %s)},
		$version, $up, $down, $transactional // 'true'));
	return;
}

# The number of tenants in which a version is applied
sub applied
{
	my ($self, $version) = @_;
	return $self->value("SELECT count(*) FROM ashmig.versions WHERE scope = 'tenant' AND version = $version");
}

# Wait until a query returns true.
sub wait_for
{
	my ($self, $query) = @_;
	for (1 .. 600)
	{
		return 1 if $self->value($query) eq 't';
		usleep(50_000);
	}
	diag("waited in vain for: $query");
	return 0;
}

1;
