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

# seed; setup: the text of walk.sql; psql: a function that runs SQL and returns
# status, output and errors
sub new
{
	my ($class, %self) = @_;
	return bless { log => '', %self }, $class;
}

# A literal that may contain anything
sub literal { my $text = shift; return "\$json\$$text\$json\$" }
sub chance { return rand() < shift }

# Run SQL and return the error, '' if there is none.
sub try
{
	my ($self, $sql) = @_;
	$sql = "\\set VERBOSITY verbose\n$opening$sql";
	utf8::encode($sql);
	my ($status, $out, $err) = $self->{psql}->($sql);
	return $status == 0 ? '' : $err || "psql exits with $status";
}

# Run SQL that must not fail.
sub must
{
	my ($self, $sql) = @_;
	my $error = $self->try($sql);
	die { error => $error } if $error;
}

sub say { my ($self, $text) = @_; $self->{log} .= "$text\n" }

# Walk so many steps.  Returns what went wrong, '' if nothing did.
sub walk
{
	my ($self, $steps) = @_;
	eval {
		$self->{model} = RandomSnapshots->new($self->{seed});
		$self->must($self->{setup});
		$self->{by_hand} = chance(0.4);
		for my $step (0 .. $steps) {
			$self->{log} = "seed $self->{seed}, step $step\n";
			$self->step($step);
		}
		$self->{log} = "seed $self->{seed}, end\n";
		$self->drop_retired;
		1;
	} and return '';
	die $@ unless ref $@;
	return $self->{log} . substr $@->{error}, 0, 3000;
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
	$self->must('SELECT obeys(ARRAY(SELECT law FROM laws(' . $self->snapshots . q{) AS law WHERE law !~ '^afresh: [+] \S+ hand_'));});
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
