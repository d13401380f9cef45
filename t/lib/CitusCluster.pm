# A Citus cluster on one machine: a coordinator and two other nodes, on sockets alone.
package CitusCluster;

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

sub new
{
	my ($class) = @_;
	my @nodes;

	for my $name ('coordinator', 'worker1', 'worker2')
	{
		my $node = PostgreSQL::Test::Cluster->new($name);
		$node->init;
		$node->append_conf('postgresql.conf', join "\n", "shared_preload_libraries = 'citus'", 'fsync = off',
			'max_connections = 100', 'max_prepared_transactions = 100', 'max_worker_processes = 24',
			'citus.enable_statistics_collection = off', "citus.local_hostname = '" . $node->host . "'",
			"citus.recover_2pc_interval = '1s'", '');
		$node->start;
		push @nodes, $node;
	}
	return bless { nodes => \@nodes }, $class;
}

sub coordinator { return $_[0]{nodes}[0] }
sub workers { my ($self) = @_; return @{ $self->{nodes} }[1, 2] }
sub nodes { return @{ $_[0]{nodes} } }

# A database on all nodes, with Citus; "lonely": the coordinator is not told of itself.
sub create_database
{
	my ($self, $database, $lonely) = @_;
	my $coordinator = $self->coordinator;

	for my $node ($self->nodes)
	{
		$node->safe_psql('postgres', "CREATE DATABASE $database");
		$node->safe_psql($database, 'CREATE EXTENSION citus');
	}
	$coordinator->safe_psql($database, sprintf("SELECT citus_set_coordinator_host('%s', %d)", $coordinator->host, $coordinator->port))
		unless $lonely;
	$coordinator->safe_psql($database, sprintf("SELECT citus_add_node('%s', %d)", $_->host, $_->port)) for $self->workers;
	return;
}

sub drop_database
{
	my ($self, $database) = @_;
	$_->psql('postgres', "DROP DATABASE IF EXISTS $database WITH (FORCE)") for $self->nodes;
	return;
}

# What a schema consists of, as the coordinator has it or any other server.  Names of
# Citus' own are left out, and so are the constraints that 18 makes of NOT NULL.
my $structure = q{
	SELECT 'column', c.relname, a.attname || ' ' || format_type(a.atttypid, a.atttypmod) || ' ' || a.attnotnull || ' ' || coalesce(pg_get_expr(d.adbin, d.adrelid), '')
	  FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid AND c.relkind IN ('r', 'p')
	  LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
	 WHERE c.relnamespace = '%1$s'::regnamespace AND a.attnum > 0 AND NOT a.attisdropped
	UNION ALL
	SELECT 'constraint', c.relname, k.conname || ' ' || pg_get_constraintdef(k.oid)
	  FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid
	 WHERE c.relnamespace = '%1$s'::regnamespace AND k.contype <> 'n'
	UNION ALL
	SELECT 'index', c.relname, pg_get_indexdef(i.indexrelid) || ' ' || i.indisvalid
	  FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid
	 WHERE c.relnamespace = '%1$s'::regnamespace AND c.relkind IN ('r', 'p')
	UNION ALL
	SELECT 'enum', t.typname, string_agg(e.enumlabel, ',' ORDER BY e.enumsortorder)
	  FROM pg_enum e JOIN pg_type t ON t.oid = e.enumtypid WHERE t.typnamespace = '%1$s'::regnamespace GROUP BY 2
	ORDER BY 1, 2, 3};

sub structure_of
{
	my ($node, $database, $schema) = @_;
	return $node->safe_psql($database, 'SET search_path = pg_catalog;' . ($structure =~ s/%1\$s/"$schema"/gr));
}

# The same of a tenant's shards, without the numbers in their names, as the node has them.
sub structure_of_shards
{
	my ($self, $database, $schema) = @_;
	my $node_port = $self->coordinator->safe_psql($database,
		"SELECT DISTINCT nodeport FROM citus_shards WHERE table_name::text LIKE '$schema.%'");
	return '' if $node_port eq '';	# no tables
	my ($node) = grep { $_->port == $node_port } $self->nodes;
	my $query = $structure =~ s/%1\$s/"$schema"/gr;

	# the coordinator itself has shells beside the shards
	$query =~ s/c\.relkind IN \('r', 'p'\)/c.relkind IN ('r', 'p') AND c.relname ~ '_[0-9]{6,}\$'/g;
	$query =~ s/AND k\.contype <> 'n'/AND k.contype <> 'n' AND c.relname ~ '_[0-9]{6,}\$'/g;
	return $node->safe_psql($database, "SET citus.override_table_visibility = off; SET search_path = pg_catalog; $query") =~ s/_[0-9]{6,}//gr;
}

# The lines that only one of two structures has.  Of values from sequences the coordinator
# takes care, so shards have no such defaults: they are left out.
sub differences
{
	my ($have, $want) = @_;

	s/nextval\(.*\)$//mg for $have, $want;
	my %have = map { $_ => 1 } split /\n/, $have;
	my %want = map { $_ => 1 } split /\n/, $want;
	return join "\n", (map { "- $_" } grep { !$have{$_} } sort keys %want), (map { "+ $_" } grep { !$want{$_} } sort keys %have);
}

1;
