# A random walk: generations of random snapshots, one after the other in one
# database, and after each of them the laws of sql/setup.sql.
# What a walk does depends on its seed alone.
package RandomWalk;

use strict;
use warnings;
use utf8;

use JSON::PP;
use RandomSnapshots;
use Storable qw(dclone);

my $json = JSON::PP->new->canonical;

# What each call to psql begins with
my $opening = <<'END';
SET search_path = tools, public;
SET ashmig.workers = 0;
SET client_min_messages = error;
END

# seed; setup: the text of walk.sql; database: its name; psql: a function that runs
# SQL in a database and returns status, output and errors
sub new
{
	my ($class, %self) = @_;
	return bless { log => [], meet => 0.15, %self }, $class;
}

# A literal that may contain anything
sub literal { my $text = shift; return "\$json\$$text\$json\$" }
sub chance { return rand() < shift }

# Run SQL and return the error, '' if there is none, and the output.
sub run
{
	my ($self, $sql) = @_;
	$sql = "\\set VERBOSITY verbose\n$opening$sql";
	utf8::encode($sql);
	my ($status, $out, $err) = $self->{psql}->($self->{database}, $sql);
	utf8::decode($out);
	return ($status == 0 ? '' : $err || "psql exits with $status", $out);
}

sub try { my ($error) = run(@_); return $error }

# Run SQL that must not fail; returns its output.
sub must
{
	my ($error, $out) = run(@_);
	die { error => $error } if $error;
	return $out;
}

sub say { my ($self, $text) = @_; push @{ $self->{log} }, $text }

# Walk so many steps.  Returns what went wrong, '' if nothing did.
sub walk
{
	my ($self, $steps) = @_;
	eval {
		$self->{model} = RandomSnapshots->new($self->{seed});
		$self->must($self->{setup});
		$self->{by_hand} = chance(0.4);
		for my $step (0 .. $steps) {
			@{ $self->{log} } = "seed $self->{seed}, step $step";
			$self->step($step);
		}
		@{ $self->{log} } = "seed $self->{seed}, end";
		$self->drop_retired;
		1;
	} and return '';
	die $@ unless ref $@;
	return join "\n", @{ $self->{log} }, substr $@->{error}, 0, 3000;
}

# One step: a few generations, which are then pending at the same time.
sub step
{
	my ($self, $step) = @_;
	my $ground = $self->{model}->pinned_table;
	return $self->shift_ground($ground) if $step && $ground && chance(0.15);
	return $self->lag if $step && chance(0.15);
	return $self->change_enum if $step && chance(0.15);
	return $self->be_refused if $step && chance(0.05);
	return $self->meet if $step && chance($self->{meet});
	my $generations = $step && chance(0.25) ? 2 + int rand 3 : 1;
	$self->remember;
	for (1 .. $generations) {
		$self->write_by_hand if $self->{by_hand} && $step && chance(0.15);
		my @changes = $step ? map { $self->{model}->mutate } 1 .. 1 + int rand 3 : ();
		# at times a dev generation first, which the named one squashes
		$self->generate(\@changes, dev => $step && $generations == 1 && chance(0.1), apply => $generations == 1 && chance(0.5));
	}
	$self->must('SELECT count(*) FROM ashmig_migrate_all();');
	$self->check;
	$self->must('SELECT ashmig_squash_snapshots() >= 0;') if chance(0.05);
}

# What tenants' foreign keys rest on changes, in generations that are all pending:
# the foreign keys go, the change comes, the foreign keys come again.
sub shift_ground
{
	my ($self, $table) = @_;
	my $model = $self->{model};
	$self->remember;
	$model->let_go($table);
	$self->generate(['let_go']);
	$self->generate([ $model->change_ground($table), chance(0.5) ? $model->mutate : () ]);
	$self->generate([ $model->mutate ]) if chance(0.3);
	$model->point_again;
	$self->generate(['point_again']);
	$self->must('SELECT count(*) FROM ashmig_migrate_all();');
	$self->check;
}

