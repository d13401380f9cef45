# A database that uses all that ashmig records, and whether a copy of it is as good:
# what the tests of dumps and of pg_upgrade share.
package DumpRestore;

use strict;
use warnings;

use Exporter 'import';
use Test::More;

our @EXPORT = qw(fill_database record_of is_as_good snapshots);

# Snapshots of a public table and of one of the tenants, with that many columns more
sub snapshots
{
	my $columns = shift;
	my $more = join '', map { qq(, {"source": "c$_", "type": "bigint", "default": "nil"}) } 1 .. $columns;
	return qq([
	  {"table": "plans", "repo": "Elixir.Dump.Repo",
	   "attributes": [{"source": "id", "type": "bigint", "default": "nil", "allow_nil?": false, "generated?": true, "primary_key?": true}$more]},
	  {"table": "notes", "repo": "Elixir.Dump.Repo",
	   "multitenancy": {"strategy": "context", "attribute": null, "global": false},
	   "attributes": [{"source": "id", "type": "uuid", "default": "fragment(\\"gen_random_uuid()\\")", "allow_nil?": false, "primary_key?": true},
	     {"source": "plan", "type": "bigint", "default": "nil",
	      "references": {"table": "plans", "destination_attribute": "id", "primary_key?": true}}$more]}]);
}

# Tenants of rows and one by hand; a generation that is applied, one that is pending
sub fill_database
{
	my ($node, $database) = @_;
	$node->safe_psql($database, q{
		CREATE TABLE organizations (id bigserial PRIMARY KEY, name text);
		SELECT ashmig_manage_tenant('organizations', ARRAY['org_', ':id'], on_delete => 'drop');
		INSERT INTO organizations (name) SELECT 'number ' || i FROM generate_series(1, 4) AS i;
		SELECT ashmig_create_tenant('by-hand');
		SELECT ashmig_set_all_tenants('SELECT ''listed''::text')});
	$node->safe_psql($database, "SELECT * FROM ashmig_apply('" . snapshots(1) . "', name => 'first')");
	$node->safe_psql($database, q{
		CALL ashmig_create_missing_tenants();
		INSERT INTO plans (c1) VALUES (10);
		INSERT INTO org_1.notes (plan, c1) VALUES (1, 20)});
	$node->safe_psql($database, "SELECT * FROM ashmig_generate('" . snapshots(2) . "', name => 'second')");
	return;
}

# All that ashmig has recorded, but for what a copy has anew
sub record_of
{
	my ($node, $database) = @_;
	return $node->safe_psql($database, q{
		SELECT format('SELECT %L, to_jsonb(t) - ''{schema_oid,noted_in}''::text[] FROM %s AS t ORDER BY 2', oid::regclass, oid::regclass)
		  FROM pg_class WHERE relnamespace = 'ashmig'::regnamespace AND relkind = 'r' ORDER BY relname \gexec
		SELECT * FROM ashmig_status();
		SELECT * FROM ashmig_all_tenants();
		SELECT tgrelid::regclass, pg_get_triggerdef(oid) FROM pg_trigger WHERE tgname ~ '^ashmig' ORDER BY 1, 2;
		SELECT evtname, evtevent, evtfoid::regproc, evtenabled FROM pg_event_trigger});
}

# Go on in the copy, with all that fill_database has begun. "empty": it has no rows of
# the application.
sub is_as_good
{
	my ($node, $database, $record, %options) = @_;
	my $query = sub { return $node->safe_psql($database, shift) };

	subtest $options{name} // $database => sub {
		is(record_of($node, $database), $record, 'everything that is recorded is there');

		# pending migrations, and the numbers of runs
		my $run = $query->('SELECT max(run) FROM ashmig.runs');
		is( $query->('SELECT schema_name, applied, status FROM ashmig_migrate_all(quiet => true); SELECT c1, c2 FROM plans UNION ALL SELECT c1, c2 FROM org_1.notes'),
			join("\n", (map { "$_|1|applied" } qw(public by-hand listed org_1 org_2 org_3 org_4)), $options{empty} ? () : ('10|', '20|')),
			'the pending generation is applied, and the rows are there');
		is( $query->("SELECT max(run) > $run FROM ashmig.runs") . $query->('SELECT count(*) FROM ashmig.tenants JOIN pg_namespace ON oid = schema_oid AND nspname = schema_name'),
			't6', 'the run has a number of its own, and the schemas are known by the OIDs that they have here');
		is( $query->(q{
				ALTER SCHEMA org_4 RENAME TO away;
				SELECT status, error FROM ashmig_status() WHERE schema_name = 'org_4';
				SELECT ashmig_rename_tenant('org_4', 'away');
				SELECT status FROM ashmig_status() WHERE schema_name = 'away'}),
			qq{renamed|schema "org_4" is now called "away"\n\ncurrent}, 'a schema that is renamed here is recognized');

		# a further generation, and new tenants
		is($query->("SELECT count(*) FROM ashmig_plan('" . snapshots(2) . "')"), 0, 'nothing is left to plan');
		$query->("SELECT * FROM ashmig_apply('" . snapshots(3) . "', name => 'third')");
		is( $query->(q{
				SELECT ashmig_create_tenant('new') > 0;
				SELECT count(DISTINCT a) FROM (SELECT array_agg(attname ORDER BY attnum) FROM pg_attribute
				 WHERE attnum > 0 AND attrelid IN ('new.notes'::regclass, 'org_1.notes'::regclass) GROUP BY attrelid) AS c (a)}),
			"t\n1", 'a new tenant is like an old one');

		# the triggers of a managed table
		my $changes = $options{empty} ? 'INSERT INTO organizations VALUES (12); UPDATE organizations SET id = 100 WHERE id = 12'
			: 'UPDATE organizations SET id = 100 WHERE id = 1; DELETE FROM organizations WHERE id = 3';
		is( $query->(qq{
				INSERT INTO organizations (name) SELECT 'new' WHERE EXISTS (SELECT FROM setval('organizations_id_seq', 10));
				$changes;
				SELECT schema_name FROM ashmig_all_tenants() WHERE schema_exists}),
			join("\n", qw(away by-hand listed new), $options{empty} ? qw(org_1 org_100 org_11 org_2 org_3) : qw(org_100 org_11 org_2)),
			'rows create, rename and drop tenants');

		# what happens by mistake, and the way back
		my ($status, $out, $err) = $node->psql($database, 'DROP EXTENSION ashmig', extra_params => $options{superuser} ? [ '-U', $options{superuser} ] : []);
		like($err, qr/ERROR:  cannot drop extension ashmig because its migrations are applied/, 'DROP EXTENSION is refused');
		is( $query->(q{
				SELECT count(*) FROM ashmig_check_migrations();
				SELECT count(*) > 0 FROM ashmig_rollback_tenants(all_versions => true, quiet => true);
				SELECT count(*) > 0 FROM ashmig_rollback(all_versions => true, quiet => true);
				SELECT count(*) FROM pg_class WHERE relname IN ('plans', 'notes');
				SELECT count(*) FROM ashmig.versions}),
			"0\nt\nt\n0\n0", 'everything can be rolled back');
	};
	return;
}

1;
