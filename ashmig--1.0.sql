/* ashmig--1.0.sql */

-- complain if script is sourced in psql, rather than via CREATE EXTENSION
\echo Use "CREATE EXTENSION ashmig" to load this file. \quit

--
-- The catalog.  Its tables live in a schema of their own, whose name the C
-- code knows; the functions live where the extension is created.
--
-- Nobody but the extension's owner may read or write here until the owner
-- grants it: whoever can write ashmig.migrations decides what the next run
-- executes.
--

CREATE SCHEMA ashmig;
COMMENT ON SCHEMA ashmig IS 'Catalog of ashmig: migrations, where they are applied, snapshots, tenants, runs';

CREATE TABLE ashmig.migrations (
    repo          text        NOT NULL DEFAULT '',
    scope         text        NOT NULL CHECK (scope IN ('public', 'tenant')),
    version       bigint      NOT NULL CHECK (version > 0),
    name          text        NOT NULL,
    kind          text        NOT NULL DEFAULT 'sql'
                              CHECK (kind IN ('generated', 'sql', 'extension', 'enum', 'adopted')),
    dev           boolean     NOT NULL DEFAULT false,
    transactional boolean     NOT NULL DEFAULT true,
    up            text[]      NOT NULL,
    down          text[],
    checksum      text        NOT NULL DEFAULT '',
    generation    bigint,
    covered       boolean     NOT NULL DEFAULT false,
    created_at    timestamptz NOT NULL DEFAULT pg_catalog.now(),
    created_by    name        NOT NULL DEFAULT pg_catalog."current_user"(),
    PRIMARY KEY (repo, scope, version)
);
COMMENT ON TABLE ashmig.migrations IS 'Recorded migrations, one row each, whatever the number of tenants they run in';
COMMENT ON COLUMN ashmig.migrations.repo IS 'Ecto repo, as MyApp.Repo; empty: none named';
COMMENT ON COLUMN ashmig.migrations.scope IS 'public: runs once, in the default schema; tenant: runs in every tenant schema';
COMMENT ON COLUMN ashmig.migrations.version IS 'YYYYMMDDHHMMSS in UTC; the order in which migrations run';
COMMENT ON COLUMN ashmig.migrations.kind IS 'What made it: generated from snapshots, hand-written sql, extension, enum, or adopted from Ecto';
COMMENT ON COLUMN ashmig.migrations.dev IS 'A development migration, which the next named generation replaces';
COMMENT ON COLUMN ashmig.migrations.transactional IS 'false: its statements run one by one outside a transaction';
COMMENT ON COLUMN ashmig.migrations.up IS 'Statements, in order, with @tenant@, @default@ and #{prefix()} to be filled in';
COMMENT ON COLUMN ashmig.migrations.down IS 'Statements that take it back, in order; NULL: it cannot be taken back';
COMMENT ON COLUMN ashmig.migrations.checksum IS 'SHA-256 over up, down and transactional; empty: not computed (recorded by hand)';
COMMENT ON COLUMN ashmig.migrations.generation IS 'First version of the same scope that one code generation made, where it made several';
COMMENT ON COLUMN ashmig.migrations.covered IS 'Hand-written, but what it does is in the snapshots as well, so that a new tenant need not run it';

CREATE TABLE ashmig.versions (
    schema_name   text        NOT NULL,
    repo          text        NOT NULL,
    scope         text        NOT NULL,
    version       bigint      NOT NULL,
    applied_at    timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    applied_by    name        NOT NULL DEFAULT pg_catalog."current_user"(),
    elapsed       interval,
    checksum      text        NOT NULL DEFAULT '',
    PRIMARY KEY (schema_name, repo, scope, version)
);
COMMENT ON TABLE ashmig.versions IS 'What is applied where: a row is written and taken away in the transaction that changes the schema';
COMMENT ON COLUMN ashmig.versions.elapsed IS 'Time that the statements took; NULL: not run here (compiled into a new tenant, or adopted)';
COMMENT ON COLUMN ashmig.versions.checksum IS 'Checksum of the migration as it was applied';

CREATE TABLE ashmig.schema_versions (
    schema_name   text        NOT NULL,
    repo          text        NOT NULL,
    scope         text        NOT NULL,
    version       bigint      NOT NULL,
    applied       integer     NOT NULL,
    PRIMARY KEY (schema_name, repo, scope)
);
COMMENT ON TABLE ashmig.schema_versions IS 'ashmig.versions summed up, kept in step by ashmig: a run with nothing to do reads only this';
COMMENT ON COLUMN ashmig.schema_versions.version IS 'Newest version applied';
COMMENT ON COLUMN ashmig.schema_versions.applied IS 'How many are applied';

