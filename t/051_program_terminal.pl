# The program at a terminal: questions, answers, passwords, progress, colors;
# and what goes wrong while it works: Ctrl-C, a killed connection, a server that
# goes away, a full disk.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);

use FindBin;
use lib "$FindBin::RealBin/lib";
use Program;

# A container or chroot may have none.
plan skip_all => 'no terminal can be opened here: /dev/ptmx is missing'
	unless eval { local $SIG{__WARN__} = sub { }; require IO::Pty; IO::Pty->new };

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', "max_worker_processes = 12\nfsync = off\n");
$node->start;

subtest 'questions about renames' => sub {
	my $app = Program->new($node);

	$app->snapshot('plans', id, attribute('title', 'text'));
	$app->snapshot('tenants/posts', id, attribute('a', 'text'), attribute('b', 'text'));
	$app->run('codegen', 'first');
	$app->snapshot('plans', id, attribute('name', 'text'));
	$app->snapshot('tenants/posts', id, attribute('c', 'text'), attribute('d', 'text'));
	$app->run_ok(1, qr/plans.title: renamed to name\?.*at a terminal.*renames.json/s, qw(codegen second));
	$app->run_ok(3, qr/plans.title: renamed to name\?/, qw(codegen --check));

	my ($status, $screen) = $app->type([qw(codegen second)],
		qr/Are you renaming plans.title to plans.name\? \[Yn\] $/, "maybe\n",
		qr/Are you renaming plans.title to plans.name\? \[Yn\] $/, "\n",
		qr/Are you renaming posts.a\? \[Yn\] $/, "y\n",
		qr/1\) c\n? *\r?\n? *2\) d\r?\nWhat are you renaming it to\? $/, "9\n",
		qr/What are you renaming it to\? $/, "d\n",
		qr/Are you renaming posts.b to posts.c\? \[Yn\] $/, "n\n");
	is($status, 0, 'all is answered') or diag($screen);
	like(join('', map { slurp_file($_) } glob "$app->{folder}/priv/ashmig/*/*_second.sql"),
		qr/RENAME COLUMN "title" TO "name".*RENAME COLUMN "a" TO "d"/s, 'the answers count');
	is(slurp_file("$app->{folder}/priv/ashmig/renames.json"), <<'END', 'and are kept, one per line');
[
{"table":"plans","column":"title","to":"name"},
{"table":"posts","column":"a","to":"d"},
{"table":"posts","column":"b","to":null}
]
END
	unlink glob "$app->{folder}/priv/ashmig/*/*_second.sql";
	$app->{name} = 'again';
	$app->run('create');
	$app->run_ok(0, qr/renames.json has the answer.*wrote/s, qw(codegen second));

	my ($end) = $app->type([qw(drop)], qr/Dropping database "again" destroys all.*\[yN\] $/, "\x04");
	is($end, 1, 'the end of the input means no');
	($end) = $app->type([qw(drop)], qr/\[yN\] $/, "yes\n");
	is($end, 0, 'yes means yes');
};

