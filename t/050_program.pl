# The program: from snapshot files to migrated schemas and back, without a
# terminal.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use FindBin;
use lib "$FindBin::RealBin/lib";
use Program;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', "max_worker_processes = 12\nfsync = off\n");
$node->start;

subtest 'a change, from files to tenants' => sub {
	my $app = Program->new($node);

	$app->snapshot('plans', id, attribute('code', 'text'));
	$app->snapshot('tenants/posts', id, attribute('title', 'text'));
	$app->run_ok(3, qr/\+ create table.*MG020.*ashmig codegen NAME/s, qw(codegen --check));
	$app->run_ok(2, qr/codegen needs a name/, 'codegen');
	$app->run_ok(0, qr/CREATE TABLE \@tenant\@."posts"/, qw(codegen --dry-run));
	is_deeply($app->files, [], 'neither writes anything');
	is($app->value('SELECT count(*) FROM ashmig.migrations'), 0, 'nor records it');

	$app->run_ok(0, qr{wrote     priv/ashmig/tenant/\d{14}_first_tables.sql}, 'codegen', 'First tables!');
	is_deeply($app->files, [ 'public/first_tables.sql', 'tenant/first_tables.sql' ], 'a file per migration');
	$app->run_ok(0, qr/No changes/, 'codegen', 'again');
	$app->run_ok(3, qr/2 pending|1 pending/, 'status');
	$app->run_ok(0, qr/^public  public +1 +\d+  applied/m, 'migrate');
	$app->run_ok(0, qr/created   tenant "a" at version \d+\ncreated   tenant "b"/, qw(tenant create a b));
	$app->run_ok(0, qr/^Nothing to do\.$/m, 'migrate');
	$app->run_ok(0, qr/are what the snapshots ask for/, qw(codegen --check));

	$app->snapshot('tenants/posts', id, attribute('title', 'text'), attribute('body', 'text'));
	$app->run_ok(3, qr/tenant posts\n  \+ add attribute body/, 'diff');
	$app->run_ok(0, qr/wrote/, qw(codegen body));
	my $status = $app->json('status');
	is($status->{result}, 'pending', '--json: the result in a word');
	is($status->{versions}[1]{schemas}, 2, '--json: rows with numbers');
	my $run = $app->json('migrate');
	is_deeply([ map { "$_->{schema_name} $_->{status}" } @{ $run->{schemas} } ], [ 'a applied', 'b applied' ],
		'--json: what was done in which schema');
	is($app->value(q{SELECT count(*) FROM information_schema.columns WHERE column_name = 'body'}), 2, 'it is there');

	$app->run_ok(1, qr/drops tables or columns.*--force/s, qw(rollback --tenants));
	$app->run_ok(0, qr/rolled_back/, qw(rollback --tenants --only-tenants a --force));
	$app->run_ok(3, qr/1 pending.*b, current|b, current.*1 pending/s, 'status');
	$app->run_ok(0, qr/^a +\d+ +1  pending$/m, qw(tenants --behind));
	$app->run_ok(0, qr/^tenant  \d+  body +generated  yes +1 +1$/m, 'migrations');
	$app->run_ok(2, qr/--workers is for tenants/, qw(migrate --public --workers 2));
	$app->run_ok(0, qr/a  .*applied/, qw(migrate --tenants --workers 1));
	$app->run_ok(0, qr/rolled_back/, qw(rollback --tenants --all --force));
	$app->run_ok(0, qr/rolled_back/, qw(rollback --force));
	is($app->value(q{SELECT count(*) FROM pg_tables WHERE tablename IN ('posts', 'plans')}), 0, 'all is rolled back');
};

