# Procedures called with odd arguments, at the top level, where they commit: each
# call ends well or with an error of the right class.  What there is to call is
# read from pg_proc; sql/odd_calls.sql does the same with functions.
use strict;
use warnings;
use utf8;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my %odd = (
	boolean  => [ 'NULL', 'true' ],
	integer  => [ 'NULL', 0, -1, 1, 2147483647, -2147483648 ],
	bigint   => [ 'NULL', 0, -1, 1, 20260101000000, 100000000000000, 9223372036854775807, -9223372036854775808 ],
	'timestamp with time zone' => [ 'NULL', "'infinity'", "'-infinity'", "'4713-01-01 BC'", "'294276-12-31'", "'epoch'" ],
	interval => [ 'NULL', "'0'", "'-1 s'", "'1 us'", "'178000000 years'", "'-178000000 years'", "'2147483647 days'" ],
	text     => [ 'NULL', "''", "'x'", "'t1'", "repeat('é', 40)", "repeat('x', 100000)", "E'a\\nb'", "''''", q{'"'}, q{'\\'}, "'%s%n'", "'\$1'", "'\@tenant\@'", "'pg_catalog'" ],
	'text[]' => [ 'NULL', "'{}'", "'{NULL}'", "'{{a,b},{c,d}}'", "'[5:6]={a,b}'", "'{\"\"}'", "'{t1,t1}'", "ARRAY[repeat('é', 40)]" ]);
my %usual = (boolean => 'false', integer => 1, bigint => 1, interval => "'1 s'", 'timestamp with time zone' => "'infinity'", text => "'x'", 'text[]' => "'{t1}'");

my $node = PostgreSQL::Test::Cluster->new('procedures');
$node->init;
$node->start;
push @{ $odd{interval} }, "'infinity'", "'-infinity'" if $node->safe_psql('postgres', 'SHOW server_version_num') >= 170000;
$node->safe_psql('postgres', q{
	CREATE EXTENSION ashmig;
	SELECT ashmig_create_tenant('t1');
	SELECT ashmig_add_migration(NULL, 'posts', 'CREATE TABLE @tenant@.posts (id int)', 'DROP TABLE @tenant@.posts', tenant => true)});

# Name, required arguments, and each argument with its type
my %procedures;
for my $line (split /\n/, $node->safe_psql('postgres', q{
	SELECT p.proname, p.pronargs - p.pronargdefaults, a.n, p.proargnames[a.n], a.type::regtype
	  FROM pg_proc AS p JOIN pg_depend AS d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
	 CROSS JOIN unnest(p.proargtypes::oid[]) WITH ORDINALITY AS a (type, n)
	 WHERE p.prokind = 'p' AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'ashmig') ORDER BY 1, 3})) {
	my ($procedure, $required, $position, $name, $type) = split /\|/, $line;
	push @{ $procedures{$procedure} }, { name => $name, type => $type, required => $position <= $required };
	BAIL_OUT("no odd values of type $type") unless $odd{$type} && defined $usual{$type};
}
cmp_ok(scalar keys %procedures, '>=', 3, 'there are procedures with arguments');

for my $procedure (sort keys %procedures) {
	my @arguments = @{ $procedures{$procedure} };
	my $script = "SET client_min_messages = error;\n";
	my @calls;
	for my $argument (@arguments) {
		for my $value (@{ $odd{ $argument->{type} } }) {
			my @given = map { $_ == $argument ? "$_->{name} => ($value)::$_->{type}" : $_->{required} ? "$_->{name} => $usual{$_->{type}}" : () } @arguments;
			my $call = "CALL $procedure(" . join(', ', @given) . ')';
			push @calls, $call;
			$script .= "$call;\n\\echo :SQLSTATE\n";
		}
	}
	my $out = '';
	utf8::encode($script);
	$node->psql('postgres', $script, stdout => \$out, stderr => \my $err, on_error_stop => 0, timeout => 300);
	my @states = grep { /^\w{5}$/ } split /\n/, $out;
	my @bad = map { $states[$_] =~ /^(00000|MG...|22...|42...|3F000|54...)$/ ? () : "$states[$_] $calls[$_]" } 0 .. $#states;
	is("@bad", '', "$procedure: every call ends well or with a clean error");
	is(scalar @states, scalar @calls, "$procedure: all calls have ended");
}
$node->stop;
unlike(slurp_file($node->logfile), qr/terminated by signal|PANIC|TRAP:/, 'the server did not crash');

done_testing();
