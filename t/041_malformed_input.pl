# Snapshots that are damaged at random: missing keys, values of another type, deep
# nesting, long texts, odd characters.  Each is accepted, or is a clean error after
# which nothing is recorded; the server does not crash.
#
# Set MUTATIONS and MUTATION_SEED for their number and the first seed.
use strict;
use warnings;
use utf8;

use JSON::PP;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use FindBin;
use lib "$FindBin::RealBin/lib";
use RandomSnapshots;

my $count = $ENV{MUTATIONS} // 1500;
my $first = $ENV{MUTATION_SEED} // 1;
my $json = JSON::PP->new->canonical->allow_nonref->max_depth(10_000);

my $node = PostgreSQL::Test::Cluster->new('mutations');
$node->init;
$node->start;
$node->safe_psql('postgres', q{
	CREATE EXTENSION ashmig;
	SELECT ashmig_create_tenant('t1');
	CREATE FUNCTION try(seed integer, snapshots text) RETURNS text LANGUAGE plpgsql AS $$
	DECLARE
		recorded bigint := (SELECT count(*) FROM ashmig.migrations) + (SELECT count(*) FROM ashmig.snapshots);
	BEGIN
		PERFORM ashmig_apply(snapshots::jsonb, renames => '[]', drop_columns => true, drop_tables => true);
		RAISE 'accepted' USING ERRCODE = 'ZZ000';
	EXCEPTION
		WHEN SQLSTATE 'ZZ000' THEN
			RETURN NULL;
		WHEN OTHERS THEN
			IF recorded <> (SELECT count(*) FROM ashmig.migrations) + (SELECT count(*) FROM ashmig.snapshots) THEN
				RETURN seed || ': something is recorded after ' || sqlerrm;
			END IF;
			-- an error of ashmig, or PostgreSQL's about JSON, names, types or limits
			IF sqlstate LIKE 'MG%' OR sqlstate LIKE '22%' OR sqlstate LIKE '42%' OR sqlstate LIKE '54%' OR sqlstate LIKE '0A%' OR sqlstate IN ('3F000', '2BP01', '55000') THEN
				RETURN NULL;
			END IF;
			RETURN seed || ': ' || sqlstate || ' ' || sqlerrm;
	END $$});

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

my $script = "SET client_min_messages = error; SET ashmig.workers = 0;\n";
for my $seed ($first .. $first + $count - 1) {
	my $walk = RandomSnapshots->new($seed);
	my $document = $walk->snapshots;
	damage($document) if rand() < 0.85;
	my $text = $json->encode(rand() < 0.1 ? { snapshots => $document, extensions => scalar pick(@values)->() } : $document);
	$text = scribble($text) if rand() < 0.25;
	$text =~ s/'/''/g;
	$script .= "SELECT try($seed, '$text');\n";
}
utf8::encode($script);
my ($out, $err) = ('', '');
my $status = $node->psql('postgres', $script, stdout => \$out, stderr => \$err, on_error_stop => 0);
$out =~ s/^\s*\n//mg;
is($out, '', "$count damaged snapshots, from seed $first: errors of the right class, nothing recorded");
is($err, '', 'no other error');
is($node->safe_psql('postgres', 'SELECT count(*) FROM ashmig.migrations'), 0, 'nothing is recorded');
$node->stop;
unlike(slurp_file($node->logfile), qr/terminated by signal|PANIC|TRAP:/, 'the server did not crash');

done_testing();
