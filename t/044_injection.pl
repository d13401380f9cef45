# Hostile texts in every text of a snapshot and every text argument of every
# function, under hostile settings and search paths, by a superuser, by a role
# that was granted the documented rights and by an application's role: none of
# them is ever run as SQL, up or down.
#
# INJECTIONS is the number of texts that are tried in each of the three ways, and
# INJECTION_SEED the first seed.
use strict;
use warnings;
use utf8;

use JSON::PP;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use FindBin;
use lib "$FindBin::RealBin/lib";
use Hostile qw(hostile_texts hostile_settings hostile_setup canary_is_unharmed quoted);
use RandomSnapshots;

my $count = $ENV{INJECTIONS} // 200;
my $first = $ENV{INJECTION_SEED} // 1;
my $json = JSON::PP->new->canonical->ascii->allow_nonref;
my @texts = hostile_texts();
my @settings = hostile_settings();

my $node = PostgreSQL::Test::Cluster->new('injection');
$node->init(extra => [ '--encoding=UTF8', '--no-locale' ]);
$node->append_conf('postgresql.conf', "fsync = off\nlog_min_messages = fatal\nlog_min_error_statement = fatal\n");
$node->start;
my $superuser = $node->safe_psql('postgres', 'SELECT quote_ident(current_user)');
$RandomSnapshots::nulls_not_distinct = $node->safe_psql('postgres', 'SHOW server_version_num') >= 150000;

sub pick { return $_[ rand @_ ] }

$node->safe_psql('postgres', hostile_setup() . q{
	CREATE EXTENSION ashmig;
	CREATE ROLE deployer LOGIN;
	CREATE ROLE app LOGIN;
	GRANT CREATE, TEMPORARY ON DATABASE postgres TO deployer;
	GRANT TEMPORARY ON DATABASE postgres TO app;
	GRANT CREATE, USAGE ON SCHEMA public TO deployer;
	GRANT USAGE ON SCHEMA ashmig TO deployer;
	GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA ashmig TO deployer;
	GRANT USAGE ON ALL SEQUENCES IN SCHEMA ashmig TO deployer;
	GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA public, ashmig TO deployer;
	GRANT EXECUTE ON ALL PROCEDURES IN SCHEMA public TO deployer;
	CREATE TABLE public.orgs (id int, slug text);
	ALTER TABLE public.orgs OWNER TO deployer;
	GRANT SELECT, INSERT, UPDATE, DELETE ON public.orgs TO app;

	-- Run statements with a search path, and take back what they did.  The SQLSTATE
	-- where that is an internal error, or nothing that a user's mistake leads to.
	CREATE FUNCTION public.attempt(seed integer, path text, VARIADIC statements text[]) RETURNS text
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
	DECLARE
		statement text;
	BEGIN
		FOREACH statement IN ARRAY statements LOOP
			PERFORM set_config('search_path', path, true);
			EXECUTE statement;
			PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
		END LOOP;
		RAISE SQLSTATE 'ZZ000';
	EXCEPTION
		WHEN SQLSTATE 'ZZ000' THEN
			RETURN 'accepted';
		WHEN OTHERS THEN
			PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
			IF sqlstate OPERATOR(pg_catalog.~) '^(MG|22|42|54|0A|2[BF]|23|3F|55|58)' THEN
				RETURN 'refused';
			END IF;
			RETURN seed || ': ' || sqlstate || ' ' || sqlerrm;
	END $$;
	SET ROLE deployer;
	SELECT ashmig_create_tenant('t1');
	SELECT ashmig_manage_tenant('public.orgs', '{org_,:slug}', on_delete => 'drop');
	SELECT ashmig_add_migration(NULL, 'notes', 'CREATE TABLE @tenant@.notes (id uuid DEFAULT gen_random_uuid(), name text CHECK (lower(name) = name))', 'DROP TABLE @tenant@.notes', tenant => true);
	SELECT ashmig_migrate_all(workers => 0)});

# ---------------------------------------------------------------- snapshots

# Texts that are SQL by their nature are not tried: whoever writes them may run
# what he likes.
sub is_sql { my ($container, $key) = @_; return ref $container eq 'HASH' && exists $container->{up} && $key =~ /^(up|down)$/ }

# Every place in a document that holds a text, or could
sub places
{
	my ($value, @found) = @_;
	my @left = $value;
	while (defined(my $container = shift @left)) {
		for my $key (ref $container eq 'HASH' ? sort keys %$container : 0 .. $#$container) {
			my $child = ref $container eq 'HASH' ? $container->{$key} : $container->[$key];
			if (ref $child eq 'HASH' || ref $child eq 'ARRAY') { push @left, $child }
			elsif (!ref $child && !is_sql($container, $key)) { push @found, [ $container, $key ] }
		}
	}
	return @found;
}

