# Snapshots that are damaged at random: missing keys, values of another type, deep
# nesting, long texts, odd characters.  Some are the first of a database, others the next
# generation after undamaged ones.  Each is a clean error after which nothing is
# recorded, or is accepted: then nothing is left to plan, and it can be rolled back.  The
# server does not crash.
#
# "make fuzz N=100000"; MUTATIONS and MUTATION_SEED are their number and the first seed.
# SNAPSHOTS names a folder of further snapshots to damage.
use strict;
use warnings;
use utf8;

use File::Find;
use JSON::PP;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use FindBin;
use lib "$FindBin::RealBin/lib";
use RandomSnapshots;

my $count = $ENV{MUTATIONS} // 600;
my $first = $ENV{MUTATION_SEED} // 1;
my $json = JSON::PP->new->canonical->allow_nonref->max_depth(10_000);

my $node = PostgreSQL::Test::Cluster->new('mutations');
$node->init;
$node->append_conf('postgresql.conf', "max_locks_per_transaction = 256\nfsync = off\n");
$node->start;
$RandomSnapshots::nulls_not_distinct = $node->safe_psql('postgres', 'SHOW server_version_num') >= 150000;
$node->safe_psql('postgres', q{
	CREATE EXTENSION ashmig;
	SELECT ashmig_create_tenant('t1');

	CREATE FUNCTION recorded() RETURNS bigint LANGUAGE sql AS
	$$ SELECT (SELECT count(*) FROM ashmig.migrations) + (SELECT count(*) FROM ashmig.snapshots) $$;

	-- what an application has: whatever is not of the system, of ashmig or of this test
	CREATE FUNCTION relations() RETURNS text LANGUAGE sql AS
	$$ SELECT string_agg(oid::regclass::text, ' ' ORDER BY oid::regclass::text) FROM pg_class
	    WHERE relnamespace NOT IN (SELECT oid FROM pg_namespace WHERE nspname ~ '^pg_' OR nspname IN ('information_schema', 'ashmig')) $$;

	-- Accept or refuse; NULL if that is as it should be.  "before" comes first, if it is given.
	CREATE FUNCTION try(before text, snapshots text) RETURNS text LANGUAGE plpgsql AS $$
	DECLARE
		recorded bigint := recorded();
		relations text := relations();
		accepted boolean := false;
	BEGIN
		IF before IS NOT NULL THEN
			PERFORM ashmig_apply(before::jsonb, renames => '[]', drop_columns => true, drop_tables => true);
			PERFORM ashmig_operations(before::jsonb, snapshots::jsonb);
		END IF;
		PERFORM ashmig_apply(snapshots::jsonb, renames => '[]', drop_columns => true, drop_tables => true);
		accepted := true;
		IF EXISTS (SELECT FROM ashmig_plan(snapshots::jsonb, renames => '[]', drop_columns => true, drop_tables => true)) THEN
			RAISE 'accepted, but there is something left to plan' USING ERRCODE = 'ZZ001';
		END IF;
		-- what a statement of the snapshots does is undone by another, which may be damaged
		IF snapshots ~ '"custom_statements":\[\{' OR before ~ '"custom_statements":\[\{' THEN
			RAISE 'accepted' USING ERRCODE = 'ZZ000';
		END IF;
		PERFORM ashmig_rollback_tenants(all_versions => true);
		PERFORM ashmig_rollback(all_versions => true);
		IF relations() IS DISTINCT FROM relations THEN
			RAISE 'rolled back, but there remains: %', relations() USING ERRCODE = 'ZZ002';
		END IF;
		RAISE 'accepted' USING ERRCODE = 'ZZ000';
	EXCEPTION
		WHEN SQLSTATE 'ZZ000' THEN
			RETURN NULL;
		WHEN OTHERS THEN
			IF recorded <> recorded() THEN
				RETURN 'something is recorded after ' || sqlerrm;
			END IF;
			-- an error of ashmig, or PostgreSQL's about JSON, names, types or limits
			IF NOT accepted AND (sqlstate ~ '^(MG|22|42|54|0A)' OR sqlstate IN ('3F000', '2BP01', '55000')) THEN
				RETURN NULL;
			END IF;
			RETURN CASE WHEN accepted THEN 'accepted, then ' ELSE '' END || sqlstate || ' ' || sqlerrm;
	END $$});

# ---------------------------------------------------------------- what is damaged