CREATE TABLE ashmig.partial_migrations (
    schema_name   text        NOT NULL,
    repo          text        NOT NULL,
    scope         text        NOT NULL,
    version       bigint      NOT NULL,
    down          boolean     NOT NULL,
    done          integer     NOT NULL,
    started       boolean     NOT NULL,
    PRIMARY KEY (schema_name, repo, scope, version)
);
COMMENT ON TABLE ashmig.partial_migrations IS 'How far a non-transactional migration has come in a schema, so that it resumes where it stopped';
COMMENT ON COLUMN ashmig.partial_migrations.down IS 'It is being taken back';
COMMENT ON COLUMN ashmig.partial_migrations.done IS 'Statements that are done';
COMMENT ON COLUMN ashmig.partial_migrations.started IS 'The next one was begun, and may have left something behind';

CREATE TABLE ashmig.tenants (
    schema_name   text        NOT NULL PRIMARY KEY,
    schema_oid    oid,
    managed_by    regclass,
    created_at    timestamptz NOT NULL DEFAULT pg_catalog.now(),
    created_by    name        NOT NULL DEFAULT pg_catalog."current_user"()
);
COMMENT ON TABLE ashmig.tenants IS 'Registered tenants: schemas that receive the tenant migrations';
COMMENT ON COLUMN ashmig.tenants.schema_oid IS 'The schema, by which it is recognized under another name; a trigger fills it in';
COMMENT ON COLUMN ashmig.tenants.managed_by IS 'The table whose row it belongs to (ashmig_manage_tenant)';

CREATE TABLE ashmig.settings (
    name          text        NOT NULL PRIMARY KEY,
    value         text        NOT NULL
);
COMMENT ON TABLE ashmig.settings IS 'What belongs to the database: all_tenants, the query that lists tenants; last_version, the newest version ever given';

CREATE TABLE ashmig.snapshots (
    repo          text        NOT NULL DEFAULT '',
    scope         text        NOT NULL CHECK (scope IN ('public', 'tenant')),
    schema_name   text        NOT NULL DEFAULT '',
    table_name    text        NOT NULL,
    version       bigint      NOT NULL,
    dev           boolean     NOT NULL DEFAULT false,
    snapshot      jsonb,
    state         jsonb,
    created_at    timestamptz NOT NULL DEFAULT pg_catalog.now(),
    PRIMARY KEY (repo, scope, schema_name, table_name, version)
);
COMMENT ON TABLE ashmig.snapshots IS 'Snapshots that generations recorded; the newest of a table is its current one';
COMMENT ON COLUMN ashmig.snapshots.schema_name IS 'The schema that the snapshot names; empty: none';
COMMENT ON COLUMN ashmig.snapshots.version IS 'Generation that recorded it (ashmig.migrations.generation)';
COMMENT ON COLUMN ashmig.snapshots.snapshot IS 'The snapshot, merged where there were several; NULL: the table was dropped';
COMMENT ON COLUMN ashmig.snapshots.state IS 'What ashmig remembers of the table beside the snapshot';

CREATE VIEW ashmig.retired_columns AS
    SELECT n.repo, n.scope, n.schema_name, n.table_name, r.retired ->> 'column' AS column_name,
        r.retired ->> 'type' AS type, r.retired ->> 'default' AS "default", n.version
    FROM (SELECT DISTINCT ON (s.repo, s.scope, s.schema_name, s.table_name) s.*
          FROM ashmig.snapshots s
          ORDER BY s.repo, s.scope, s.schema_name, s.table_name, s.version DESC) n
    CROSS JOIN LATERAL pg_catalog.jsonb_array_elements(n.state -> 'retired') r (retired)
    WHERE n.snapshot IS NOT NULL;
COMMENT ON VIEW ashmig.retired_columns IS 'Columns that the snapshots have no more and the tables still have';
COMMENT ON COLUMN ashmig.retired_columns.version IS 'Generation whose record says so';

CREATE TABLE ashmig.runs (
    run           bigint      NOT NULL GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    operation     text        NOT NULL,
    started_at    timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    ended_at      timestamptz,
    started_by    name        NOT NULL DEFAULT pg_catalog."current_user"(),
    schemas       integer     NOT NULL,
    workers       integer     NOT NULL,
    status        text        NOT NULL DEFAULT 'running'
                              CHECK (status IN ('running', 'background', 'done', 'failed', 'canceled')),
    error         text
);
COMMENT ON TABLE ashmig.runs IS 'Journal of the runs that commit schema by schema';
COMMENT ON COLUMN ashmig.runs.schemas IS 'Schemas that had something to do';
COMMENT ON COLUMN ashmig.runs.workers IS 'Workers that were asked for; 0: in the calling session';
COMMENT ON COLUMN ashmig.runs.status IS 'running, background (non-transactional migrations go on), done, failed or canceled; one that says running while ashmig.progress does not show it was cut short';