# A table with every member that random ones do not have
sub rich_table
{
	return {
		table => 'rich', schema => 'shelf', repo => 'Elixir.Walk.Repo', base_filter => 'id IS NOT NULL', create_table_options => 'WITH (fillfactor = 70)', hash => 'x',
		multitenancy => { strategy => undef, attribute => undef, global => undef },
		attributes => [
			{ source => 'id', type => 'bigint', default => 'nil', 'primary_key?' => \1, 'allow_nil?' => \0, 'generated?' => \1 },
			{ source => 'name', type => 'text', default => '"a"', 'allow_nil?' => \0, size => undef },
			{ source => 'data', type => 'map', default => '%{"a" => ["b"]}' },
			{ source => 'list', type => [ 'array', 'text' ], default => '["a"]' },
			{ source => 'up', type => 'bigint', default => 'nil',
				references => { table => 'rich', schema => 'shelf', name => 'rich_up', destination_attribute => 'id', on_delete => 'nilify', on_update => 'update', match_type => 'simple',
					deferrable => 'initially', 'index?' => \1, index_where => 'up > 0', 'primary_key?' => \1, match_with => undef,
					multitenancy => { strategy => undef, attribute => undef, global => undef } } } ],
		identities => [ { name => 'n', index_name => 'rich_n', keys => [ { type => 'atom', value => 'name' } ], where => 'id > 0', base_filter => 'id IS NOT NULL', 'all_tenants?' => \0 } ],
		custom_indexes => [ { name => 'rich_c', fields => [ { type => 'string', value => 'lower(name)' }, { type => 'atom', value => 'up' } ], using => 'btree', where => 'id > 0', include => ['data'],
				prefix => 'shelf', message => 'x', error_fields => ['name'], 'unique' => \0 } ],
		check_constraints => [ { name => 'rich_k', check => 'id > 0', attribute => ['name'], base_filter => 'id IS NOT NULL', message => 'x' } ],
		custom_statements => [ { name => 's', up => 'SELECT 1', down => 'SELECT 1', 'code?' => \0 } ],
	};
}

# A session of a role with some of the settings: temporary objects first, then the calls
sub session
{
	my ($role, $setting, @calls) = @_;
	my $script = "SET client_min_messages = error;\nSET ROLE $role;\nSET ashmig.workers = 0;\nSET ashmig.quiet = on;\n";
	$script .= "CREATE TEMP TABLE $_ ();\n" for 'rich', 'posts', 'users', 'orgs', 'migrations', 'versions', 'tenants', 'pg_class', 'pg_namespace';
	$script .= "CREATE DOMAIN pg_temp.$_ AS pg_catalog.int4;\n" for 'jsonb', 'text', 'bigint', 'uuid';
	$script .= "SET $setting->{set};\n" if $setting->{set};
	return $script . join '', @calls;
}

# Run the scripts of sessions; returns what is neither accepted nor refused, and
# counts those.
my %outcomes;
sub outcomes
{
	my @odd;
	for my $script (@_) {
		my ($out, $err) = ('', '');
		$node->psql('postgres', $script, stdout => \$out, stderr => \$err, on_error_stop => 0, timeout => 600);
		push @odd, "$err\nof\n" . substr($script, 0, 500) if $err;
		for my $line (split /\n/, $out) {
			if ($line =~ /^(accepted|refused)$/) { $outcomes{$line}++ }
			elsif ($line) { push @odd, $line }
		}
	}
	return join "\n", @odd;
}

# Calls by session
my %calls;

sub plan_call
{
	my ($seed, $role, @statements) = @_;
	my $setting = pick(@settings);
	my $session = $calls{"$role|$setting->{set}|$setting->{path}"} //= { role => $role, setting => $setting };
	push @{ $session->{calls} }, "SELECT public.attempt($seed, " . join(', ', map { quoted($_) } $setting->{path}, @statements) . ");\n";
	return;
}

# Make the planned calls, and look what became of them
sub make_calls
{
	my $what = shift;
	my @scripts = map { session($_->{role}, $_->{setting}, @{ $_->{calls} }) } map { $calls{$_} } sort keys %calls;
	%outcomes = (accepted => 0, refused => 0);
	is(outcomes(@scripts), '', "$count hostile $what, from seed $first: accepted or refused");
	note("$outcomes{accepted} accepted, $outcomes{refused} refused");
	cmp_ok($outcomes{$_}, '>', $count / 20, "many are $_") for 'accepted', 'refused';
	ok(canary_is_unharmed($node), 'none was run');
	%calls = ();
	return;
}