# A tenant's rows break a migration; public and the others go on without it.  Without
# the rows it catches up.
sub lag
{
	my $self = shift;
	my $model = $self->{model};
	my ($table, $column) = $model->add_mandatory_column or return;
	$self->remember;
	$self->must("SELECT fill('t-2', " . literal($table->{name}) . ');');
	$self->generate(['add_mandatory_column']);
	# in a worker, so that what fails is the tenant and not the call
	$self->must("SET ashmig.workers = 1; SELECT count(*) FROM ashmig_migrate_all(on_error => 'report');");
	for (0 .. rand 3) {
		$self->generate([ map { $model->mutate } 1 .. 1 + int rand 3 ]);
		$self->must("SELECT count(*) FROM ashmig_migrate_all(except_tenants => '{t-2}');") if chance(0.7);
	}
	$self->must("SELECT count(*) FROM ashmig_migrate_all(except_tenants => '{t-2}');");
	$self->must("SELECT empty('t-2');");
	$self->must('SELECT count(*) FROM ashmig_migrate_all();');
	$self->check;
}

# An enum comes, or gets a value; a column of it comes with it or after it.
sub change_enum
{
	my $self = shift;
	my $model = $self->{model};
	my ($enum) = sort { rand() <=> 0.5 } @{ $model->{enums} // [] };
	my $known = $enum && chance(0.6);
	$self->remember;
	if ($known) {
		my $label = 'value ' . $model->number;
		push @{ $enum->{labels} }, $label;
		$self->say("value $label of $enum->{name}");
		$self->must('SELECT ashmig_add_enum_value(' . literal($enum->{name}) . ', ' . literal($label) . ', ' . tenant($enum) . ') > 0;');
	} else {
		$enum = $model->add_enum;
		$self->say("enum $enum->{name}");
		my $labels = join ', ', map { literal($_) } @{ $enum->{labels} };
		$self->must('SELECT ashmig_create_enum(' . literal($enum->{name}) . ", ARRAY[$labels], " . tenant($enum) . ') > 0;');
	}
	$self->migrate_and_wait if chance(0.3);
	if (chance(0.8)) {
		$model->use_enum($enum);
		$self->generate(['use_enum']);
	}
	$self->generate([ $model->mutate ]) if chance(0.3);
	$self->migrate_and_wait;
	# what cannot run in a transaction cannot be rolled back in the one of down_and_up, and no value of an enum goes
	$self->check(only_up => $known);
}

sub tenant { my $enum = shift; return 'tenant => ' . ($enum->{tenant} ? 'true' : 'false') }

# Migrate, and wait for what goes on in the background; what needed that comes last.
# In a worker: in one transaction a new value of an enum cannot be used.
sub migrate_and_wait
{
	my $self = shift;
	$self->must(<<'END');
SET ashmig.workers = 1;
SELECT coalesce(bool_or(status = 'background'), false) AS background FROM ashmig_migrate_all() \gset
\if :background
CALL ashmig_wait();
SELECT count(*) FROM ashmig_migrate_all();
\endif
END
	$self->must("SELECT obeys(ARRAY(SELECT schema_name || ' has pending migrations' FROM ashmig_status() WHERE pending > 0));");
}

# A statement still names a column that was renamed: the generation has to say so.
# The walk goes on as if nobody had tried.
sub be_refused
{
	my $self = shift;
	my $model = dclone($self->{model});
	if ($self->{model}->forget_in_statement) {
		$self->say('forget_in_statement');
		my $error = $self->try('SELECT count(*) FROM ashmig_generate(' . $self->arguments . ');');
		die { error => "not refused, or not by us: $error" } unless $error =~ /ERROR:  MG0/;
	}
	$self->{model} = $model;
}

# Two copies of the database go on apart, then each imports the migrations of the
# other.  Either both refuse, and the walk goes on as if nobody had tried, or both
# are the same from then on, and the walk goes on in one of them.
sub meet
{
	my $self = shift;
	my $same_second = chance(0.1);
	$self->remember;
	my @branches = map { $self->branch($_) } 1, 2;
	my $slot = 0;
	for my $turn (sort { rand() <=> 0.5 } (0) x (1 + int rand 2), (1) x (1 + int rand 2)) {
		$branches[$turn]->go_apart($same_second ? 1 : ++$slot);
	}
	my @scripts = map { [ $_->exported ] } @branches;
	my @refusals = map { $branches[$_]->import_all(@{ $scripts[ 1 - $_ ] }) } 0, 1;
	my $stays;
	if (!grep { $_ } @refusals) {
		$stays = $self->met(@branches);
	} elsif (grep { !$_ } @refusals) {
		die { error => "refused in one order only: @refusals" };
	}
	my @databases = ($self->{database}, map { $_->{database} } @branches);
	$self->{database} = $stays // $self->{database};
	$self->drop_database($_) for grep { $_ ne $self->{database} } @databases;
}

# A copy of the database, with a walk of its own
sub branch
{
	my ($self, $number) = @_;
	my $database = "$self->{database}_$number";
	$self->{psql}->('template1', "CREATE DATABASE $database TEMPLATE $self->{database}");
	return bless { %$self, number => $number, database => $database, model => $self->{model}->branch($number) }, ref $self;
}

sub drop_database { my ($self, $database) = @_; $self->{psql}->('template1', "DROP DATABASE $database") }

# One generation of a branch.  All of them come in one year, which no walk has
# reached so far; "slot" is the minute of it, the same one for both at times.
# Nothing is written by hand: what that needs of a table, no snapshot says.
sub go_apart
{
	my ($self, $slot) = @_;
	$self->say("in branch $self->{number}, slot $slot");
	$self->must(<<"END");
UPDATE ashmig.settings SET value = greatest(value::bigint, (SELECT (since / 10000000000 + 1) * 10000000000 + 101000000 + 100 * $slot FROM tools.walk))
 WHERE name = 'last_version';
END
	$self->generate([ map { $self->{model}->mutate } 1 .. 1 + int rand 3 ]);
	$self->must('SELECT count(*) FROM ashmig_migrate_all();') if chance(0.5);
}

# The calls that import what is new in this branch
sub exported
{
	my $self = shift;
	my $new = 'FROM ashmig.migrations WHERE version > (SELECT since FROM tools.walk)';
	if (chance(0.4)) {
		my $files = $self->must("SELECT jsonb_object_agg(path, content) FROM ashmig_export_files(ARRAY(SELECT DISTINCT version $new));");
		return 'SELECT count(*) FROM ashmig_import_files(' . literal($files) . ');' if $files =~ /\S/;
	}
	return grep { /\S/ } split /(?=^-- ashmig: )/m,
		$self->must("SELECT ashmig_export_migration(version, tenant => scope = 'tenant') $new ORDER BY version, scope;");
}

# Import; the error of the call that is refused, which has to leave all as it was, or ''.
sub import_all
{
	my ($self, @scripts) = @_;
	for my $script (@scripts) {
		my $before = $self->must('SELECT recorded();');
		my $error = $self->try($script) or next;
		die { error => "not refused as of another branch: $error\nof $script" } unless $error =~ /ERROR:  MG0(?:25|29|54|55)/;
		die { error => "refused, but something is recorded: $error" } if $self->must('SELECT recorded();') ne $before;
		$self->say("refused in branch $self->{number}: " . substr $error, 0, 1000);
		return $error;
	}
	return '';
}

# Lines that one text has, and the other has not
sub difference
{
	my @lines = map { [ split /\n/ ] } @_;
	my @known = map { my %known = map { $_ => 1 } @$_; \%known } @lines;
	return join "\n", (map { "- $_" } grep { !$known[1]{$_} } @{ $lines[0] }), map { "+ $_" } grep { !$known[0]{$_} } @{ $lines[1] };
}

# Both have the migrations of both.  The database in which the walk goes on; undef
# where the model does not know what the two give together.
sub met
{
	my ($self, @branches) = @_;
	$self->say('merged');
	my (@recorded, @structures);
	for my $branch (@branches) {
		$self->say("in branch $branch->{number}");
		$branch->must('SELECT count(*) FROM ashmig_migrate_all();');
		push @recorded, $branch->must('SELECT recorded();');
		push @structures, $branch->must('SELECT everything();');
		$branch->check(of => '(SELECT newest_snapshots())');
		$branch->must('SELECT obeys(ARRAY(SELECT problem FROM ashmig_check_migrations()));');
	}
	die { error => "branches differ in what is recorded:\n" . difference(@recorded) } if $recorded[0] ne $recorded[1];
	die { error => "branches differ:\n" . difference(@structures) } if $structures[0] ne $structures[1];
	my $model = $self->{model}->merged(map { $_->{model} } @branches) or return undef;
	$self->{model} = $model;
	return $branches[ rand 2 ]{database};
}

# A migration that only history knows: from now on new tenants replay history.
sub write_by_hand
{
	my $self = shift;
	my ($name, @columns) = $self->{model}->tenant_names or return;
	my $number = ++$self->{hand};
	my $column = $columns[ rand @columns ];
	my ($up, $down) = @{ (
		[ "COMMENT ON TABLE \@tenant\@.$name IS 'by hand $number'", 'SELECT 1' ],
		[ "UPDATE \@tenant\@.$name SET $column = $column", 'SELECT 1' ],
		[ "CREATE TABLE \@tenant\@.hand_$number AS SELECT $column AS it FROM \@tenant\@.$name", "DROP TABLE \@tenant\@.hand_$number" ],
	)[ rand 3 ] };
	$self->say("by hand: $up");
	$self->must('SELECT ashmig_add_migration(NULL, ' . join(', ', map { literal($_) } "by hand $number", $up, $down) . ', tenant => true) > 0;');
}

# One generation of the model as it is now
sub generate
{
	my ($self, $changes, %how) = @_;
	my $arguments = $self->arguments;
	$self->say("generation: @$changes");
	$self->must("SELECT count(*) FROM ashmig_apply($arguments, dev => true);") if $how{dev};
	$self->must('SELECT count(*) FROM ' . ($how{apply} ? 'ashmig_apply' : 'ashmig_generate') . "($arguments);");
}

# Snapshots of the model and the options that go with its changes
sub arguments
{
	my $self = shift;
	my $options = $self->{model}->options;
	return sprintf '%s, renames => %s, drop_columns => %s, drop_tables => %s', $self->snapshots,
		literal($json->encode($options->{renames})), map { $options->{$_} ? 'true' : 'false' } qw(drop_columns drop_tables);
}

sub snapshots { my $self = shift; return literal($json->encode($self->{model}->snapshots)) }

# What the next check rolls back to
sub remember
{
	my $self = shift;
	$self->must(<<'END');
DELETE FROM tools.walk;
INSERT INTO tools.walk SELECT ARRAY(SELECT everything()), (SELECT coalesce(max(version), 0) FROM ashmig.migrations);
END
}

# The laws
sub check
{
	my ($self, %how) = @_;
	$self->must('SELECT obeys(ARRAY(SELECT down_and_up(since, before))) FROM walk;') unless $how{only_up};
	my $snapshots = $how{of} // $self->snapshots;
	$self->must("SELECT obeys(ARRAY(SELECT law FROM laws($snapshots)" . q{ AS law WHERE law !~ '^afresh: [+] \S+ hand_'));});
}

# Retired columns are dropped, restored and dropped again.
sub drop_retired
{
	my $self = shift;
	$self->remember;
	$self->must('SELECT count(*) FROM ashmig_drop_retired();');
	$self->must('SELECT count(*) FROM ashmig_migrate_all();');
	$self->check;
	$self->must("SELECT obeys(ARRAY(SELECT table_name || '.' || column_name || ' is still retired' FROM ashmig.retired_columns));");
}

1;