CREATE TABLE ashmig.run_schemas (
    run           bigint      NOT NULL REFERENCES ashmig.runs ON DELETE CASCADE,
    scope         text        NOT NULL,
    schema_name   text        NOT NULL,
    status        text        NOT NULL,
    applied       integer     NOT NULL,
    version       bigint,
    attempts      integer     NOT NULL,
    ended_at      timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    elapsed       interval    NOT NULL,
    sqlstate      text,
    error         text,
    PRIMARY KEY (run, scope, schema_name)
);
CREATE INDEX run_schemas_schema_name_idx ON ashmig.run_schemas (schema_name, scope, run);
COMMENT ON TABLE ashmig.run_schemas IS 'Outcome of each schema of a run, written in the transaction that changes the schema';
COMMENT ON COLUMN ashmig.run_schemas.status IS 'applied, rolled back, background (goes on after the call), pending, skipped (no turn before the run ended) or failed';
COMMENT ON COLUMN ashmig.run_schemas.elapsed IS 'Time of the transaction that did it, or of the last one that failed';
COMMENT ON COLUMN ashmig.run_schemas.error IS 'Message of the error; in further lines its detail, hint and context';
COMMENT ON COLUMN ashmig.run_schemas.applied IS 'Migrations applied, or taken back';
COMMENT ON COLUMN ashmig.run_schemas.version IS 'Newest version of the schema afterwards';
COMMENT ON COLUMN ashmig.run_schemas.attempts IS 'Tries that it took: more than one where a lock was waited for in vain';

SELECT pg_catalog.pg_extension_config_dump('ashmig.migrations', '');
SELECT pg_catalog.pg_extension_config_dump('ashmig.versions', '');
SELECT pg_catalog.pg_extension_config_dump('ashmig.schema_versions', '');
SELECT pg_catalog.pg_extension_config_dump('ashmig.partial_migrations', '');
SELECT pg_catalog.pg_extension_config_dump('ashmig.tenants', '');
SELECT pg_catalog.pg_extension_config_dump('ashmig.settings', '');
SELECT pg_catalog.pg_extension_config_dump('ashmig.snapshots', '');
SELECT pg_catalog.pg_extension_config_dump('ashmig.runs', '');
SELECT pg_catalog.pg_extension_config_dump('ashmig.runs_run_seq', '');
SELECT pg_catalog.pg_extension_config_dump('ashmig.run_schemas', '');

-- Sessions keep the recorded migrations in memory; this makes them read anew.
CREATE FUNCTION ashmig.migrations_changed() RETURNS trigger
    LANGUAGE c AS 'MODULE_PATHNAME', 'ashmig_migrations_changed';
COMMENT ON FUNCTION ashmig.migrations_changed() IS 'Tells every session that the recorded migrations have changed';
REVOKE EXECUTE ON FUNCTION ashmig.migrations_changed() FROM PUBLIC;

CREATE TRIGGER migrations_changed
    AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON ashmig.migrations
    FOR EACH STATEMENT EXECUTE FUNCTION ashmig.migrations_changed();

--
-- Running
--

CREATE FUNCTION ashmig_migrate(
    "to" bigint DEFAULT NULL, step integer DEFAULT NULL, repo text DEFAULT NULL, prefix text DEFAULT NULL,
    strict_version_order boolean DEFAULT NULL, log_sql boolean DEFAULT NULL, quiet boolean DEFAULT NULL,
    lock_timeout interval DEFAULT NULL, atomic boolean DEFAULT false,
    OUT scope text, OUT schema text, OUT applied integer, OUT version bigint,
    OUT status text, OUT elapsed interval, OUT error text)
    RETURNS SETOF record
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION ashmig_migrate(bigint, integer, text, text, boolean, boolean, boolean, interval, boolean)
    IS 'Run the pending public migrations';

CREATE FUNCTION ashmig_migrate_tenants(
    "to" bigint DEFAULT NULL, step integer DEFAULT NULL,
    "only" text[] DEFAULT NULL, "except" text[] DEFAULT NULL, repo text DEFAULT NULL,
    on_error text DEFAULT 'error', workers integer DEFAULT NULL,
    strict_version_order boolean DEFAULT NULL, log_sql boolean DEFAULT NULL, quiet boolean DEFAULT NULL,
    lock_timeout interval DEFAULT NULL, atomic boolean DEFAULT false,
    OUT scope text, OUT schema text, OUT applied integer, OUT version bigint,
    OUT status text, OUT elapsed interval, OUT error text)
    RETURNS SETOF record
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION ashmig_migrate_tenants(bigint, integer, text[], text[], text, text, integer, boolean, boolean, boolean, interval, boolean)
    IS 'Run the pending tenant migrations in every tenant';