subtest 'colors, and none' => sub {
	my $app = Program->new($node);

	$app->snapshot('plans', id);
	my (undef, $screen) = $app->type(['diff']);
	like($screen, qr/\e\[32m\+ create table/, 'colors at a terminal');
	local $ENV{NO_COLOR} = 1;
	(undef, $screen) = $app->type(['diff']);
	like($screen, qr/  \+ create table/, 'not with NO_COLOR');
	unlike($screen, qr/\e/, 'none at all');
};

# A fleet whose migration takes its time
sub slow_fleet
{
	my ($seconds) = @_;
	my $app = Program->new($node);

	$app->run(qw(tenant create), map { "t$_" } 1 .. 20);
	mkdir "$app->{folder}/priv/ashmig";
	mkdir "$app->{folder}/priv/ashmig/tenant";
	append_to_file("$app->{folder}/priv/ashmig/tenant/20990101000000_slow.sql",
		"SELECT pg_sleep($seconds);\n-- ashmig: down\n");
	return $app;
}

subtest 'progress' => sub {
	my $app = slow_fleet(0.4);
	local $ENV{NO_COLOR} = 1;
	my ($status, $screen) = $app->type(['migrate']);

	is($status, 0, 'done');
	like($screen, qr/\r[█▏▎▍▌▋▊▉·]+  \d+ of 20 schemas, [\d.]+\/s, 00:00:\d\d left\e\[K/, 'a bar');
	like($screen, qr/\r\e\[Kapplied +20 schemas$/m, 'which is gone at the end') or diag($screen);
	$app->run(qw(rollback --tenants));
	my (undef, $out, $err) = $app->run('migrate');
	like($err, qr/^\d+ of 20 schemas, [\d.]+\/s/m, 'a line now and then without a terminal');
	unlike($err, qr/[\r\e]/, 'and nothing that moves');
	$app->run(qw(rollback --tenants));
	is_deeply([ $app->run(qw(migrate --quiet)) ], [ 0, '', '' ], '--quiet');
};

subtest 'failures' => sub {
	my $app = slow_fleet(0);

	append_to_file("$app->{folder}/priv/ashmig/tenant/20990101000001_bad.sql",
		'SELECT 1 / (current_schema <> \'t7\')::int');
	my ($status, $out, $err) = $app->run('migrate');
	is($status, 1, 'status');
	like($out, qr/^applied +19 schemas\nfailed +1 schema$/m, 'how many');
	like($err, qr/^failed tenant "t7": division by zero/m, 'which and why');
	$app->run_ok(3, qr/failed tenant "t7": division by zero/, 'status');
	is($app->json('migrate')->{schemas}[0]{status}, 'failed', 'rows for machines');
};

subtest 'Ctrl-C cancels the run' => sub {
	my $app = slow_fleet(0.5);
	my ($status, $screen) = $app->type(['migrate'], qr/of 20 schemas/, "\x03");

	is($status, 1, 'failed');
	like($screen, qr/Canceling .*canceling statement due to user request.*Schemas that were done stay done/s, 'and says so');
	cmp_ok($app->value('SELECT count(*) FROM ashmig.versions'), '<', 20, 'the others are pending');
	is($app->value(q{SELECT status FROM ashmig.runs ORDER BY run DESC LIMIT 1}), 'canceled', 'the run is canceled');
	is($app->value(q{SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'ashmig worker'}), 0, 'its workers have ended');
	$app->run_ok(0, qr/applied/, 'migrate');
};

# What happens while a run goes on, after it has begun
sub during_run
{
	my ($app, $action) = @_;
	my $pid = fork // die $!;

	if ($pid == 0)
	{
		for (1 .. 300)
		{
			last if $app->value('SELECT count(*) > 0 FROM ashmig.progress WHERE done > 0') eq 't';
			usleep(100_000);
		}
		$action->();
		POSIX::_exit(0);
	}
	my @result = $app->run('migrate');
	waitpid $pid, 0;
	return @result;
}

subtest 'a killed connection' => sub {
	my $app = slow_fleet(0.3);
	my ($status, undef, $err) = during_run($app, sub {
		$app->value(q{SELECT pg_terminate_backend(pids[1]) FROM ashmig.progress});
	});

	is($status, 1, 'failed');
	like($err, qr/ashmig: error: terminating connection due to administrator command/, 'and says why');
	$app->run_ok(0, qr/applied/, 'migrate');
};

subtest 'a full disk' => sub {
	my $app = Program->new($node);

	$app->snapshot('plans', id);
	my ($status, undef, $err) = $app->run([ 'sh', '-c', 'ashmig diff >/dev/full' ]);
	is($status, 1, 'standard output cannot be written');
	like($err, qr/could not write to standard output: No space left/, 'and that is said');
	($status, undef, $err) = $app->run([ 'sh', '-c', 'ulimit -f 0; trap "" XFSZ; ashmig codegen x 2>&1 | cat' ]);
	is($app->value('SELECT count(*) FROM ashmig.migrations'), 0, 'nothing is recorded if its file cannot be written');
	is_deeply([ glob "$app->{folder}/priv/ashmig/*/*" ], [], 'and nothing is left of it');
	$app->run_ok(0, qr/wrote/, qw(codegen x));
};

subtest 'passwords' => sub {
	my $app = Program->new($node);

	$node->safe_psql('postgres', q{SET password_encryption = 'scram-sha-256'; CREATE ROLE dba SUPERUSER LOGIN PASSWORD 'open sesame'});
	my $hba = $node->data_dir . '/pg_hba.conf';
	my $rules = slurp_file($hba);
	unlink $hba;
	append_to_file($hba, "local all dba scram-sha-256\n$rules");
	$node->reload;
	my ($status, $screen) = $app->type([qw(status -U dba)], qr/Password for user dba: $/, "open sesame\n");
	is($status, 0, 'a password is asked for') or diag($screen);
	unlike($screen, qr/sesame/, 'and not shown');
	($status) = $app->type([qw(status -U dba)], qr/Password for user dba: $/, "wrong\n");
	is($status, 1, 'a wrong one is an error');
	$app->run_ok(1, qr/no password supplied/, qw(status -w -U dba));
};

# The last one, as it stops the server
subtest 'a server that goes away' => sub {
	my $app = slow_fleet(0.3);
	my ($status, undef, $err) = during_run($app, sub { $node->stop('immediate') });

	is($status, 1, 'failed');
	like($err, qr/ashmig: error: .*(terminated|terminating|closed|lost)/, 'and says why');
	$node->{_pid} = undef;
	$app->run_ok(1, qr/connection to server .* failed/, 'status');
};

done_testing();
