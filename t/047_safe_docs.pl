# The pages for DBAs and on deploys without downtime: their SQL runs as it
# stands, in the order of the page, and what zero-downtime.md promises holds: old
# and new code work at each step.
use strict;
use warnings;

use Cwd qw(getcwd);
use FindBin;
use lib "$FindBin::RealBin/lib";
use Fleet;
use PostgreSQL::Test::Utils;
use Test::More;

my $fleet = Fleet->new;
my $node = $fleet->node;
my $root = getcwd();

# The parts of a page: heading and SQL blocks
sub parts
{
	my $page = slurp_file("$root/docs/$_[0].md");
	my @parts;
	while ($page =~ /^## (.*?)\n(.*?)(?=^## |\z)/gms)
	{
		my ($heading, $text) = ($1, $2);
		push @parts, [ $heading, $text =~ /^```sql\n(.*?)^```$/gms ];
	}
	return @parts;
}

# tickets with these attributes
sub tickets
{
	my $attributes = join ',', '{"source": "id", "type": "bigint", "generated?": true, "primary_key?": true, "allow_nil?": false}',
	  map { my ($name, $required) = /(\w+)(!?)/; qq({"source": "$name", "type": "text", "allow_nil?": ) . ($required ? 'false}' : 'true}') } @_;
	return qq([{"table": "tickets", "multitenancy": {"strategy": "context"}, "attributes": [$attributes]}]);
}

# ------------------------------------------------------------------------
# zero-downtime.md: one session goes through the page
# ------------------------------------------------------------------------
$node->safe_psql('postgres', 'CREATE DATABASE shop');
$node->safe_psql('shop', $_)
  for 'CREATE EXTENSION ashmig', "SELECT ashmig_create_tenant('org_' || i) FROM generate_series(1, 3) AS i",
	q{SELECT * FROM ashmig_apply('} . tickets('body!') . q{', name => 'base', quiet => true)},
	map { "INSERT INTO org_$_.tickets (body) SELECT 'text ' || i FROM generate_series(1, 10) AS i" } 1 .. 3;

# What is deployed while a step is there: the statements of each release
my %code = (
	body => [ "INSERT INTO org_1.tickets (body) VALUES ('b')", 'SELECT body FROM org_1.tickets' ],
	both => [ "INSERT INTO org_1.tickets (body, description) VALUES ('b', 'b')", 'SELECT body FROM org_1.tickets' ],
	description => [ "INSERT INTO org_1.tickets (body, description) VALUES ('b', 'b')", 'SELECT description FROM org_1.tickets' ],
	alone => [ "INSERT INTO org_1.tickets (description) VALUES ('b')", 'SELECT description FROM org_1.tickets' ]);
my %step = (
	'1. Expand' => [ tickets('body!', 'description'), 'body', 'both' ],
	'2. Fill' => [ tickets('body!', 'description'), 'both', 'description' ],
	'3. Tighten' => [ tickets('body!', 'description!'), 'both', 'description' ],
	'4. Contract' => [ tickets('description!'), 'alone' ]);
my ($in, $out, $err) = ('', '', '');
my $session = IPC::Run::start([ 'psql', '-XqAt', '-d', $node->connstr('shop') ],
	'<', \$in, '>', \$out, '2>', \$err, IPC::Run::timer(120));

# Have the session run that; returns its errors.
sub say_to_session
{
	my $sql = shift;
	$out = $err = '';
	$in .= "$sql\n\\echo it is done\n";
	$session->pump until $out =~ /it is done/;
	return join "\n", grep { /ERROR|DETAIL|HINT/ } split /\n/, $err;
}

for my $part (parts('zero-downtime'))
{
	my ($heading, @blocks) = @$part;
	my ($snapshots, @releases) = @{ $step{$heading} || [ tickets('body!') ] };
	say_to_session("\\set snapshots '" . ($snapshots =~ s/\n//gr) . "'");
	for my $block (@blocks)
	{
		if ($block =~ /drop_retired/)
		{
			is($node->safe_psql('shop', 'SELECT count(DISTINCT body) FROM org_1.tickets'), 11, 'the old values are there until the end');
			$node->safe_psql('shop', join ';', @{ $code{description} });
			pass('and the code before works until then');
		}
		is(say_to_session($block), '', "zero-downtime.md: $heading");
	}
	for my $release (@releases)
	{
		my $errors = '';
		$node->psql('shop', join(';', @{ $code{$release} }), stderr => \$errors, on_error_stop => 1);
		is($errors, '', "$heading: code that knows $release works");
	}
}
$in .= "\\q\n";
$session->finish;
is($node->safe_psql('shop', q{SELECT string_agg(DISTINCT c, '; ') FROM (SELECT string_agg(attname || CASE WHEN attnotnull THEN ' NOT NULL' ELSE '' END, ', ' ORDER BY attname) AS c
	FROM pg_attribute WHERE attrelid = ANY (ARRAY['org_1.tickets', 'org_2.tickets', 'org_3.tickets']::regclass[]) AND attnum > 0 AND NOT attisdropped GROUP BY attrelid) AS t}),
	'description NOT NULL, id NOT NULL', 'every tenant ends with the new column alone');
is($node->safe_psql('shop', 'SELECT sum(pending) FROM ashmig_status()'), 0, 'and nothing is pending');
is($node->safe_psql('shop', 'SELECT count(*) FROM ashmig_drift()'), 0, 'nor is there drift');
is($node->safe_psql('shop', 'SELECT count(*) FROM org_2.tickets WHERE description IS NULL'), 0, 'all rows are filled');
$node->safe_psql('shop', "SELECT ashmig_create_tenant('org_4')");
is($node->safe_psql('shop', q{SELECT string_agg(attname, ' ' ORDER BY attname) FROM pg_attribute WHERE attrelid = 'org_4.tickets'::regclass AND attnum > 0}),
	'description id', 'a new tenant has it from the start');

# ------------------------------------------------------------------------
# dba.md: while somebody keeps a run waiting, so that there is something to see
# ------------------------------------------------------------------------
$fleet->value(q{SELECT * FROM ashmig_apply('} . tickets('body') . q{', name => 'tickets', quiet => true)});
for my $part (parts('dba'))
{
	my ($heading, @blocks) = @$part;
	my ($holder, $run);
	if ($heading =~ /^How to/)
	{
		$holder = $fleet->start(undef, 'holder');
		$fleet->hold($holder, 'BEGIN; LOCK TABLE t002.tickets IN ACCESS SHARE MODE');
		$run = $fleet->start(q{SELECT * FROM ashmig_apply('} . tickets('body', 'title', 'number') . q{', name => 'more', workers => 1, lock_timeout => '60s', allow => '{all}')});
		$fleet->wait_for("SELECT count(*) > 0 FROM pg_locks WHERE NOT granted AND relation = 't002.tickets'::regclass");
	}
	for my $block (@blocks)
	{
		my $snapshots = $heading =~ /gate/ ? tickets('body', 'title') : tickets('body', 'title', 'number');
		my ($status, $out, $errors) = $fleet->psql($block, on_error_stop => 1, extra_params => [ '-v', "snapshots=$snapshots" ]);
		unlike($errors, qr/ERROR/, "dba.md: $heading");
		isnt($out, '', "$heading: there is something to see") if $heading =~ /see it|Before/;
	}
	next unless $holder;
	$fleet->value('SELECT ashmig_cancel(run) FROM ashmig.progress') unless $heading =~ /stop/;
	$fleet->wait_for('SELECT count(*) = 0 FROM ashmig.progress');
	is($fleet->value('SELECT status FROM ashmig.runs ORDER BY run DESC LIMIT 1'), 'canceled', "$heading: the run is canceled");
	$holder->{in} .= "\\q\n";
	$_->{run}->finish for $holder, $run;
}
is($fleet->value(q{SELECT setconfig FROM pg_db_role_setting JOIN pg_database ON pg_database.oid = setdatabase WHERE datname = 'app'}),
	'{"ashmig.allow=constraint, scan"}', 'the gate of the database is set');

$node->stop;
done_testing();