subtest 'the folder alone makes a new database' => sub {
	my $app = Program->new($node);

	$app->snapshot('plans', id);
	$app->run('codegen', 'plans');
	$app->snapshot('plans', id, attribute('price', 'integer'));
	$app->run('codegen', 'price');
	append_to_file("$app->{folder}/priv/ashmig/public/20991231000000_seed.sql",
		"INSERT INTO plans VALUES (1, 10);\n-- ashmig: down\nDELETE FROM plans;\n");
	$app->{name} = 'laptop';
	$app->run_ok(0, qr/created   database "laptop"\ncreated   extension/, 'create');
	$app->run_ok(0, qr/there already/, 'create');
	$app->run_ok(0, qr/are what the snapshots ask for/, qw(codegen --check));
	is($app->value('SELECT count(*) FROM ashmig.migrations'), 0, 'a check records nothing');
	$app->run_ok(3, qr/3 files are in priv\/ashmig not imported yet/, 'status');
	$app->run_ok(0, qr/imported.*plans.*imported.*price.*imported.*seed.*applied/s, 'migrate');
	is($app->value('SELECT price FROM plans'), 10, 'the migration that was put there ran');

	$app->run_ok(0, qr/has everything/, 'import');
	my $file = $app->file('seed');
	my $text = slurp_file($file);
	unlink $file;
	append_to_file($file, $text =~ s/10/11/r);
	$app->run_ok(1, qr/MG022.*context: migration file "public\/20991231000000_seed.sql"/s, 'import');
	$app->run_ok(1, qr/MG022/, qw(codegen --check));
	$app->run_ok(0, qr/rolled_back/, qw(rollback --force));
	$app->run_ok(0, qr/replaced .*seed/, 'migrate');
	is($app->value('SELECT price FROM plans'), 11, 'it may be edited until it is applied');

	unlink $file;
	append_to_file($file, "INSERT INTO plans VALUES (1, 10);\nSELEKT 1;\n");
	$app->run('rollback', '--force');
	$app->run_ok(1, qr/syntax error.*line 2: SELEKT 1;\n +\^/s, 'migrate');
	unlink $file;
	$app->run_ok(0, qr/wrote .*_seed.sql/, 'export');
	$app->run_ok(0, qr/has everything that is recorded/, 'export');
	append_to_file($file, "SELECT 1;\n");
	$app->run_ok(3, qr/differs .*seed/, 'export');
	$app->run_ok(1, qr/Nobody is there to say yes/, 'drop');
	$app->run_ok(0, qr/dropped   database "laptop"/, qw(drop --force));
	$app->run_ok(0, qr/There is no database/, qw(drop --force));
	$app->run_ok(1, qr/database "laptop" does not exist/, 'status');
};

subtest 'an edited generated migration' => sub {
	my $app = Program->new($node);

	$app->snapshot('tenants/posts', id);
	$app->run('codegen', 'posts');
	my $file = $app->file('posts');
	my $text = slurp_file($file);
	unlink $file;
	append_to_file($file, $text =~ s/(\n-- ashmig: down)/\nCREATE INDEX by_hand ON posts (id DESC);\n$1/r);
	$app->run_ok(0, qr/replaced/, 'migrate');
	$app->run('tenant', 'create', 'later');
	is($app->value(q{SELECT count(*) FROM pg_indexes WHERE indexname = 'by_hand'}), 1, 'new tenants run it');
	$app->run_ok(0, qr/are what the snapshots ask for/, qw(codegen --check));
	$app->snapshot('tenants/posts', id, attribute('title', 'text'));
	$app->run_ok(0, qr/wrote .*title/, qw(codegen title));
	$app->run_ok(0, qr/applied/, 'migrate');
};

subtest 'development migrations, and their end' => sub {
	my $app = Program->new($node);

	$app->snapshot('plans', id);
	$app->snapshot('tenants/posts', id);
	$app->run_ok(0, qr/recorded  public \d+, for development/, qw(codegen --dev));
	is_deeply($app->files, [], 'they have no files');
	$app->run('tenant', 'create', 't1');
	$app->run_ok(0, qr/applied/, 'migrate');
	$app->snapshot('plans', id, attribute('a', 'text'));
	$app->run('codegen', '--dev');
	$app->run('migrate');
	$app->run_ok(3, qr/MG026/, qw(codegen --check));
	$app->run_ok(0, qr/wrote.*public.*wrote.*tenant/s, qw(codegen all));
	$app->run_ok(0, qr/public.*t1/s, 'migrate');
	$app->run_ok(0, qr/are what the snapshots ask for/, qw(codegen --check));
};

