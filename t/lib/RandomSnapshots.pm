# Random sets of resource snapshots, and random changes of them.
#
# A set is kept as a model in which tables and columns have numbers, so that a
# rename is one change of a name; snapshots() writes it as AshPostgres would.
package RandomSnapshots;

use strict;
use warnings;
use utf8;

use JSON::PP;
use Storable qw(dclone);

# Whether the server knows NULLS NOT DISTINCT (PostgreSQL 15)
our $nulls_not_distinct = 1;

# Type, and how to make its size or precision and its defaults
my @types = (
	[ 'text', [ '"\"draft\""', '"\"it\'s\""' ] ],
	[ 'string', ['"\"\""'], 'size' ],
	[ 'integer', [ '"0"', '"-1"', '"1_000"' ] ],
	[ 'bigint',  ['"9000000000"'] ],
	[ 'boolean', [ '"true"', '"false"' ] ],
	[ 'uuid',    ['"fragment(\"gen_random_uuid()\")"'] ],
	[ 'date',    ['"fragment(\"CURRENT_DATE\")"'] ],
	[ 'utc_datetime',      ['"fragment(\"(now() AT TIME ZONE \'utc\')\")"'] ],
	[ 'utc_datetime_usec', ['"fragment(\"(now() AT TIME ZONE \'utc\')\")"'], 'precision' ],
	[ 'time',    [] ],
	[ 'decimal', [ '"0.5"', '"0"' ], 'scale' ],
	[ 'float',   ['"1.5"'] ],
	[ 'map',     [ '"%{}"', '"%{\"a\" => 1}"' ] ],
	[ 'binary',  [] ],
	[ 'inet',    ['"\"127.0.0.1\""'] ],
	[ 'timestamptz(3)', ['"fragment(\"now()\")"'] ],
	[ [ 'array', 'text' ],    [ '"[]"', '"[\"a\", \"b\"]"' ] ],
	[ [ 'array', 'integer' ], ['"[1, 2]"'] ],
);
my @key_kinds = qw(uuid uuid bigserial serial identity text);
my @words = ('title', 'body', 'status', 'Name', 'user', 'a b', 'ünit', "it's", 'say "x"', 'back\\slash',
	'@tenant@', '#{prefix()}', 'a_long_name_that_makes_derived_names_too_long');
my @table_words = ('posts', 'Users', 'order', 'line items', 'tägs', 'o\'clock', 'a "table"', 'notes', 'files',
	'an_equally_long_name_of_a_table');

sub new
{
	my ($class, $seed) = @_;
	srand($seed);
	my $self = bless { tables => [], next => 1, renames => [], drop_tables => 0 }, $class;
	$self->add_table for 1 .. 2 + int rand 3;
	return $self;
}

sub pick { return $_[ rand @_ ] }
sub chance { return rand() < shift }
sub number { return $_[0]{next}++ }

# A name that is not among those taken
sub fresh_name
{
	my ($self, $words, %taken) = @_;
	for (1 .. 50) {
		my $name = pick(@$words);
		next if $name =~ /long/ && grep { /long/ } keys %taken;
		$name .= int rand 10 if chance(0.3);
		return $name unless $taken{ cut($name) };
	}
	return 'n' . $self->number;
}

# What PostgreSQL keeps of a name: 63 bytes, whole characters
sub cut
{
	my $bytes = shift;
	utf8::encode($bytes);
	$bytes = substr $bytes, 0, 63;
	chop $bytes until utf8::decode($bytes);
	return $bytes;
}

# ---------------------------------------------------------------- making parts