CREATE FUNCTION ashmig_migrate_all(
    "to" bigint DEFAULT NULL, step integer DEFAULT NULL,
    "only" text[] DEFAULT NULL, "except" text[] DEFAULT NULL, repo text DEFAULT NULL,
    on_error text DEFAULT 'error', workers integer DEFAULT NULL,
    strict_version_order boolean DEFAULT NULL, log_sql boolean DEFAULT NULL, quiet boolean DEFAULT NULL,
    lock_timeout interval DEFAULT NULL, atomic boolean DEFAULT false,
    OUT scope text, OUT schema text, OUT applied integer, OUT version bigint,
    OUT status text, OUT elapsed interval, OUT error text)
    RETURNS SETOF record
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION ashmig_migrate_all(bigint, integer, text[], text[], text, text, integer, boolean, boolean, boolean, interval, boolean)
    IS 'Run all pending migrations: public first, then in every tenant';

CREATE FUNCTION ashmig_rollback(
    "to" bigint DEFAULT NULL, step integer DEFAULT NULL, "all" boolean DEFAULT false,
    repo text DEFAULT NULL, prefix text DEFAULT NULL,
    log_sql boolean DEFAULT NULL, quiet boolean DEFAULT NULL,
    lock_timeout interval DEFAULT NULL, atomic boolean DEFAULT false,
    OUT scope text, OUT schema text, OUT applied integer, OUT version bigint,
    OUT status text, OUT elapsed interval, OUT error text)
    RETURNS SETOF record
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION ashmig_rollback(bigint, integer, boolean, text, text, boolean, boolean, interval, boolean)
    IS 'Take back public migrations: the last one, step of them, down to a version (included), or all';

CREATE FUNCTION ashmig_rollback_tenants(
    "to" bigint DEFAULT NULL, step integer DEFAULT NULL, "all" boolean DEFAULT false,
    "only" text[] DEFAULT NULL, "except" text[] DEFAULT NULL, repo text DEFAULT NULL,
    on_error text DEFAULT 'error', workers integer DEFAULT NULL,
    log_sql boolean DEFAULT NULL, quiet boolean DEFAULT NULL,
    lock_timeout interval DEFAULT NULL, atomic boolean DEFAULT false,
    OUT scope text, OUT schema text, OUT applied integer, OUT version bigint,
    OUT status text, OUT elapsed interval, OUT error text)
    RETURNS SETOF record
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION ashmig_rollback_tenants(bigint, integer, boolean, text[], text[], text, text, integer, boolean, boolean, interval, boolean)
    IS 'Take back tenant migrations in every tenant: the last one, step of them, down to a version (included), or all';

CREATE PROCEDURE ashmig_migrate_all_serial(
    "to" bigint DEFAULT NULL, step integer DEFAULT NULL,
    "only" text[] DEFAULT NULL, "except" text[] DEFAULT NULL, repo text DEFAULT NULL,
    on_error text DEFAULT 'error',
    strict_version_order boolean DEFAULT NULL, log_sql boolean DEFAULT NULL, quiet boolean DEFAULT NULL,
    lock_timeout interval DEFAULT NULL)
    LANGUAGE c AS 'MODULE_PATHNAME';
COMMENT ON PROCEDURE ashmig_migrate_all_serial(bigint, integer, text[], text[], text, text, boolean, boolean, boolean, interval)
    IS 'ashmig_migrate_all() in the session itself, with a commit after each schema: for where background workers are not to be had';

CREATE PROCEDURE ashmig_wait(run bigint DEFAULT NULL)
    LANGUAGE c AS 'MODULE_PATHNAME';
COMMENT ON PROCEDURE ashmig_wait(bigint)
    IS 'Wait for what a run left in the background; by default the last one that did, or the last run. An error where it failed';

CREATE FUNCTION ashmig_cancel(run bigint) RETURNS boolean
    LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION ashmig_cancel(bigint)
    IS 'Cancel a run, as pg_cancel_backend does; what is committed stays. False: the run is not going on';

-- A run is alive as long as its leader, or the worker that goes on after the
-- call, holds the lock of class MR on its number.
CREATE VIEW ashmig.progress AS
    SELECT r.run, r.operation, r.status, r.started_at, r.started_by, r.workers, r.schemas,
           s.done, s.failed, s.background,
           CASE WHEN s.finished > 0 THEN
               (pg_catalog.clock_timestamp() - r.started_at)
               * (greatest(r.schemas - s.finished, 0)::double precision / s.finished) END AS time_left,
           l.pids
    FROM ashmig.runs AS r
    CROSS JOIN LATERAL (
        SELECT pg_catalog.count(*) FILTER (WHERE status <> 'background') AS finished,
               pg_catalog.count(*) FILTER (WHERE status NOT IN ('failed', 'background')) AS done,
               pg_catalog.count(*) FILTER (WHERE status = 'failed') AS failed,
               pg_catalog.count(*) FILTER (WHERE status = 'background') AS background
        FROM ashmig.run_schemas AS s WHERE s.run = r.run) AS s
    CROSS JOIN LATERAL (
        SELECT pg_catalog.array_agg(pid) AS pids FROM pg_catalog.pg_locks
        WHERE locktype = 'advisory' AND granted AND classid = 19794 AND objsubid = 2
        AND objid::bigint = r.run & 4294967295
        AND database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())) AS l
    WHERE r.status IN ('running', 'background') AND l.pids IS NOT NULL;
