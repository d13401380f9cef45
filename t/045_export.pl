# What ashmig_export_migration writes runs where there is no ashmig: as plain SQL
# through psql, and as modules of Ecto. Both give the structure that ashmig gives,
# and go back to where they began.
#
# The second part needs Elixir, and Ecto compiled: ECTO_LIBS names the folder
# where ecto_sql, postgrex and what they need lie, each with its ebin, such as
# _build/dev/lib of an application. It is skipped where they are not.
use strict;
use warnings;

use File::Temp qw(tempdir);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', 'fsync = off');
$node->start;
$node->safe_psql('postgres', 'CREATE DATABASE app');

# Text that wants to get out of every quoting that there is
my $odd = q{it's """ #{System.halt(1)} \\ \\u0041 $$ :schema :'schema' "#{prefix}" ~S};

$node->safe_psql('app', q{
	CREATE EXTENSION ashmig;
	SELECT ashmig_create_tenant('org-1');
	SELECT * FROM ashmig_apply('[
		{"table": "users", "repo": "Elixir.App.Repo", "attributes": [
			{"source": "id", "type": "bigint", "generated?": true, "primary_key?": true, "allow_nil?": false},
			{"source": "email", "type": "citext", "default": "\"nobody\""}]},
		{"table": "posts", "repo": "Elixir.App.Repo", "multitenancy": {"strategy": "context"}, "attributes": [
			{"source": "id", "type": "bigint", "generated?": true, "primary_key?": true, "allow_nil?": false},
			{"source": "title", "type": "text", "default": "\"a \\\\ b\""},
			{"source": "user_id", "type": "bigint", "references": {"table": "users", "destination_attribute": "id",
				"multitenancy": {"strategy": null}}}],
		 "custom_indexes": [{"fields": ["title"], "concurrently": true}],
		 "custom_statements": [{"name": "v", "up": "CREATE VIEW v AS SELECT ''#{prefix()}'' AS prefix, title FROM posts",
			"down": "DROP VIEW v"}]}]', name => 'first tables');
	CALL ashmig_wait();
} . "SELECT ashmig_add_migration(NULL, 'Odd text, 1', tenant => true, repo => 'App.Repo',
	up => \$up\$CREATE FUNCTION \@tenant\@.odd() RETURNS text LANGUAGE sql AS 'SELECT \$odd\$$odd\$odd\$::text'; -- the end
	COMMENT ON FUNCTION odd() IS E'two\\nlines\\r\\n  and \\u202E'\$up\$,
	down => 'DROP FUNCTION odd()');" =~ s/SELECT \$odd\$(.*?)\$odd\$/"SELECT \$odd\$" . ($1 =~ s{'}{''}gr) . '$odd$'/er);
$node->safe_psql('app', "SELECT ashmig_add_migration(NULL, 'odd text 1', tenant => true, repo => 'App.Repo', up => 'ALTER TABLE posts ADD note text')");
$node->safe_psql('app', 'SELECT * FROM ashmig_migrate_all()');

my $structure_of = sub {
	my ($database) = @_;
	my ($dump) = run_command([ 'pg_dump', '--schema-only', '--no-owner', '-d', $node->connstr($database),
		'-n', 'public', '-n', 'org-1', '-T', '*.schema_migrations' ]);
	return join "\n", sort grep { !/^--|^$|^\\(?:un)?restrict|ashmig|^CREATE SCHEMA public|^COMMENT ON EXTENSION/ } split /\n/, $dump;
};
$node->safe_psql('app', 'SELECT 1');
my $odd_value = $node->safe_psql('app', q{SELECT "org-1".odd()});
is($odd_value, $odd, 'the odd text is in the function');

my @migrations = map { [ split /\|/ ] } split /\n/, $node->safe_psql('app', 'SELECT version, scope, down IS NOT NULL FROM ashmig.migrations ORDER BY version');
my $folder = tempdir(CLEANUP => 1);

sub export
{
	my ($migration, $format) = @_;
	my ($version, $scope) = @$migration;
	my ($file) = "$folder/$version.$format";
	open my $handle, '>', $file or die $!;
	print $handle $node->safe_psql('app', "SELECT ashmig_export_migration($version, $scope, '$format')"
		=~ s/tenant/true/r =~ s/public/false/r), "\n";
	close $handle;
	return $file;
}

sub empty_database
{
	my ($name) = @_;
	$node->safe_psql('postgres', "CREATE DATABASE $name");
	$node->safe_psql($name, 'CREATE SCHEMA "org-1"');
}

# The application's database without ashmig
$node->safe_psql('postgres', 'CREATE DATABASE bare TEMPLATE app');
$node->safe_psql('bare', 'SET client_min_messages = warning; DROP EXTENSION ashmig CASCADE');
my $wanted = $structure_of->('bare');

# As plain SQL
empty_database('plain');
my $empty = $structure_of->('plain');
my %sql = map { $_->[0] => export($_, 'sql') } @migrations;

sub psql_file
{
	my ($migration, @options) = @_;
	my ($version, $scope) = @$migration;
	return run_command([ 'psql', '-Xq', '-d', $node->connstr('plain'),
		($scope eq 'tenant' ? ('-v', 'schema=org-1') : ()), @options, '-f', $sql{$version} ]);
}
for my $migration (@migrations)
{
	my (undef, $errors) = psql_file($migration);
	is($errors, '', "$migration->[1] migration runs as plain SQL");
}
is($structure_of->('plain'), $wanted, 'plain SQL gives the same structure');
is($node->safe_psql('plain', q{SELECT "org-1".odd()}), $odd, 'odd text comes through psql');
my (undef, $refused) = psql_file($migrations[1]);
like($refused, qr/migration $migrations[1][0] is already applied/, 'plain SQL refuses to run twice');
$node->command_fails([ 'psql', '-Xq', '-d', $node->connstr('plain'), '-f', $sql{$migrations[-1][0]} ], 'a tenant has to be named');
for my $migration (reverse @migrations)
{
	my (undef, $errors) = psql_file($migration, '-v', 'rollback=on');
	if ($migration->[2] eq 't') { is($errors, '', "$migration->[1] migration rolls back as plain SQL") }
	else
	{
		like($errors, qr/cannot be rolled back/, 'what has no down is not rolled back');
		$node->safe_psql('plain', qq{ALTER TABLE "org-1".posts DROP note; DELETE FROM "org-1".schema_migrations WHERE version = $migration->[0]});
	}
}
is($structure_of->('plain'), $empty, 'and plain SQL takes it all back');
my ($fixed) = $node->safe_psql('app', "SELECT ashmig_export_migration($migrations[-1][0], true, 'sql', schema => 'org-1')");
unlike($fixed, qr/:"schema"|:'schema'/, 'a fixed schema needs no variable');

# As modules of Ecto
SKIP:
{
	my $libs = $ENV{ECTO_LIBS} // '';
	skip 'no Elixir here', 6 unless grep { -x "$_/elixir" } split /:/, $ENV{PATH};
	skip 'ECTO_LIBS does not name a folder with ecto_sql and postgrex compiled', 6
	  unless -e "$libs/ecto_sql/ebin/ecto_sql.app" && -e "$libs/postgrex/ebin/postgrex.app";

	empty_database('ecto');
	for my $migration (@migrations)
	{
		my $file = export($migration, 'ecto');
		my ($path) = slurp_file($file) =~ m{\A# priv/(\S+\.exs)$}m;
		system 'mkdir', '-p', dirname_of("$folder/priv/$path");
		rename $file, "$folder/priv/$path" or die $!;
	}
	my $runner = dirname_of(__FILE__) . '/lib/ecto_run.exs';
	my $ecto = sub {
		local %ENV = (%ENV, ERL_LIBS => $libs, PGHOST => $node->host, PGPORT => $node->port, PGDATABASE => $_[0],
			PGUSER => $node->safe_psql('postgres', 'SELECT current_user'));
		my ($out, $errors) = run_command([ 'elixir', $runner, "$folder/priv/repo", @_[1 .. $#_] ]);
		return "$out$errors";
	};
	is($ecto->('ecto', 'up', 'org-1'), scalar(@migrations), 'Ecto runs all of them');
	is($structure_of->('ecto'), $wanted, 'and they give the same structure');
	is($node->safe_psql('ecto', q{SELECT "org-1".odd()}), $odd, 'odd text comes through Elixir');
	$node->safe_psql('ecto', qq{ALTER TABLE "org-1".posts DROP note; DELETE FROM "org-1".schema_migrations WHERE version = $migrations[-1][0]});
	is($ecto->('ecto', 'down', 'org-1'), scalar(@migrations) - 1, 'Ecto rolls them back');
	is($structure_of->('ecto'), $empty, 'to where it began');

	# a database that is given back: Ecto finds nothing to do
	$node->safe_psql('app', 'SELECT * FROM ashmig_release()');
	is($ecto->('app', 'up', 'org-1'), 0, 'after ashmig_release Ecto has nothing to do');
}

sub dirname_of { return $_[0] =~ s{/[^/]*\z}{}r }

done_testing();
