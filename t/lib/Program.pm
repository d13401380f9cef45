# The program ashmig, as a person or a script uses it: an application with
# snapshot files in a folder of its own, a server, and commands that run there,
# with a terminal or without one.
package Program;

use strict;
use warnings;

use Cwd qw(getcwd);
use Exporter 'import';
use File::Path qw(make_path);
use IO::Pty;
use IPC::Run;
use JSON::PP;
use POSIX qw(WEXITSTATUS WIFEXITED WTERMSIG);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

our @EXPORT = qw(attribute id);

my $application = 0;

# An application with a database of its own, which has the extension.
sub new
{
	my ($class, $node) = @_;
	my $name = 'app' . ++$application;
	my $folder = PostgreSQL::Test::Utils::tempdir . "/$name";

	make_path("$folder/priv/resource_snapshots/repo");
	$node->safe_psql('postgres', "CREATE DATABASE $name");
	$node->safe_psql($name, 'CREATE EXTENSION ashmig');
	return bless { node => $node, name => $name, folder => $folder, version => 20260101000000 }, $class;
}

sub folder { return $_[0]{folder} }
sub name { return $_[0]{name} }

# Attributes for snapshots
sub attribute { my ($name, $type, %more) = @_; return { source => $name, type => $type, %more } }
sub id { return attribute('id', 'bigint', 'primary_key?' => JSON::PP::true, 'allow_nil?' => JSON::PP::false) }

# Write a table's next snapshot; "tenants/posts" is a tenant table. Returns the file.
sub snapshot
{
	my ($self, $table, @attributes) = @_;
	my $folder = "$self->{folder}/priv/resource_snapshots/repo/$table";
	my $file = "$folder/" . $self->{version}++ . '.json';
	my %snapshot = (table => $table =~ s{.*/}{}r, repo => 'Elixir.App.Repo', attributes => \@attributes);

	$snapshot{multitenancy} = { strategy => 'context' } if $table =~ m{^tenants/};
	make_path($folder);
	append_to_file($file, JSON::PP->new->canonical->encode(\%snapshot));
	return $file;
}

# The environment of a command: the server, and nothing of the caller's terminal
sub environment
{
	my ($self) = @_;
	return (%ENV, PGHOST => $self->{node}->host, PGPORT => $self->{node}->port,
		PGDATABASE => $self->{name}, PGUSER => '', LC_ALL => 'C.UTF-8', TERM => 'xterm');
}

# Run a command without a terminal. Returns status, output and errors.
sub run
{
	my ($self, @arguments) = @_;
	my $command = ref $arguments[0] ? shift @arguments : ['ashmig'];
	my ($out, $err) = ('', '');
	my $before = getcwd();
	local %ENV = $self->environment;

	delete $ENV{PGUSER};
	chdir $self->{folder} or die "$self->{folder}: $!";
	IPC::Run::run([ @$command, @arguments ], '<', '/dev/null', '>', \$out, '2>', \$err, IPC::Run::timeout(120));
	my $status = WIFEXITED($?) ? WEXITSTATUS($?) : 'signal ' . WTERMSIG($?);
	chdir $before or die "$before: $!";
	return ($status, $out, $err);
}

# The same, where the status and a pattern for output and errors are expected.
sub run_ok
{
	my ($self, $expected, $pattern, @arguments) = @_;
	my ($status, $out, $err) = $self->run(@arguments);
	my $name = 'ashmig ' . join ' ', @arguments;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is($status, $expected, "$name: status") or diag("$out$err");
	like("$out$err", $pattern, "$name: says so");
	return $out;
}

# What a command reports with --json
sub json
{
	my ($self, @arguments) = @_;
	my (undef, $out, $err) = $self->run(@arguments, '--json');
	my $report = eval { decode_json($out) };

	diag("no JSON: $out$err") unless $report;
	return $report;
}

# Run a command at a terminal of its own. Where the screen shows a pattern, the
# text after it is typed. Returns the status, and all that the screen showed.
sub type
{
	my ($self, $arguments, @dialog) = @_;
	my $pty = IO::Pty->new;
	my $screen = '';
	my $pid = fork // die $!;

	if ($pid == 0)
	{
		%ENV = $self->environment;
		delete $ENV{PGUSER};
		chdir $self->{folder};
		$pty->make_slave_controlling_terminal;
		my $slave = $pty->slave;
		close $pty;
		$slave->clone_winsize_from(\*STDIN) if -t STDIN;
		open STDIN, '<&', $slave->fileno;
		open STDOUT, '>&', $slave->fileno;
		open STDERR, '>&', $slave->fileno;
		close $slave;
		exec 'ashmig', @$arguments or POSIX::_exit(127);
	}
	$pty->close_slave;
	$pty->blocking(0);
	my $deadline = time + 60;
	my $seen = 0;
	while (time < $deadline)
	{
		my $ready = '';
		vec($ready, $pty->fileno, 1) = 1;
		next if select($ready, undef, undef, 1) <= 0;
		my $length = sysread $pty, $screen, 4096, length $screen;
		last if defined $length ? $length == 0 : !$!{EAGAIN};    # EIO: its end is closed
		while (@dialog and substr($screen, $seen) =~ $dialog[0])
		{
			$seen += $+[0];
			syswrite $pty, $dialog[1];
			splice @dialog, 0, 2;
		}
	}
	kill 'KILL', $pid if time >= $deadline;
	waitpid $pid, 0;
	my $status = WIFEXITED($?) ? WEXITSTATUS($?) : 'signal ' . WTERMSIG($?);
	is(scalar @dialog, 0, "ashmig @$arguments: asked all questions") or diag($screen);
	return ($status, $screen =~ s/\r\n/\n/gr);
}

# Files of the migrations folder, as "public/name.sql" without the version
sub files
{
	my ($self) = @_;
	return [ sort map { m{priv/ashmig/(\w+)/\d+_(.*)} ? "$1/$2" : () } glob "$self->{folder}/priv/ashmig/*/*" ];
}

# The path of the one file whose name has this in it
sub file
{
	my ($self, $name) = @_;
	my @found = glob "$self->{folder}/priv/ashmig/*/*_$name.sql";
	die "files of $name: @found" unless @found == 1;
	return $found[0];
}

sub value
{
	my ($self, $sql) = @_;
	return $self->{node}->safe_psql($self->{name}, $sql);
}

1;