COMMENT ON VIEW ashmig.progress IS 'Runs that are going on: how many schemas are done, failed, and left to the background, and the processes that ashmig_cancel would cancel';
COMMENT ON COLUMN ashmig.progress.workers IS 'Workers that were asked for';
COMMENT ON COLUMN ashmig.progress.pids IS 'The process that leads the run, or goes on with it in the background; ashmig_cancel cancels it, and with it the workers';
GRANT USAGE ON SCHEMA ashmig TO pg_monitor;
GRANT SELECT ON ashmig.progress TO pg_monitor;

--
-- Status
--

CREATE FUNCTION ashmig_status(
    OUT scope text, OUT repo text, OUT schema text, OUT version bigint, OUT applied integer, OUT pending integer,
    OUT last_applied_at timestamptz, OUT status text, OUT error text)
    RETURNS SETOF record
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION ashmig_status()
    IS 'A row a schema and repo: newest version, how many migrations are applied and pending, the last failure';

CREATE FUNCTION ashmig_migrations(
    OUT scope text, OUT repo text, OUT version bigint, OUT name text, OUT kind text, OUT dev boolean,
    OUT transactional boolean, OUT reversible boolean, OUT applied integer, OUT pending integer)
    RETURNS SETOF record
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION ashmig_migrations()
    IS 'A row a migration: in how many schemas it is applied and pending';

--
-- Tenants
--

CREATE FUNCTION ashmig_create_tenant(schema text) RETURNS bigint
    LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION ashmig_create_tenant(text)
    IS 'Create a tenant''s schema, bring it to the newest version and return that version';

CREATE FUNCTION ashmig_drop_tenant(schema text, "cascade" boolean DEFAULT false) RETURNS void
    LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION ashmig_drop_tenant(text, boolean)
    IS 'Drop a tenant: its schema (with all that is in it where cascade is true), its registration and its versions';

CREATE FUNCTION ashmig_rename_tenant(old text, new text) RETURNS void
    LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION ashmig_rename_tenant(text, text)
    IS 'Rename a tenant''s schema, with its registration and its versions';

CREATE FUNCTION ashmig_set_all_tenants(query text) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION ashmig_set_all_tenants(text)
    IS 'Set the query that lists tenants beside the registered ones: one SELECT of one text column; NULL: none';

CREATE FUNCTION ashmig_all_tenants(
    OUT schema text, OUT registered boolean, OUT listed boolean, OUT managed_by text, OUT "exists" boolean)
    RETURNS SETOF record
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION ashmig_all_tenants()
    IS 'The tenants, once each: registered, listed by the query of ashmig_set_all_tenants, the table whose row manages it, and whether the schema exists';

REVOKE EXECUTE ON FUNCTION ashmig_migrate(bigint, integer, text, text, boolean, boolean, boolean, interval, boolean) FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION ashmig_migrate_tenants(bigint, integer, text[], text[], text, text, integer, boolean, boolean, boolean, interval, boolean) FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION ashmig_migrate_all(bigint, integer, text[], text[], text, text, integer, boolean, boolean, boolean, interval, boolean) FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION ashmig_rollback(bigint, integer, boolean, text, text, boolean, boolean, interval, boolean) FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION ashmig_rollback_tenants(bigint, integer, boolean, text[], text[], text, text, integer, boolean, boolean, interval, boolean) FROM PUBLIC;
REVOKE EXECUTE ON PROCEDURE ashmig_migrate_all_serial(bigint, integer, text[], text[], text, text, boolean, boolean, boolean, interval) FROM PUBLIC;
REVOKE EXECUTE ON PROCEDURE ashmig_wait(bigint) FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION ashmig_cancel(bigint) FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION ashmig_status() FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION ashmig_migrations() FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION ashmig_create_tenant(text) FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION ashmig_drop_tenant(text, boolean) FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION ashmig_rename_tenant(text, text) FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION ashmig_set_all_tenants(text) FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION ashmig_all_tenants() FROM PUBLIC;

--
-- The life of a tenant
--