subtest 'regen' => sub {
	my $app = Program->new($node);

	$app->snapshot('plans', id);
	$app->run_ok(0, qr/wrote/, qw(codegen plans));
	$app->run_ok(1, qr/git does not know/, qw(regen x));
	$app->run([qw(git init -q)], '.');
	$app->run([qw(git add)], '.');
	$app->run('migrate');
	$app->snapshot('plans', id, attribute('a', 'text'));
	$app->snapshot('tenants/posts', id);
	$app->run('codegen', 'wrong');
	$app->run('migrate');
	$app->run('tenant', 'create', 't1');
	$app->snapshot('plans', id, attribute('b', 'text'));
	$app->run_ok(1, qr/Rolling back 2 migrations.*--force/s, qw(regen right));
	$app->run_ok(0, qr/rolled back .*wrote.*public.*right.*removed.*wrong.*t1 /s, qw(regen right --force --migrate));
	is_deeply($app->files, [ 'public/plans.sql', 'public/right.sql', 'tenant/right.sql' ], 'files of git stay');
	is($app->value(q{SELECT string_agg(column_name, ' ' ORDER BY column_name) FROM information_schema.columns
		WHERE table_name = 'plans'}), 'b id', 'as if the first had never been');
	$app->run_ok(0, qr/are what the snapshots ask for/, qw(codegen --check));
};