sub column
{
	my ($self, $table) = @_;
	my $type = pick(@types);
	my $column = {
		id => $self->number,
		# a name that a rename of this generation frees is taken by the next one only
		name => $self->fresh_name(\@words, (map { cut($_->{name}) => 1 } @{ $table->{columns} }),
			map { cut($_->[1]) => 1 } grep { $_->[0] == $table } @{ $self->{column_renames} // [] }),
	};
	retype($column, $type);
	$column->{not_null} = chance(0.3);
	return $column;
}

sub retype
{
	my ($column, $type) = @_;
	$column->{type} = $type;
	delete @$column{qw(size precision scale default target serial)};
	my $kind = $type->[2] // '';
	$column->{size} = 10 + int rand 3 if $kind eq 'size' && chance(0.5);
	$column->{precision} = int rand 4 if $kind eq 'precision' && chance(0.5);
	if ($kind eq 'scale' && chance(0.6)) {
		$column->{precision} = 8 + int rand 3;
		$column->{scale} = int rand 4 if chance(0.7);
	}
	$column->{default} = pick(@{ $type->[1] }) if @{ $type->[1] } && chance(0.5);
	$column->{serial} = 1 if $type->[0] eq 'bigint' && chance(0.3);
	delete $column->{default} if $column->{serial};
}

sub add_table
{
	my $self = shift;
	my $tenant = chance(0.5);
	my $table = {
		id => $self->number,
		tenant => $tenant,
		schema => !$tenant && chance(0.2) ? pick('archive', 'Old Things') : undef,
		key => pick(@key_kinds), key_name => 'id',
		columns => [], identities => [], indexes => [], checks => [], statements => [], helpers => [],
	};
	$table->{by} = 1 if !$tenant && chance(0.4);
	$table->{key_columns} = [] ;
	$table->{name} = $self->fresh_name(\@table_words, $self->taken_tables);
	push @{ $self->{tables} }, $table;
	push @{ $table->{columns} }, $self->column($table) for 1 .. 1 + int rand 4;
	$self->change_part($table) for 1 .. int rand 4;
	return $table;
}

# Names of tables that are there, or were a moment ago
sub taken_tables
{
	my $self = shift;
	return map { cut($_) => 1 } (map { $_->{name} } @{ $self->{tables} }), (map { $_->{table} } @{ $self->{dropped} // [] }, @{ $self->{renames} });
}

# A table that a foreign key of this one may point to
sub target_for
{
	my ($self, $table) = @_;
	return pick(grep { $table->{tenant} || !$_->{tenant} || chance(0.2) } @{ $self->{tables} });
}

sub pick_columns
{
	my ($table, $most) = @_;
	my %chosen;
	$chosen{ pick(@{ $table->{columns} })->{id} } = 1 for 1 .. 1 + int rand $most;
	return sort { $a <=> $b } keys %chosen;
}

# SQL about one column, whose name {} stands for
my @conditions = ('{} IS NOT NULL', 'num_nulls({}) = 0 -- none', "({} IS NOT NULL) OR 'it''s' = 'x'", '{} IS NULL or {} IS NOT NULL');

# ---------------------------------------------------------------- changes

my @part_changes = qw(identity index check statement helper reference composite);

sub change_part
{
	my ($self, $table) = @_;
	my $what = pick(@part_changes);
	return unless @{ $table->{columns} };
	if ($what eq 'identity') {
		push @{ $table->{identities} }, {
			name => 'unique_' . $self->number, columns => [ pick_columns($table, 3) ],
			where => chance(0.3) ? [ pick(@conditions), pick_columns($table, 1) ] : undef,
			all_tenants => chance(0.3), nils_distinct => !chance(0.2) || !$nulls_not_distinct, expression => chance(0.2),
		};
	} elsif ($what eq 'index') {
		push @{ $table->{indexes} }, {
			id => $self->number, columns => [ pick_columns($table, 3) ], named => chance(0.4),
			unique => chance(0.3), where => chance(0.3) ? [ pick(@conditions), pick_columns($table, 1) ] : undef,
			include => chance(0.2) ? [ pick_columns($table, 1) ] : [], using => chance(0.2) ? 'btree' : undef,
			order => chance(0.3) ? pick('asc', 'desc', 'desc_nulls_last') : undef, all_tenants => chance(0.3),
			concurrently => chance(0.1), nulls_distinct => !chance(0.2) || !$nulls_not_distinct, expression => chance(0.2),
		};
	} elsif ($what eq 'check') {
		push @{ $table->{checks} }, {
			name => 'check ' . $self->number, condition => [ pick(@conditions), pick_columns($table, 1) ],
			filter => chance(0.3) ? [ pick(@conditions), pick_columns($table, 1) ] : undef,
		};
	} elsif ($what eq 'statement') {
		push @{ $table->{statements} }, { id => $self->number, global => chance(0.2), text => $self->number };
	} elsif ($what eq 'helper') {
		push @{ $table->{helpers} }, { id => $self->number, body => 0, kind => pick(qw(index check trigger view)), columns => [ pick_columns($table, 1) ] };
	} elsif ($what eq 'reference') {
		my $target = $self->target_for($table) or return;
		push @{ $table->{columns} }, my $column = $self->column($table);
		delete @$column{qw(size precision scale default serial)};
		$column->{target} = $target->{id};
		$self->reference_options($column);
	} else {
		return if $self->is_pinned($table);
		my $column = pick(@{ $table->{columns} });
		my $there = grep { $_ == $column->{id} } @{ $table->{key_columns} };
		$table->{key_columns} = $there ? [ grep { $_ != $column->{id} } @{ $table->{key_columns} } ]
			: [ @{ $table->{key_columns} }, $column->{id} ];
	}
}

sub reference_options
{
	my ($self, $column) = @_;
	$column->{reference} = {
		on_delete => pick(undef, 'nothing', 'restrict', 'delete', 'nilify'),
		on_update => pick(undef, 'nothing', 'restrict', 'update'),
		deferrable => pick(0, 0, 1, 'initially'),
		index => chance(0.3), match_tenant => chance(0.4), named => chance(0.2), ignore => chance(0.1),
		index_where => chance(0.3), match_type => pick(undef, 'simple', 'full'),
	};
}

# One random change
sub mutate
{
	my $self = shift;
	my $table = pick(@{ $self->{tables} });
	my $dice = rand;
	my $change =
		!$table || $dice < 0.06 ? 'add_table'
		: $dice < 0.10 ? 'drop_table'
		: $dice < 0.15 ? 'rename_table'
		: $dice < 0.19 ? 'move_table'
		: $dice < 0.28 ? 'add_column'
		: $dice < 0.37 ? 'drop_column'
		: $dice < 0.46 ? 'rename_column'
		: $dice < 0.60 ? 'alter_column'
		: $dice < 0.65 ? 'alter_key'
		: $dice < 0.68 ? 'alter_strategy'
		: $dice < 0.71 ? 'change_helper'
		: $dice < 0.84 ? 'change_part'
		: 'drop_part';
	$self->$change($table);
	return $change;
}

sub drop_table
{
	my ($self, $table) = @_;
	return if $table->{touched} || $self->is_pinned($table);
	push @{ $self->{dropped} }, { table => $table->{name}, schema($table) } if $table->{was};
	@{ $self->{tables} } = grep { $_ != $table } @{ $self->{tables} };
	for my $other (@{ $self->{tables} }) {
		$self->forget_columns($other, grep { ($_->{target} // 0) == $table->{id} } @{ $other->{columns} });
	}
	$self->{drop_tables} = 1;
}

sub rename_table
{
	my ($self, $table) = @_;
	my $old = $table->{name};
	return if $table->{fresh} || $table->{touched}++;
	$table->{name} = $self->fresh_name(\@table_words, $self->taken_tables);
	push @{ $self->{renames} }, { table => $old, schema($table), to => $table->{name} } if $table->{was};
}

sub schema { my $table = shift; return defined $table->{schema} ? (schema => $table->{schema}) : () }

sub move_table
{
	my ($self, $table) = @_;
	return if $table->{tenant} || $table->{touched}++;
	my %old = schema($table);
	$table->{schema} = pick(grep { $_ ne ($table->{schema} // 'public') } 'public', 'archive', 'Old Things');
	push @{ $self->{renames} }, { table => $table->{name}, %old, to_schema => $table->{schema} } if $table->{was};
	delete $table->{schema} if $table->{schema} eq 'public';
}

sub add_column
{
	my ($self, $table) = @_;
	push @{ $table->{columns} }, $self->column($table);
}

sub drop_column
{
	my ($self, $table) = @_;
	my $column = pick(@{ $table->{columns} });
	return if @{ $table->{columns} } < 2;
	return if $self->is_pinned($table) && grep { $_ == $column->{id} } @{ $table->{key_columns} };
	$self->forget_columns($table, $column);
}

# Remove columns with what mentions them
sub forget_columns
{
	my ($self, $table, @columns) = @_;
	my %gone = map { $_->{id} => 1 } @columns;
	my $mentions = sub {
		my $part = shift;
		my @where = map { defined $_ ? $_->[1] : () } @$part{qw(where condition filter)};
		return grep { $gone{$_} } @{ $part->{columns} // [] }, @{ $part->{include} // [] }, @where;
	};
	@{ $table->{columns} } = grep { !$gone{ $_->{id} } } @{ $table->{columns} };
	for my $parts (qw(identities indexes checks helpers)) {
		@{ $table->{$parts} } = grep { !$mentions->($_) } @{ $table->{$parts} };
	}
	@{ $table->{key_columns} } = grep { !$gone{$_} } @{ $table->{key_columns} };
}

sub rename_column
{
	my ($self, $table) = @_;
	my $column = pick(@{ $table->{columns} }) or return;
	return if $column->{touched}++;
	my $old = $column->{name};
	$column->{name} = $self->fresh_name(\@words, %{ $table->{retired} // {} }, %{ $table->{was} // {} },
		map { cut($_->{name}) => 1 } @{ $table->{columns} });
	# nothing is recorded of a column, or a table, that came in this generation
	push @{ $self->{column_renames} }, [ $table, $old, $column->{name} ] if exists +($table->{was} // {})->{$old};
}

sub alter_column
{
	my ($self, $table) = @_;
	my $column = pick(@{ $table->{columns} }) or return;
	if ($column->{target}) {
		$self->reference_options($column);
	} elsif (chance(0.5)) {
		retype($column, pick(@types));
	} elsif (chance(0.5)) {
		retype($column, $column->{type});
	} else {
		$column->{not_null} = !$column->{not_null};
	}
}

sub alter_key
{
	my ($self, $table) = @_;
	$table->{key} = pick(@key_kinds) unless $self->is_pinned($table);
}

sub alter_strategy
{
	my ($self, $table) = @_;
	$table->{by} = !$table->{by} unless $table->{tenant} || $self->is_pinned($table);
}

# Do, or did, tenants point to this public table?  What their foreign keys rest
# on cannot be taken away by the generation that takes away the keys: see let_go.
sub is_pinned
{
	my ($self, $table) = @_;
	return !$table->{tenant} && ($self->{pinned}{ $table->{id} } || grep { $self->points_to($_, $table) } @{ $self->{tables} });
}

sub points_to
{
	my ($self, $from, $to) = @_;
	return $from->{tenant} && grep { ($_->{target} // 0) == $to->{id} && !$_->{away} } @{ $from->{columns} };
}

# For the generations to come until point_again: the tenants' columns that point to
# this table are there without their foreign keys.
sub let_go
{
	my ($self, $table) = @_;
	for my $other (grep { $_->{tenant} } @{ $self->{tables} }) {
		$_->{away} = 1 for grep { ($_->{target} // 0) == $table->{id} } @{ $other->{columns} };
	}
}

sub point_again
{
	my $self = shift;
	delete $_->{away} for map { @{ $_->{columns} } } @{ $self->{tables} };
}

# A public table that tenants point to
sub pinned_table
{
	my $self = shift;
	return pick(grep { $self->is_pinned($_) } @{ $self->{tables} });
}

# A column that a tenant's table with rows cannot get
sub add_mandatory_column
{
	my $self = shift;
	my $table = pick(grep { $_->{tenant} } @{ $self->{tables} }) or return;
	my $column = $self->column($table);
	delete @$column{qw(default serial)};
	$column->{not_null} = 1;
	push @{ $table->{columns} }, $column;
	return ($table, $column);
}

# A tenant's table and its columns, as SQL names them
sub tenant_names
{
	my $self = shift;
	my $table = pick(grep { $_->{tenant} } @{ $self->{tables} }) or return;
	return map { quote($_->{name}) } $table, @{ $table->{columns} };
}

# What only an unpinned table allows
sub change_ground
{
	my ($self, $table) = @_;
	my $change = pick(qw(drop_table alter_key alter_key alter_strategy rename_table move_table));
	$self->$change($table);
	return $change;
}

sub drop_part
{
	my ($self, $table) = @_;
	my $parts = pick(grep { @{ $table->{$_} } } qw(identities indexes checks statements helpers)) or return;
	splice @{ $table->{$parts} }, rand @{ $table->{$parts} }, 1;
}

# A function gets another body: what needs it has to go and come again.
sub change_helper
{
	my ($self, $table) = @_;
	my $helper = pick(@{ $table->{helpers} }) or return;
	$helper->{body}++;
}

# A column is renamed, but not in a statement whose text names it.
sub forget_in_statement
{
	my $self = shift;
	for my $table (@{ $self->{tables} }) {
		for my $helper (@{ $table->{helpers} }) {
			my ($column) = grep { $_->{id} == $helper->{columns}[0] } @{ $table->{columns} };
			next if $column->{touched}++;
			$helper->{stale} = $column->{name};
			push @{ $self->{column_renames} }, [ $table, $column->{name}, $column->{name} = 'n' . $self->number ];
			return 1;
		}
	}
	return 0;
}

# ---------------------------------------------------------------- branches

# The branch of a model: further changes of it, whose new parts have numbers of
# their own, which no other branch has.
sub branch
{
	my ($self, $number) = @_;
	my $branch = dclone($self);
	$branch->{next} += 1000 * $number;
	return $branch;
}

# What two branches of a model give together; undef where both have changed the same
sub merged
{
	my ($base, @branches) = @_;
	my ($one, $other) = map { my %model = %$_; delete @model{qw(next pinned)}; \%model } @branches;
	my $model = eval { bless three_way({%$base}, $one, $other), ref $base } or return undef;
	($model->{next}) = sort { $b <=> $a } map { $_->{next} } @branches;
	$model->{pinned} = { map { %{ $_->{pinned} } } @branches };
	return $model;
}

my $json = JSON::PP->new->canonical->allow_nonref;
sub same { my ($one, $other) = map { $json->encode($_) } @_; return $one eq $other }

sub three_way
{
	my ($base, $one, $other) = @_;
	return dclone([$one])->[0] if same($one, $other) || same($base, $other);
	return dclone([$other])->[0] if same($base, $one);
	my @kinds = map { ref } $base, $one, $other;
	return three_way_parts($base, $one, $other) if "@kinds" eq 'HASH HASH HASH';
	my @named = map { named_parts($_) } $base, $one, $other;
	die "both have changed it\n" if grep { !$_ } @named;
	my $parts = three_way_parts(@named);
	my %order;
	$order{$_} //= keys %order for map { part_name($_) } @$base, @$one, @$other;
	return [ @$parts{ sort { $order{$a} <=> $order{$b} } keys %$parts } ];
}

# The same for each member of a hash
sub three_way_parts
{
	my ($base, $one, $other) = @_;
	my %result;
	my %keys = (%$base, %$one, %$other);
	for my $key (sort keys %keys) {
		my @there = map { exists $_->{$key} } $one, $other;
		my $part = three_way(map { $_->{$key} } $base, $one, $other);
		$result{$key} = $part if defined $part || $there[0] && $there[1];
	}
	return \%result;
}

sub part_name { my $part = shift; return $part->{id} // $part->{name} }

# An array of parts as a hash of them; undef where it is something else
sub named_parts
{
	my $parts = shift;
	return undef if ref $parts ne 'ARRAY' || grep { ref ne 'HASH' } @$parts;
	return { map { part_name($_) => $_ } @$parts };
}

# ---------------------------------------------------------------- writing

sub json_bool { return $_[0] ? \1 : \0 }

my %key_attributes = (
	uuid => { type => 'uuid', default => 'fragment("gen_random_uuid()")' },
	bigserial => { type => 'bigint', 'generated?' => \1 },
	serial => { type => 'integer', 'generated?' => \1 },
	identity => { type => 'identity' },
	text => { type => 'text' },
);

sub multitenancy
{
	my $table = shift;
	return { strategy => $table->{tenant} ? 'context' : $table->{by} ? 'attribute' : undef,
		attribute => $table->{by} ? 'org_id' : undef, global => \0 };
}

sub attribute
{
	my ($self, $table, $column, %by_id) = @_;
	my $attribute = { source => $column->{name}, 'allow_nil?' => json_bool(!$column->{not_null}),
		'primary_key?' => json_bool(scalar grep { $_ == $column->{id} } @{ $table->{key_columns} }),
		type => $column->{type}[0], default => defined $column->{default} ? eval $column->{default} : 'nil' };
	$attribute->{$_} = $column->{$_} for grep { defined $column->{$_} } qw(size precision scale);
	$attribute->{'generated?'} = \1 if $column->{serial};
	return $attribute unless $column->{target};

	my $target = $by_id{ $column->{target} };
	my $option = $column->{reference};
	my $alone = @{ $target->{key_columns} } == 0;
	my $kind = $key_attributes{ $target->{key} };
	$attribute->{type} = { identity => 'bigint' }->{ $kind->{type} } // $kind->{type};
	return $attribute if $column->{away};
	$attribute->{references} = {
		table => $target->{name}, destination_attribute => $target->{key_name},
		schema => $target->{schema} // ($table->{schema} ? 'public' : undef),
		destination_attribute_generated => json_bool($target->{key} =~ /serial/),
		destination_attribute_default => $kind->{default} // 'nil',
		name => $option->{named} ? "fk $column->{id}" : undef,
		on_delete => $column->{not_null} && ($option->{on_delete} // '') eq 'nilify' ? 'nothing' : $option->{on_delete},
		on_update => $option->{on_update}, match_type => $option->{match_type},
		deferrable => $option->{deferrable} eq 'initially' ? 'initially' : json_bool($option->{deferrable}),
		'index?' => json_bool($option->{index}), 'match_tenant?' => json_bool($option->{match_tenant}),
		index_where => $option->{index_where} ? quote($column->{name}) . ' IS NOT NULL' : undef,
		'ignore?' => json_bool($option->{ignore}), 'primary_key?' => \1, multitenancy => multitenancy($target),
	};
	return $attribute;
}

# A new enum, of tenants or of public
sub add_enum
{
	my $self = shift;
	push @{ $self->{enums} }, my $enum = { name => 'mood_' . $self->number, tenant => chance(0.5), labels => [ 'sad', "it's fine" ] };
	return $enum;
}

# A column of an enum, new or of another type so far
sub use_enum
{
	my ($self, $enum) = @_;
	my $table = pick(grep { !$enum->{tenant} || $_->{tenant} } @{ $self->{tables} }) or return;
	push @{ $table->{columns} }, my $column = $self->column($table);
	retype($column, [ $enum->{name}, [ map { "\"\\\"$_\\\"\"" } @{ $enum->{labels} } ] ]);
}

# Two statements, the second of which needs the first: a function, and what calls it
sub helper_statements
{
	my ($table, $helper, %names) = @_;
	my $name = "helper_$helper->{id}";
	my $column = quote($helper->{stale} // $names{ $helper->{columns}[0] });
	my $schema = $table->{tenant} ? '"#{prefix()}"' : quote($table->{schema} // 'public');
	my $function = ($table->{tenant} ? $schema : 'public') . ".$name";
	my $relation = $schema . '.' . quote($table->{name});
	my $trigger = $helper->{kind} eq 'trigger';
	my ($arguments, $body) = $trigger ? ('() RETURNS trigger LANGUAGE plpgsql', "BEGIN NEW.$column := NEW.$column; RETURN NEW; END; -- $helper->{body}")
		: ('(value boolean) RETURNS boolean LANGUAGE sql IMMUTABLE', "SELECT value IS NOT NULL OR $helper->{body} > 0");
	my %users = (
		index => [ "CREATE INDEX $name ON $relation ($function($column IS NULL))", "DROP INDEX $schema.$name" ],
		check => [ "ALTER TABLE $relation ADD CONSTRAINT $name CHECK ($function($column IS NULL))", "ALTER TABLE $relation DROP CONSTRAINT $name" ],
		trigger => [ "CREATE TRIGGER $name BEFORE UPDATE OF $column ON $relation FOR EACH ROW EXECUTE FUNCTION $function()", "DROP TRIGGER $name ON $relation" ],
		view => [ "CREATE VIEW $schema.view_$name AS SELECT $column AS it, $function($column IS NULL) AS known FROM $relation", "DROP VIEW $schema.view_$name" ],
	);
	my ($up, $down) = @{ $users{ $helper->{kind} } };
	return { name => "function $helper->{id}", up => "CREATE FUNCTION $function$arguments AS \$\$$body\$\$",
			down => "DROP FUNCTION $function" . ($trigger ? '()' : '(boolean)') },
		{ name => "user $helper->{id}", up => $up, down => $down };
}

# An identifier in SQL, where the two placeholders must not be mistaken for such
sub quote
{
	my $name = shift;
	$name =~ s/"/""/g;
	return "\"$name\"" unless $name =~ /[@#]/;
	$name =~ s/\\/\\\\/g;
	$name =~ s/([@#])/sprintf '\\%04x', ord $1/ge;
	return "U&\"$name\"";
}

# "{} IS NOT NULL" about a column
sub condition
{
	my ($condition, %names) = @_;
	return undef unless $condition;
	my ($text, $id) = @$condition;
	my $name = quote($names{$id});
	$text =~ s/\{\}/$name/g;
	return $text;
}

sub keys_of
{
	my ($part, %names) = @_;
	my @names = map { $names{$_} } @{ $part->{columns} };
	return map { { type => 'atom', value => $_ } } @names unless $part->{expression};
	return map { { type => 'string', value => '(' . quote($_) . ' IS NULL)' } } @names;
}

sub snapshot
{
	my ($self, $table, %by_id) = @_;
	my %names = map { $_->{id} => $_->{name} } @{ $table->{columns} };
	my %targets = map { $_->{id} => $_->{target} } @{ $table->{columns} };
	my @attributes = { source => $table->{key_name}, 'primary_key?' => \1, 'allow_nil?' => \0, default => 'nil',
		%{ $key_attributes{ $table->{key} } } };
	my @identities = map { {
		name => $_->{name}, index_name => "$table->{id}_$_->{name}_index", keys => [ keys_of($_, %names) ],
		where => condition($_->{where}, %names), 'all_tenants?' => json_bool($_->{all_tenants}),
		'nils_distinct?' => json_bool($_->{nils_distinct}), base_filter => undef,
	} } @{ $table->{identities} };
	my (%derived, @indexes);

	# what foreign keys of several columns point to, and those of one where the key has more
	push @identities, { name => 'key', index_name => "$table->{id}_key", keys => [ $table->{key_name} ], 'all_tenants?' => \1 };
	if ($table->{by}) {
		push @attributes, { source => 'org_id', type => 'uuid', default => 'nil', 'allow_nil?' => \0 };
		push @identities, { name => 'of_org', index_name => "$table->{id}_of_org", keys => [ $table->{key_name} ] };
	}
	for my $index (@{ $table->{indexes} }) {
		my $key = join ',', @{ $index->{columns} };
		push @indexes, {
			name => $index->{named} ? "index $index->{id}" : $index->{expression} || $derived{$key}++
				|| grep({ $names{$_} =~ /long/ || $targets{$_} } @{ $index->{columns} }) ? "index_$index->{id}" : undef,
			fields => [ map { ref && $index->{order} && $_->{type} eq 'atom' && $_->{value} !~ /\(/ ? { %$_, type => 'directed', order => $index->{order} } : $_ }
				keys_of($index, %names) ],
			unique => json_bool($index->{unique}), using => $index->{using}, where => condition($index->{where}, %names),
			include => [ map { $names{$_} } @{ $index->{include} } ], 'all_tenants?' => json_bool($index->{all_tenants}),
			concurrently => json_bool($index->{concurrently}), nulls_distinct => json_bool($index->{nulls_distinct}),
		};
	}
	return {
		table => $table->{name}, schema => $table->{schema}, repo => 'Elixir.Walk.Repo',
		multitenancy => multitenancy($table), base_filter => undef,
		attributes => [ @attributes, map { $self->attribute($table, $_, %by_id) } @{ $table->{columns} } ],
		identities => \@identities, custom_indexes => \@indexes,
		check_constraints => [ map { {
			name => $_->{name}, check => condition($_->{condition}, %names), attribute => [],
			base_filter => condition($_->{filter}, %names),
		} } @{ $table->{checks} } ],
		custom_statements => [ (map { helper_statements($table, $_, %names) } @{ $table->{helpers} }), map {
			my $name = "statement_$_->{text}";
			my $where = $table->{tenant} && !$_->{global} ? '"#{prefix()}".' : 'public.';
			{ name => "s$_->{id}", up => "CREATE SEQUENCE $where$name", down => "DROP SEQUENCE $where$name;",
				'global?' => json_bool($_->{global}) };
		} @{ $table->{statements} } ],
	};
}

sub snapshots
{
	my $self = shift;
	my %by_id = map { $_->{id} => $_ } @{ $self->{tables} };
	return [ map { $self->snapshot($_, %by_id) } @{ $self->{tables} } ];
}

# What goes with the snapshots in one call; forgets the answers.
sub options
{
	my $self = shift;
	my $drop_columns = chance(0.7);
	my %is_there = map { $_->{id} => 1 } @{ $self->{tables} };
	my @renames = (@{ $self->{renames} },
		map { my ($table, $old, $new) = @$_; { table => $table->{name}, schema($table), column => $old, to => $new } }
			grep { my ($table, $old, $new) = @$_; $is_there{ $table->{id} } && grep { $_->{name} eq $new } @{ $table->{columns} } }
			@{ $self->{column_renames} // [] });
	# nothing else is a rename
	push @renames, map { { %$_, to => undef }, { %$_, to_schema => undef } } @{ $self->{dropped} // [] };
	for my $table (@{ $self->{tables} }) {
		push @renames, map { { table => $table->{name}, schema($table), column => $_, to => undef } }
			sort keys %{ $table->{was} // {} };
		# columns that stay, and those that are taken up again
		my %is = map { $_->{name} => 1 } @{ $table->{columns} }, { name => 'org_id' };
		unless ($drop_columns) {
			$table->{retired}{ cut($_) } = 1 for keys %{ $table->{was} // {} };
		}
		delete @{ $table->{retired} }{ map { cut($_) } keys %is };
		$table->{was} = \%is;
	}
	$self->{pinned} = {};
	for my $to (@{ $self->{tables} }) {
		$self->{pinned}{ $to->{id} } = 1 if !$to->{tenant} && grep { $self->points_to($_, $to) } @{ $self->{tables} };
	}
	my $options = { renames => \@renames, drop_tables => $self->{drop_tables}, drop_columns => $drop_columns };
	$self->{dropped} = [];
	@$self{qw(renames column_renames drop_tables)} = ([], [], 0);
	for my $table (@{ $self->{tables} }) {
		delete $table->{touched};
		delete $_->{touched} for @{ $table->{columns} };
	}
	return $options;
}

1;