CREATE TABLE ashmig.managed_tables (
    table_name     regclass NOT NULL PRIMARY KEY,
    template       text[]   NOT NULL,
    on_insert      boolean  NOT NULL,
    on_update      boolean  NOT NULL,
    on_delete      text     CHECK (on_delete = 'drop'),
    default_schema text     NOT NULL,
    owner          name     NOT NULL DEFAULT pg_catalog."current_user"()
);
COMMENT ON TABLE ashmig.managed_tables IS 'Tables whose rows have a tenant each (ashmig_manage_tenant)';
COMMENT ON COLUMN ashmig.managed_tables.template IS 'Parts of the tenant''s name: columns with a colon before them, and text';
COMMENT ON COLUMN ashmig.managed_tables.on_delete IS 'drop: the tenant goes with its row; NULL: it stays';
COMMENT ON COLUMN ashmig.managed_tables.default_schema IS 'ashmig.default_schema for the triggers, whatever the session has';
COMMENT ON COLUMN ashmig.managed_tables.owner IS 'The role as which the triggers work on tenants: who called ashmig_manage_tenant';
SELECT pg_catalog.pg_extension_config_dump('ashmig.managed_tables', '');

CREATE FUNCTION ashmig.tenant_registered() RETURNS trigger
    LANGUAGE c AS 'MODULE_PATHNAME', 'ashmig_tenant_registered';
COMMENT ON FUNCTION ashmig.tenant_registered() IS 'Notes the schema of a tenant, which restoring a dump gives another number';
CREATE TRIGGER tenant_registered
    BEFORE INSERT OR UPDATE OF schema_name ON ashmig.tenants
    FOR EACH ROW EXECUTE FUNCTION ashmig.tenant_registered();

CREATE FUNCTION ashmig.managed_table_registered() RETURNS trigger
    LANGUAGE c AS 'MODULE_PATHNAME', 'ashmig_managed_table_registered';
COMMENT ON FUNCTION ashmig.managed_table_registered() IS 'Lets nobody write a registration of a role that he may not become';
CREATE TRIGGER managed_table_registered
    BEFORE INSERT OR UPDATE OR DELETE ON ashmig.managed_tables
    FOR EACH ROW EXECUTE FUNCTION ashmig.managed_table_registered();

CREATE FUNCTION ashmig.tenant_row_inserted() RETURNS trigger
    LANGUAGE c AS 'MODULE_PATHNAME', 'ashmig_tenant_row_inserted';
COMMENT ON FUNCTION ashmig.tenant_row_inserted() IS 'Creates the tenant of a new row of a managed table';

CREATE FUNCTION ashmig.tenant_row_updated() RETURNS trigger
    LANGUAGE c AS 'MODULE_PATHNAME', 'ashmig_tenant_row_updated';
COMMENT ON FUNCTION ashmig.tenant_row_updated() IS 'Renames the tenant of a row of a managed table';

CREATE FUNCTION ashmig.tenant_row_deleted() RETURNS trigger
    LANGUAGE c AS 'MODULE_PATHNAME', 'ashmig_tenant_row_deleted';
COMMENT ON FUNCTION ashmig.tenant_row_deleted() IS 'Drops the tenant of a deleted row of a managed table';

REVOKE EXECUTE ON FUNCTION ashmig.tenant_registered() FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION ashmig.managed_table_registered() FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION ashmig.tenant_row_inserted() FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION ashmig.tenant_row_updated() FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION ashmig.tenant_row_deleted() FROM PUBLIC;

CREATE FUNCTION ashmig_manage_tenant(
    "table" regclass, template text[], "create" boolean DEFAULT true,
    "update" boolean DEFAULT true, "delete" text DEFAULT NULL)
    RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION ashmig_manage_tenant(regclass, text[], boolean, boolean, text)
    IS 'Triggers on a table: a new row gets its tenant, one whose name changes has it renamed; delete => ''drop'': one that is deleted has it dropped';

CREATE FUNCTION ashmig_unmanage_tenant("table" regclass) RETURNS void
    LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION ashmig_unmanage_tenant(regclass)
    IS 'Take away what ashmig_manage_tenant set up; the tenants stay';

CREATE PROCEDURE ashmig_drop_tenant_serial(schema text, batch integer DEFAULT 500)
    LANGUAGE c AS 'MODULE_PATHNAME';
COMMENT ON PROCEDURE ashmig_drop_tenant_serial(text, integer)
    IS 'Drop a tenant with all that is in it, in transactions of so many tables each';

CREATE PROCEDURE ashmig_create_missing_tenants()
    LANGUAGE c AS 'MODULE_PATHNAME';
COMMENT ON PROCEDURE ashmig_create_missing_tenants()
    IS 'Create the tenants that the query of ashmig_set_all_tenants lists and that have no schema, with a commit after each';

REVOKE EXECUTE ON FUNCTION ashmig_manage_tenant(regclass, text[], boolean, boolean, text) FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION ashmig_unmanage_tenant(regclass) FROM PUBLIC;
REVOKE EXECUTE ON PROCEDURE ashmig_drop_tenant_serial(text, integer) FROM PUBLIC;
REVOKE EXECUTE ON PROCEDURE ashmig_create_missing_tenants() FROM PUBLIC;