# Real snapshots: all files of some tables of the sample application, or of SNAPSHOTS
my @files;
find({ wanted => sub { push @files, $File::Find::name if /\.json\z/ && $_ ne 'extensions.json' }, no_chdir => 1 },
	'examples/helpdesk/priv/resource_snapshots', $ENV{SNAPSHOTS} // ());
@files = sort @files;

sub real_snapshots { return [ map { $json->decode(slurp_file($_)) } map { pick(@files) } 1 .. 1 + int rand 6 ] }

# ---------------------------------------------------------------- damage

sub pick { return $_[ rand @_ ] }

my @texts = ('', ' ', "\0", "\x{1F600}", "\x{D7FF}", "\x{FFFE}", 'x' x 70, 'é' x 40, 'x' x 100_000, '"', "'", '\\', "\n", 'a;b', '--', '/*', '$$',
	'nil', 'fragment("', '%{', '[', "~s(", '#{x}', '#{prefix()}', '@tenant@', ':', '"\\x"', '"\\u{110000}"', '"\\uD800"', '-', '1e999', '0x', '?',
	'fragment("1; DROP SCHEMA public")', 'text; DROP TABLE x', 'integer[', 'numeric(1,2,3)', 'public', 'pg_catalog', 'ashmig', 'context', '1', 'true');
my @values = (sub { undef }, sub { \1 }, sub { \0 }, sub { pick(@texts) }, sub { pick(0, -1, 1, 1.5, 1e15, 2147483648, 9.9e307) }, sub { [] }, sub { {} },
	sub { [ pick(@texts) ] }, sub { { pick(@texts) => pick(@texts) } }, sub { deep(pick(10, 200, 3000)) });

sub deep { my $value = pick(@texts); $value = rand() < 0.5 ? [$value] : { x => $value } for 1 .. shift; return $value }

# Every place in a document, as [container, key]
sub places
{
	my ($value, @found) = @_;
	my @left = $value;
	while (defined(my $container = shift @left)) {
		for my $key (ref $container eq 'HASH' ? sort keys %$container : ref $container eq 'ARRAY' ? 0 .. $#$container : ()) {
			my $child = ref $container eq 'HASH' ? $container->{$key} : $container->[$key];
			push @found, [ $container, $key ];
			push @left, $child if ref $child eq 'HASH' || ref $child eq 'ARRAY';
		}
	}
	return @found;
}

sub damage
{
	my $document = shift;
	for (1 .. 1 + int rand 3) {
		my $place = pick(places($document)) or return;
		my ($container, $key) = @$place;
		my $dice = rand;
		if (ref $container eq 'HASH') {
			if ($dice < 0.3) { delete $container->{$key} }
			elsif ($dice < 0.8) { $container->{$key} = pick(@values)->() }
			elsif ($dice < 0.9) { $container->{ pick(@texts) } = delete $container->{$key} }
			else { $container->{ (pick(places($document)) // [ 0, 'x' ])->[1] } = $container->{$key} }
		} else {
			if ($dice < 0.3) { splice @$container, $key, 1 }
			elsif ($dice < 0.8) { $container->[$key] = pick(@values)->() }
			else { push @$container, $container->[$key] }
		}
	}
	return;
}

# Damage to the text itself: characters removed, doubled, replaced, escapes inserted
sub scribble
{
	my $text = shift;
	my $at = int rand length $text;
	substr $text, $at, int rand 3, pick('', '"', '{', '}', '[', ']', ',', ':', '\\u0000', '\\ud800', '\\', "\t", '1', 'null', "\x{FEFF}", substr $text, $at, 20);
	return $text;
}

# ---------------------------------------------------------------- cases

# The texts of a case: what comes before (or undef), and what is tried
sub texts
{
	my $seed = shift;
	my $walk = RandomSnapshots->new($seed);
	my $document = rand() < 0.2 ? real_snapshots() : $walk->snapshots;
	my $before;

	if (rand() < 0.5) {
		$before = $json->encode($document);
		$document = $json->decode($before);
	}
	damage($document) if rand() < 0.85;
	my $text = $json->encode(rand() < 0.1 ? { snapshots => $document, extensions => scalar pick(@values)->() } : $document);
	$text = scribble($text) if rand() < 0.25;
	return ($before, $text);
}

sub literal { my $text = shift; return 'NULL' unless defined $text; $text =~ s/'/''/g; return "'$text'" }

# In sessions of some cases each; the number of a case comes before it, so that the last one
# is known if the connection is lost.
my @found;
for (my $from = $first; $from < $first + $count; $from += 200) {
	my $to = $from + 199 < $first + $count - 1 ? $from + 199 : $first + $count - 1;
	my $script = "SET client_min_messages = error; SET ashmig.workers = 0;\n";
	for my $seed ($from .. $to) {
		$script .= "\\echo case $seed\nSELECT try(" . join(', ', map { literal($_) } texts($seed)) . ");\n";
	}
	utf8::encode($script);
	my ($out, $err) = ('', '');
	$node->psql('postgres', $script, stdout => \$out, stderr => \$err, on_error_stop => 0);
	my %output = $out =~ /^case (\d+)\n(.*?)(?=^case |\z)/gms;
	push @found, map { [ $_, $output{$_} ] } grep { $output{$_} =~ /\S/ } sort { $a <=> $b } keys %output;
	my ($last) = sort { $b <=> $a } keys %output;
	push @found, [ $last // $from, $err ] if $err ne '';
	next if $err !~ /connection/;
	$node->poll_query_until('postgres', 'SELECT true') or last;
}
is(scalar @found, 0, "$count damaged snapshots, from seed $first: errors of the right class, or the right result");
diag("make fuzz N=1 SEED=$_->[0]: " . substr $_->[1], 0, 400) for @found;
is($node->safe_psql('postgres', 'SELECT count(*) FROM ashmig.migrations'), 0, 'nothing is recorded');
$node->stop;
unlike(slurp_file($node->logfile), qr/terminated by signal|PANIC|TRAP:/, 'the server did not crash');

done_testing();