for my $seed ($first .. $first + $count - 1) {
	my $walk = RandomSnapshots->new($seed);
	my $snapshots = $walk->snapshots;
	my $document = { snapshots => [ rand() < 0.5 ? rich_table() : @$snapshots ], extensions => { installed => ['ash-functions'] } };
	my $place = pick(places($document));
	my ($container, $key) = @$place;
	my $text = pick(@texts);
	my $old = ref $container eq 'HASH' ? $container->{$key} : $container->[$key];
	$text = ($old // '') . $text if rand() < 0.3;
	if (ref $container eq 'HASH') { $container->{$key} = $text } else { $container->[$key] = $text }
	my $apply = 'SELECT public.ashmig_apply(' . quoted($json->encode($document)) . "::pg_catalog.jsonb, renames => '[]', drop_columns => true, drop_tables => true)";
	plan_call($seed, pick($superuser, 'deployer'), $apply, 'SELECT public.ashmig_status(), public.ashmig_check_migrations()',
		'SELECT public.ashmig_rollback_tenants(all_versions => true)', 'SELECT public.ashmig_rollback(all_versions => true)');
}
make_calls('texts in snapshots');

# ---------------------------------------------------------------- arguments

# Each function with its arguments that are text, and not SQL by their nature
my %arguments;
my %usual = (boolean => 'true', integer => '1', bigint => 'NULL::pg_catalog.int8', 'bigint[]' => 'NULL::pg_catalog.int8[]', interval => "'1 s'::pg_catalog.interval", text => "'x'::pg_catalog.text",
	'text[]' => "'{x}'::pg_catalog.text[]", jsonb => "'[]'::pg_catalog.jsonb", regclass => "'public.orgs'::pg_catalog.regclass");
for my $line (split /\n/, $node->safe_psql('postgres', q{
	SELECT p.oid::regproc, p.pronargs - p.pronargdefaults, a.n, p.proargnames[a.n], a.type::regtype
	  FROM pg_proc AS p JOIN pg_depend AS d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
	 CROSS JOIN unnest(p.proargtypes::oid[]) WITH ORDINALITY AS a (type, n)
	 WHERE p.prokind = 'f' AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'ashmig') ORDER BY 1, 3})) {
	my ($function, $required, $position, $name, $type) = split /\|/, $line;
	push @{ $arguments{$function} }, { name => $name, type => $type, required => $position <= $required };
}

sub value
{
	my ($type, $text) = @_;
	return quoted($text) . '::pg_catalog.text' if $type eq 'text';
	return 'ARRAY[' . quoted($text) . ']::pg_catalog.text[]' if $type eq 'text[]';
	return quoted($json->encode([ { table => $text, to => $text, column => $text, schema => $text } ])) . '::pg_catalog.jsonb';
}

srand($first);
for my $seed ($first .. $first + $count - 1) {
	my $function = pick(sort keys %arguments);
	my @given;
	for my $argument (@{ $arguments{$function} }) {
		my $is_text = $argument->{type} =~ /^(text|text\[\]|jsonb)$/ && !($argument->{name} =~ /^(up|down|query)$/);
		next unless $argument->{required} || $is_text && rand() < 0.5;
		my $usual = $argument->{name} =~ /^(up|down|query)$/ && $argument->{type} eq 'text' ? "'SELECT 1'" : $usual{ $argument->{type} };
		push @given, "$argument->{name} => " . ($is_text && rand() < 0.8 ? value($argument->{type}, pick(@texts)) : $usual);
	}
	my $call = 'SELECT public.' . ($function =~ s/^public\.//r) . '(' . join(', ', @given) . ')';
	# what was recorded is run, shown, and taken back
	plan_call($seed, pick($superuser, 'deployer'), $call, 'SELECT public.ashmig_status(), public.ashmig_all_tenants(), public.ashmig_check_migrations()',
		'SELECT public.ashmig_migrate_all()', 'SELECT public.ashmig_export_migration(version, scope OPERATOR(pg_catalog.=) $$tenant$$, repo => repo) FROM ashmig.migrations',
		'SELECT public.ashmig_rollback_tenants(all_versions => true)', 'SELECT public.ashmig_rollback(all_versions => true)');
}
make_calls('arguments');

# ---------------------------------------------------------------- rows

for my $seed ($first .. $first + $count - 1) {
	my @names = map { quoted(rand() < 0.4 ? pick(@texts) : pick('a', 'b', 'c')) } 1 .. 3;
	plan_call($seed, 'app', "INSERT INTO public.orgs VALUES (1, $names[0])", "UPDATE public.orgs SET slug = $names[1]",
		"INSERT INTO public.orgs VALUES (2, $names[2]) ON CONFLICT DO NOTHING", 'DELETE FROM public.orgs');
}
make_calls('rows of a managed table');

$node->stop;
unlike(slurp_file($node->logfile), qr/terminated by signal|PANIC|TRAP:/, 'the server did not crash');

done_testing();
