# What the documentation says of the program, and the files that are ready to
# be used: all of it as it stands there.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use FindBin;
use lib "$FindBin::RealBin/lib";
use Program;

my $root = "$FindBin::RealBin/..";
my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', "max_worker_processes = 12\nfsync = off\n");
$node->start;

my $docs = slurp_file("$root/docs/program.md");
my $manual = slurp_file("$root/client/ashmig.1");

# The commands that the help lists
my $app = Program->new($node);
my (undef, $help) = $app->run('--help');
my ($list) = $help =~ /^Commands:\n(.*?)\n\n/ms;
my @commands = map { s/^  //r =~ s/ ( |[A-Z\[].*|bash).*//r } split /\n/, $list;
cmp_ok(scalar @commands, '>', 15, 'the help lists commands');

subtest 'the reference and the manual page' => sub {
	my %section = $docs =~ /^### ([a-z ]+)\n(.*?)(?=^###|\z)/gms;

	is_deeply([ sort keys %section ], [ sort @commands ], 'every command has its section');
	for my $command (@commands)
	{
		my ($status, $text) = $app->run('help', split / /, $command);
		my ($own) = $text =~ /^Options:\n(.*?)\n\n/ms;
		is($status, 0, "help $command");
		like($manual, qr/^\.It Cm \Q$command\E\b/m, "the manual has $command");
		for my $option (($own // '') =~ /(--[a-z-]+)/g)
		{
			like($section{$command}, qr/\Q$option\E\b/, "docs: $command has $option");
			like($manual, qr/ \Q${\substr $option, 1}\E\b/, "manual: $option");
		}
	}
	for my $option ($help =~ /^ .*(--[a-z-]+)/gm)
	{
		like($docs, qr/`\Q$option\E/, "docs: $option");
	}
};

subtest 'from a change to production' => sub {
	my ($section) = $docs =~ /^## From a change to production\n(.*?)^## /ms;
	my @scripts = $section =~ /^```sh\n(.*?)^```/gms;
	my $app = Program->new($node);
	my $bin = "$app->{folder}/bin";

	# mix writes a snapshot, as it would
	$app->snapshot('posts', id);
	mkdir $bin;
	append_to_file("$bin/mix", "#!/bin/sh\ncp next.json priv/resource_snapshots/repo/posts/20270101000000.json\n");
	chmod 0755, "$bin/mix";
	my $next = $app->snapshot('next', id, attribute('priority', 'integer'));
	rename $next, "$app->{folder}/next.json";
	rmdir $next =~ s{/[^/]*$}{}r;
	system_or_bail('sed', '-i', 's/"next"/"posts"/', "$app->{folder}/next.json");
	local $ENV{PATH} = "$bin:$ENV{PATH}";
	$app->run([qw(git init -q)], '.');

	is(scalar @scripts, 6, 'six steps');
	for my $script (@scripts)
	{
		# the answers of somebody who is asked
		$script =~ s/(regen.*|rollback.*)/$1 --force/g;
		my ($status, $out, $err) = $app->run([ 'sh', '-ec', "unset PGDATABASE\n$script" ]);
		is($status, 0, $script) or diag("$out$err");
	}
	is($node->safe_psql('my_app_dev', q{SELECT count(*) FROM ashmig.versions}), 0, 'all is rolled back in the end');
};

# What a CI job runs
sub job_lines
{
	my ($file, $pattern) = @_;
	return grep { /ashmig/ } slurp_file("$root/examples/$file") =~ /$pattern/gm;
}

for my $job ([ 'ci/github.yml', '^ +- run: (.*)$' ], [ 'ci/gitlab.yml', '^ {4}- ((?!name).*)$' ])
{
	subtest $job->[0] => sub {
		my $app = Program->new($node);
		my @lines = job_lines(@$job);

		is(scalar @lines, 3, 'three commands');
		$app->snapshot('posts', id);
		$app->run('codegen', 'posts');
		$app->{name} = $job->[0] =~ s/\W/_/gr;
		$app->run_ok(0, qr/./, [ 'sh', '-ec', join "\n", @lines ]);
		is($app->value(q{SELECT count(*) FROM pg_tables WHERE tablename = 'posts'}), 1, 'a new database is built');
		$app->snapshot('posts', id, attribute('title', 'text'));
		$app->run_ok(3, qr/add attribute title/, [ 'sh', '-ec', join "\n", @lines ]);
	};
}

subtest 'deploy.sh, and the git hook' => sub {
	my $app = Program->new($node);
	my ($hook) = job_lines('lefthook.yml', '^ +run: (.*)$');

	$app->snapshot('tenants/posts', id);
	$app->run_ok(3, qr/codegen NAME/, [ 'sh', '-ec', $hook ]);
	$app->run('codegen', 'posts');
	$app->run('tenant', 'create', 'a');
	$app->run_ok(0, qr/the snapshots ask for/, [ 'sh', '-ec', $hook ]);
	$app->run_ok(0, qr/current/, ["$root/examples/deploy.sh"]);
	mkdir "$app->{folder}/priv/ashmig/tenant";
	append_to_file("$app->{folder}/priv/ashmig/tenant/20990101000000_bad.sql", 'SELECT 1 / 0');
	$app->run_ok(1, qr/division by zero/, ["$root/examples/deploy.sh"]);
};

subtest 'completion' => sub {
	my $script = q{eval "$(ashmig completion bash)"; COMP_CWORD=$(($# - 1)); COMP_WORDS=("$@"); _ashmig; echo "${COMPREPLY[@]}"};

	for (
		[ 'migrate migrations', 'ashmig', 'mig' ],
		[ 'create', qw(ashmig tenant c) ],
		[ '--cascade --config', qw(ashmig tenant drop --c) ],
		[ '--check --concurrent-indexes --config', qw(ashmig codegen --c) ])
	{
		my ($expected, @words) = @$_;
		my (undef, $out) = $app->run([ 'bash', '-c', $script, 'bash' ], @words);
		is($out, "$expected\n", "@words");
	}
};

done_testing();
