# Hostile texts, settings and search paths, for tests that look whether any of
# them is run as SQL.
#
# What is run would advance the sequence public.canary, which no rollback takes
# back: a test ends with canary_is_unharmed().
package Hostile;

use strict;
use warnings;
use utf8;

use Exporter 'import';
our @EXPORT_OK = qw(hostile_texts hostile_settings hostile_setup canary_is_unharmed quoted);

my $run = q{SELECT pg_catalog.nextval('public.canary')};
my $dollar_run = q{SELECT pg_catalog.nextval($q$public.canary$q$)};

# Each ends what it may stand in, and goes on with a statement: literals, names,
# bodies, comments, expressions, placeholders; as it is, and after text so long
# that a cut name would lose its end.
sub hostile_texts
{
	my @ends = ("'", "''", q{"}, q{""}, q{\\'}, q{\\"}, '$$', '$_$', '$q$', ')', '))', "')", q{")}, "\n", '*/', '--', '/*', "'::text)", 'x', '', "\x{2019}", "\x{FF07}", "\x{02BC}",
		"E'\\'", q{U&"\\0022"}, q{U&'\\0027'}, '@tenant@"', '@default@"', '@tenant@', '@default@\'', '#{prefix()}"', q{#{prefix()}'}, '$1', '$2', '%s', ':"x"', ":'x'", '\\gexec');
	my @texts = map { ("$_; $run; --", "$_; $dollar_run; --") } @ends;

	# in an expression rather than as a statement
	push @texts, map { "$_->[0] || pg_catalog.nextval('public.canary') || $_->[1]" } [ "'", "'" ], [ '"', '"' ], [ '$$', '$$' ], [ '@tenant@"', '"' ];
	# the end of a name of 63 bytes: quotes, characters of several bytes
	push @texts, map { 'x' x $_ . "\"; $run; --" } 61 .. 63;
	push @texts, map { 'x' x $_ . "é\"; $run; --" } 60 .. 62;
	push @texts, map { 'x' x $_ . '"' x 2, 'x' x $_ . "'" x 2, 'x' x $_ . '@tenant@', 'x' x $_ . '#{prefix()}', 'é' x 31 . '"', "\x{1F600}" x 16 } 60 .. 63;
	# characters whose second byte is a backslash in Shift JIS; line ends of other kinds
	push @texts, map { "$_'; $run; --" } "\x{8868}", "\x{30BD}", "\x{80FD}\\";
	push @texts, map { "x$_$run$_--" } "\r", "\r\n", "\x{2028}", "\x{0B}", "\x{85}";
	# lines that psql would take as its own, in a script
	push @texts, "\n\\! touch canary\n", "\\.\n\\! touch canary\n", "\n\\.\n$run;\n", "\n\\set x `touch canary`\n", "\n$run \\gexec\n", ":`touch canary`";
	# what Elixir's terms and PostgreSQL's array literals are made of
	push @texts, "\"#{$run}\"", "\\#{$run}", "fragment(\"1; $run\")", "fragment(\"1) ; $run; --\")", "\"a\\\"; $run; --\"", "'a\\'; $run; --'", "%{\"a'; $run; --\" => \"b\"}",
		":\"a'; $run; --\"", "~s('; $run; --)", "[\"a'; $run; --\"]", "{'; $run; --}", "{\"\\\"; $run; --\"}";
	return @texts;
}

# Settings that change how SQL is read or printed, and a search path with
# functions, operators, tables and types of others
sub hostile_settings
{
	my @settings = (
		'', 'standard_conforming_strings = off', 'standard_conforming_strings = off; SET escape_string_warning = on', 'backslash_quote = on', 'quote_all_identifiers = on',
		"DateStyle = 'SQL, DMY'", "IntervalStyle = 'sql_standard'", "client_encoding = 'LATIN1'", "client_encoding = 'SJIS'", "client_encoding = 'SQL_ASCII'", 'array_nulls = off',
		"bytea_output = 'escape'", 'check_function_bodies = off', 'transform_null_equals = on');
	my @paths = ('public', 'evil, pg_temp, pg_catalog, public', 'pg_temp, evil, public', 'evil', '""');
	return map { my $setting = $_; map { { set => $setting, path => $_ } } @paths } @settings;
}

# The canary, and what the search paths above find
sub hostile_setup
{
	my $setup = q{
		CREATE SEQUENCE public.canary;
		GRANT ALL ON SEQUENCE public.canary TO PUBLIC;
		CREATE SCHEMA evil;
		GRANT ALL ON SCHEMA evil TO PUBLIC;
		CREATE FUNCTION evil.sing() RETURNS boolean LANGUAGE sql AS $$ SELECT pg_catalog.nextval('public.canary') IS NOT NULL $$;
		CREATE FUNCTION evil.equal(text, text) RETURNS boolean LANGUAGE sql AS $$ SELECT evil.sing() $$;
		CREATE FUNCTION evil.joined(text, text) RETURNS text LANGUAGE sql AS $$ SELECT evil.sing()::text $$;
		CREATE OPERATOR evil.= (LEFTARG = text, RIGHTARG = text, FUNCTION = evil.equal);
		CREATE OPERATOR evil.<> (LEFTARG = text, RIGHTARG = text, FUNCTION = evil.equal);
		CREATE OPERATOR evil.|| (LEFTARG = text, RIGHTARG = text, FUNCTION = evil.joined);
		CREATE DOMAIN evil.text AS pg_catalog.text CHECK (evil.sing());
		CREATE DOMAIN evil.uuid AS pg_catalog.uuid CHECK (evil.sing());
		CREATE TABLE evil.migrations (); CREATE TABLE evil.tenants (); CREATE TABLE evil.users (); CREATE TABLE evil.posts ();
	};
	my %functions = ('lower(text)' => 'text', 'now()' => 'timestamptz', 'gen_random_uuid()' => 'pg_catalog.uuid', 'format(text, VARIADIC "any")' => undef, 'quote_ident(text)' => 'text',
		'quote_literal(text)' => 'text', 'max(bigint)' => 'bigint', 'length(text)' => 'int', 'jsonb_typeof(jsonb)' => 'text', 'coalesce(text, text)' => undef,
		'array_to_string(text[], text)' => 'text', 'current_schema()' => 'name', 'hashtext(text)' => 'int', 'set_config(text, text, boolean)' => 'text');
	for my $signature (sort grep { $functions{$_} } keys %functions) {
		$setup .= "CREATE FUNCTION evil.$signature RETURNS $functions{$signature} LANGUAGE plpgsql AS 'BEGIN PERFORM evil.sing(); RETURN NULL; END';\n";
	}
	return $setup;
}

# Did anything advance the canary?
sub canary_is_unharmed
{
	my $node = shift;
	return $node->safe_psql('postgres', 'SELECT is_called FROM public.canary') eq 'f';
}

# A literal, in ASCII, that means the same whatever standard_conforming_strings
# and client_encoding are
sub quoted
{
	my $text = shift;
	$text =~ s/([\\'])/$1$1/g;
	$text =~ s/([^\x00-\x7F])/sprintf '\\U%08X', ord $1/ge;
	return "E'$text'";
}

1;
