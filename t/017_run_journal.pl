# A journal that cannot be written, as when the disk is full: a run returns its
# results all the same, and what is done is done.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use FindBin;
use lib "$FindBin::RealBin/lib";
use Fleet;

my $fleet = Fleet->new;
$fleet->value(q{
	CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS
	$$ BEGIN RAISE disk_full USING message = 'no space left on ' || tg_table_name; END $$});

# From now on there is no room for these changes.
sub fill { $fleet->value("CREATE TRIGGER disk $_[0] EXECUTE FUNCTION full_disk()"); return }

sub make_room { $fleet->value("DROP TRIGGER IF EXISTS disk ON ashmig.$_") for qw(runs run_schemas); return }

my $report = q{SELECT status, count(*) FROM ashmig_migrate_all(on_error => 'report', quiet => true) GROUP BY 1 ORDER BY 1};
my $version = 1;

# The next migration, which fails in one tenant
sub migration
{
	my ($transactional) = @_;
	my $statement = q{DO $do$BEGIN IF current_schema() = 't005' AND to_regclass('public.mended') IS NULL THEN RAISE 'broken'; END IF; END$do$};
	$version++;
	$fleet->value('DROP TABLE IF EXISTS public.mended');
	$fleet->add_migration($version, $statement, 'SELECT 1', $transactional // 'true');
	return;
}

sub mend
{
	make_room();
	$fleet->value('CREATE TABLE public.mended ()');
	$fleet->value('SELECT * FROM ashmig_migrate_all(quiet => true)');
	is($fleet->applied($version), 40, 'with room again, running again does the rest');
	return;
}

subtest 'outcome of a failed schema' => sub {
	migration();
	fill(q{BEFORE INSERT ON ashmig.run_schemas FOR EACH ROW WHEN (new.status = 'failed')});
	my (undef, $out, $err) = $fleet->psql($report);
	is($out, "applied|39\nfailed|1", 'all results are returned');
	like($err, qr/WARNING:  could not write the journal of the run: no space left on run_schemas/, 'a warning says what is missing');
	is($fleet->applied($version), 39, 'the others are migrated');
	is($fleet->value('SELECT status FROM ashmig.runs ORDER BY run DESC LIMIT 1'), 'failed', 'the run is closed');
	like($fleet->errors_of($report =~ s/on_error => 'report', //r), qr/tenant "t005" failed: broken/, 'the error is that of the schema');
	mend();
};

subtest 'end of the run' => sub {
	migration();
	fill(q{BEFORE UPDATE ON ashmig.runs FOR EACH ROW});
	my (undef, $out, $err) = $fleet->psql($report);
	is($out, "applied|39\nfailed|1", 'all results are returned');
	like($err, qr/WARNING:  could not write the journal of the run: no space left on runs/, 'a warning says what is missing');
	is($fleet->value('SELECT count(*) FROM ashmig.progress'), 0, 'the run does not look alive');
	mend();
};

subtest 'row of the run' => sub {
	migration();
	fill(q{BEFORE INSERT ON ashmig.runs FOR EACH ROW});
	my (undef, $out, $err) = $fleet->psql($report);
	is($out, "applied|39\nfailed|1", 'it runs without a journal');
	like($err, qr/WARNING:  could not write the journal/, 'a warning says so');
	(undef, $out, $err) = $fleet->psql(q{CALL ashmig_migrate_all_serial(on_error => 'report')});
	like($err, qr/schema "t005" failed: broken/, 'likewise in the calling session');
	mend();
	$fleet->value('ALTER TABLE ashmig.runs ADD CHECK (workers < 7)');
	migration();
	like($fleet->errors_of(q{SELECT * FROM ashmig_migrate_all(workers => 7)}), qr/violates check constraint/, 'what is no lack of room is an error, before anything is done');
	$fleet->value('ALTER TABLE ashmig.runs DROP CONSTRAINT runs_workers_check');
	mend();
};

subtest 'outcome of a schema, with what changes it' => sub {
	migration();
	fill(q{BEFORE INSERT ON ashmig.run_schemas FOR EACH ROW});
	my (undef, $out) = $fleet->psql($report);
	is($out, 'failed|40', 'each schema fails by itself');
	is($fleet->applied($version), 0, 'and is unchanged');
	my ($status) = $fleet->psql(q{CALL ashmig_migrate_all_serial(on_error => 'report')});
	is($status, 0, 'the calling session goes on');
	is($fleet->applied($version), 39, 'and migrates');
	mend();
};

subtest 'in the background' => sub {
	migration('false');
	fill(q{BEFORE INSERT OR UPDATE ON ashmig.run_schemas FOR EACH ROW WHEN (new.status <> 'background')});
	is(($fleet->psql($report))[1], 'background|40', 'it continues in the background');
	like($fleet->errors_of('CALL ashmig_wait()'), qr/1 of 40 schemas failed/, 'to the end');
	is($fleet->applied($version), 39, 'the others are migrated');
	make_room();
	fill(q{BEFORE INSERT ON ashmig.runs FOR EACH ROW});
	like($fleet->errors_of('SELECT * FROM ashmig_migrate_all()'),
		qr/NOTICE:  1 schema continues in the background\n.*ashmig_status\(\)/, 'also without a journal');
	$fleet->wait_for(q{SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'ashmig worker'});
	make_room();
	$fleet->value(q{CREATE TABLE public.mended (); SELECT * FROM ashmig_migrate_all(quiet => true)});
	$fleet->value('CALL ashmig_wait()');
	is($fleet->applied($version), 40, 'with room again, running again does the rest');
};

done_testing();