subtest 'drift, repair, adopt and release' => sub {
	my $app = Program->new($node);

	$app->snapshot('tenants/posts', id, attribute('title', 'text'));
	$app->run('codegen', 'posts');
	$app->run(qw(tenant create a b));
	$app->run_ok(0, qr/Every schema is what is recorded/, 'drift');
	$app->value('ALTER TABLE b.posts DROP COLUMN title, ADD COLUMN extra text');
	$app->run_ok(3, qr/^tenant b\n  posts\n.*- column title  missing/ms, 'drift');
	$app->run_ok(0, qr/Every schema/, qw(drift --only-tenants a));
	$app->run_ok(1, qr/Repairing 2 differences/, qw(drift --repair));
	$app->run_ok(0, qr/\bb\b/, qw(drift --repair --force));
	$app->run_ok(0, qr/Every schema/, 'drift');
	$app->run_ok(0, qr/^a +1$/m, 'release');
	$app->value('CREATE SCHEMA c; CREATE TABLE c.posts (id bigint PRIMARY KEY, title text)');
	$app->run_ok(0, qr/attached  tenant "c" at version \d{14}/, qw(tenant attach c));

	my $other = Program->new($node);
	$other->snapshot('plans', id);
	$other->value('CREATE TABLE plans (id bigint PRIMARY KEY);
		CREATE TABLE schema_migrations (version bigint PRIMARY KEY, inserted_at timestamp);
		INSERT INTO schema_migrations VALUES (20250101000000, now())');
	$other->run_ok(0, qr/public/, 'adopt');
	$other->run_ok(0, qr/wrote/, 'export');
	$other->run_ok(0, qr/are what the snapshots ask for/, qw(codegen --check));
};

subtest 'what the pending migrations would meet' => sub {
	my $app = Program->new($node);

	$app->snapshot('tenants/posts', id, attribute('title', 'text'));
	$app->run_ok(0, qr/wrote/, qw(codegen posts));
	$app->run_ok(0, qr/created   tenant "c"/, qw(tenant create a b c));
	$app->value('INSERT INTO b.posts VALUES (7, NULL)');
	$app->run_ok(0, qr/^Nothing in the data is in the way/m, 'precheck');
	$app->snapshot('tenants/posts', id, attribute('title', 'text', 'allow_nil?' => JSON::PP::false));
	$app->run_ok(1, qr/MG027/, qw(codegen --allow= strict));
	$app->run_ok(0, qr/wrote/, qw(codegen --allow=scan,not_null strict));
	$app->run_ok(3, qr/^tenant b\n    not_null posts\.title  migration \d+\n +\{"id": 7.*\n +SELECT .*1 problem is in the way/s, 'precheck');
	is($app->json('precheck')->{problems}[0]{schema_name}, 'b', '--json: the problems');
	my $tried = $app->run_ok(0, qr/^tenant migration \d+ in a\n  done  ALTER TABLE .*SET NOT NULL.*\n.* bytes of WAL\n +\{"ACCESS EXCLUSIVE on a\.posts"\}\n/, qw(try a));
	unlike($tried, qr/rewritten|null\)/, 'nothing is said of what there is none of');
	$app->run_ok(1, qr/^  failed  ALTER TABLE .*contains null values/ms, qw(try b));
	$app->run_ok(1, qr/^failed tenant "b".*^skipped tenant "c"/ms, qw(migrate --canary 2));
	is($app->value(q{SELECT string_agg(schema_name, ' ') FROM ashmig_status() WHERE status = 'current' AND scope = 'tenant'}), 'a', 'the others are untouched');
	$app->value('DELETE FROM b.posts');
	$app->run_ok(0, qr/in the way/, 'precheck');
	$app->run_ok(3, qr/^pending tenant "b"/m, 'migrate', '--run-until', '2001-01-01');
	$app->run_ok(0, qr/applied/, qw(migrate --max-failures 1));
};

subtest 'squash' => sub {
	my $app = Program->new($node);
	my @files = map { $app->snapshot('plans', id, attribute($_, 'text')) } qw(a b c);
	my $newest = slurp_file($files[2]);

	$app->run_ok(0, qr/to squash  priv.*plans/, qw(squash --dry-run));
	$app->run_ok(3, qr/to squash/, qw(squash --check));
	$app->run_ok(2, qr/--into takes/, qw(squash --into middle));
	$app->run_ok(0, qr/squashed/, qw(squash --into first));
	ok(!-e $files[1] && !-e $files[2] && slurp_file($files[0]) eq $newest, 'the newest, under the first name');
	$app->run_ok(0, qr/nothing to squash/, qw(squash --check));
	$app->run_ok(0, qr/squashed/, qw(squash --into zero));
	ok(-e $files[0] =~ s/\d{14}/00000000000000/r, 'under the name of zeros');
};

subtest 'settings and snapshots that are wrong' => sub {
	my $app = Program->new($node);

	$app->run_ok(1, qr/no snapshots in "priv\/resource_snapshots"/, qw(codegen x));
	$app->run_ok(0, qr/wrote     .ashmig/, qw(init --migrations db/migrations --repo App.Repo));
	$app->run_ok(0, qr/there already/, 'init');
	$app->snapshot('plans', id);
	$app->run('codegen', 'x');
	ok(-d "$app->{folder}/db/migrations/public", 'the folder of .ashmig');
	append_to_file("$app->{folder}/.ashmig", "colour = red\n");
	$app->run_ok(1, qr/\.ashmig, line 6: unknown setting "colour"/, 'status');
	unlink "$app->{folder}/.ashmig";
	append_to_file($app->snapshot('broken', id), '<<<<<<< HEAD');
	$app->run_ok(1, qr/broken\/\d+.json" is not valid JSON/, qw(codegen x));
	$app->run_ok(2, qr/no command "frobnicate"/, 'frobnicate');
	$app->run_ok(2, qr/unknown option.*--frobnicate/, qw(migrate --frobnicate));
	$app->run_ok(2, qr/without its value: --to/, qw(migrate --to));
	$app->run_ok(2, qr/no command was given/);
	$node->safe_psql('postgres', 'CREATE DATABASE bare');
	$app->{name} = 'bare';
	$app->run_ok(1, qr/"bare" does not have the extension.*ashmig init/s, 'status');
};

done_testing();