--
-- Code generation
--

--
-- Code generation
--

CREATE FUNCTION ashmig_plan(
    snapshots jsonb, name text DEFAULT NULL, dev boolean DEFAULT false,
    renames jsonb DEFAULT NULL, drop_columns boolean DEFAULT false,
    drop_tables boolean DEFAULT false, concurrent_indexes boolean DEFAULT false,
    OUT step integer, OUT repo text, OUT scope text, OUT schema text, OUT "table" text,
    OUT operation text, OUT subject text, OUT up text, OUT down text, OUT lock text,
    OUT rewrites boolean, OUT scans boolean, OUT destroys boolean, OUT transactional boolean,
    OUT note text)
    RETURNS SETOF record
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION ashmig_plan(jsonb, text, boolean, jsonb, boolean, boolean, boolean)
    IS 'What ashmig_generate would record: a row a step, with what it locks, rewrites and destroys';

CREATE FUNCTION ashmig_check(
    snapshots jsonb, renames jsonb DEFAULT NULL, drop_columns boolean DEFAULT false,
    drop_tables boolean DEFAULT false)
    RETURNS boolean
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION ashmig_check(jsonb, jsonb, boolean, boolean)
    IS 'True if the snapshots ask for nothing that is not recorded; else an error that says what';

CREATE FUNCTION ashmig_operations(
    old jsonb, new jsonb, renames jsonb DEFAULT '[]', drop_columns boolean DEFAULT true,
    drop_tables boolean DEFAULT false)
    RETURNS SETOF jsonb
    LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION ashmig_operations(jsonb, jsonb, jsonb, boolean, boolean)
    IS 'The operations between two sets of snapshots, in order; reads no table';

CREATE FUNCTION ashmig_load(directory text, dev boolean DEFAULT false)
    RETURNS jsonb
    LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION ashmig_load(text, boolean)
    IS 'A resource_snapshots folder on the server as a bundle; needs pg_read_server_files';

CREATE FUNCTION ashmig_generate(
    snapshots jsonb, name text DEFAULT NULL, dev boolean DEFAULT false,
    renames jsonb DEFAULT NULL, drop_columns boolean DEFAULT false,
    drop_tables boolean DEFAULT false, concurrent_indexes boolean DEFAULT false,
    OUT repo text, OUT scope text, OUT version bigint, OUT migration text,
    OUT transactional boolean, OUT statements integer)
    RETURNS SETOF record
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION ashmig_generate(jsonb, text, boolean, jsonb, boolean, boolean, boolean)
    IS 'Record the migrations that the snapshots ask for, and the snapshots; run nothing';

CREATE FUNCTION ashmig_apply(
    snapshot jsonb, name text DEFAULT NULL, dev boolean DEFAULT false,
    renames jsonb DEFAULT NULL, drop_columns boolean DEFAULT false,
    drop_tables boolean DEFAULT false, concurrent_indexes boolean DEFAULT false,
    "only" text[] DEFAULT NULL, "except" text[] DEFAULT NULL,
    on_error text DEFAULT 'error', workers integer DEFAULT NULL,
    strict_version_order boolean DEFAULT NULL, log_sql boolean DEFAULT NULL, quiet boolean DEFAULT NULL,
    lock_timeout interval DEFAULT NULL, atomic boolean DEFAULT false,
    OUT scope text, OUT schema text, OUT applied integer, OUT version bigint,
    OUT status text, OUT elapsed interval, OUT error text)
    RETURNS SETOF record
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION ashmig_apply(jsonb, text, boolean, jsonb, boolean, boolean, boolean, text[], text[], text, integer, boolean, boolean, boolean, interval, boolean)
    IS 'Generate and run, public then tenants, in one call';

CREATE FUNCTION ashmig_drop_retired(
    tables text[] DEFAULT NULL, name text DEFAULT NULL, repo text DEFAULT NULL,
    OUT repo_name text, OUT scope text, OUT version bigint, OUT migration text,
    OUT transactional boolean, OUT statements integer)
    RETURNS SETOF record
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION ashmig_drop_retired(text[], text, text)
    IS 'Record the migration that drops the columns of removed attributes (ashmig.retired_columns)';

CREATE FUNCTION ashmig_squash_snapshots() RETURNS bigint
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION ashmig_squash_snapshots()
    IS 'Keep one snapshot for each table; returns how many rows were forgotten';

REVOKE EXECUTE ON FUNCTION ashmig_plan(jsonb, text, boolean, jsonb, boolean, boolean, boolean) FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION ashmig_check(jsonb, jsonb, boolean, boolean) FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION ashmig_load(text, boolean) FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION ashmig_generate(jsonb, text, boolean, jsonb, boolean, boolean, boolean) FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION ashmig_apply(jsonb, text, boolean, jsonb, boolean, boolean, boolean, text[], text[], text, integer, boolean, boolean, boolean, interval, boolean) FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION ashmig_drop_retired(text[], text, text) FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION ashmig_squash_snapshots() FROM PUBLIC;


--
-- Hand-written migrations, export, extensions, enums
--

CREATE FUNCTION ashmig_add_migration(
    version bigint, name text, up text, down text DEFAULT NULL,
    tenant boolean DEFAULT false, transactional boolean DEFAULT true,
    covered boolean DEFAULT false, repo text DEFAULT '')
    RETURNS bigint
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION ashmig_add_migration(bigint, text, text, text, boolean, boolean, boolean, text)
    IS 'Record a migration written in SQL and return its version (NULL: the next one); a down of NULL says that it cannot be taken back';

CREATE FUNCTION ashmig_remove_migration(
    version bigint, tenant boolean DEFAULT false, repo text DEFAULT NULL)
    RETURNS integer
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION ashmig_remove_migration(bigint, boolean, text)
    IS 'Forget a migration that is applied nowhere, with the others of its generation in the scope and the snapshots that they brought; returns how many';

CREATE FUNCTION ashmig_export_migration(
    version bigint, tenant boolean DEFAULT false, repo text DEFAULT NULL)
    RETURNS text
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION ashmig_export_migration(bigint, boolean, text)
    IS 'A script for psql that records the migration in another database; run twice, it does nothing';

CREATE FUNCTION ashmig_import_migration(
    version bigint, name text, checksum text, up text[], down text[] DEFAULT NULL,
    kind text DEFAULT 'sql', tenant boolean DEFAULT false, transactional boolean DEFAULT true,
    covered boolean DEFAULT false, repo text DEFAULT '', generation bigint DEFAULT NULL,
    snapshots jsonb DEFAULT NULL)
    RETURNS boolean
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION ashmig_import_migration(bigint, text, text, text[], text[], text, boolean, boolean, boolean, text, bigint, jsonb)
    IS 'Record what ashmig_export_migration wrote; false where it is recorded already';

CREATE FUNCTION ashmig_check_migrations(
    OUT scope text, OUT repo text, OUT schema text, OUT version bigint, OUT name text,
    OUT problem text, OUT recorded text, OUT actual text)
    RETURNS SETOF record
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION ashmig_check_migrations()
    IS 'A row for each migration whose checksum is not the one recorded, or under which it is applied; none where all is well';

CREATE FUNCTION ashmig_install_extensions(
    extensions text[], ash_functions_version integer DEFAULT NULL, repo text DEFAULT '',
    OUT version bigint, OUT name text)
    RETURNS SETOF record
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION ashmig_install_extensions(text[], integer, text)
    IS 'Record the migration that installs extensions, ash-functions among them; no row where all of them are recorded';

CREATE FUNCTION ashmig_create_enum(
    name text, "values" text[], tenant boolean DEFAULT false, schema text DEFAULT NULL,
    repo text DEFAULT '')
    RETURNS bigint
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION ashmig_create_enum(text, text[], boolean, text, text)
    IS 'Record a migration that creates an enum, and return its version';

CREATE FUNCTION ashmig_drop_enum(
    name text, tenant boolean DEFAULT false, schema text DEFAULT NULL, repo text DEFAULT '',
    "values" text[] DEFAULT NULL)
    RETURNS bigint
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION ashmig_drop_enum(text, boolean, text, text, text[])
    IS 'Record a migration that drops an enum, and return its version; the down creates it again, with the values that migrations gave it';

CREATE FUNCTION ashmig_add_enum_value(
    name text, value text, before text DEFAULT NULL, after text DEFAULT NULL,
    tenant boolean DEFAULT false, schema text DEFAULT NULL, repo text DEFAULT '')
    RETURNS bigint
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION ashmig_add_enum_value(text, text, text, text, boolean, text, text)
    IS 'Record a non-transactional migration that adds a value to an enum, and return its version; taking it back leaves the value, which PostgreSQL cannot remove';

REVOKE EXECUTE ON FUNCTION ashmig_add_migration(bigint, text, text, text, boolean, boolean, boolean, text) FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION ashmig_remove_migration(bigint, boolean, text) FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION ashmig_export_migration(bigint, boolean, text) FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION ashmig_import_migration(bigint, text, text, text[], text[], text, boolean, boolean, boolean, text, bigint, jsonb) FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION ashmig_check_migrations() FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION ashmig_install_extensions(text[], integer, text) FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION ashmig_create_enum(text, text[], boolean, text, text) FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION ashmig_drop_enum(text, boolean, text, text, text[]) FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION ashmig_add_enum_value(text, text, text, text, boolean, text, text) FROM PUBLIC;
