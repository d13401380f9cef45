/* ashmig--1.0.sql */

-- complain if script is sourced in psql, rather than via CREATE EXTENSION
\echo Use "CREATE EXTENSION ashmig" to load this file. \quit

--
-- One file, as PostgreSQL installs one script per version, and an upgrade
-- script is written against what that script says.  Its sections:
--
--   Catalog              the tables of schema ashmig, and their triggers
--   Code generation      from snapshots to recorded migrations
--   Single migrations    hand-written, exported, of extensions and enums
--   Running              migrate and roll back, in public and in every tenant
--   Status
--   Tenants
--   Drift
--   Taking over what exists
--   Rights
--
-- No name of an argument, of a result column or of a table's column needs
-- quotes (sql/names.sql holds that).
--

-- ==========================================================================
-- Catalog
--
-- The tables live in a schema of their own, whose name the C code knows; the
-- functions live where the extension is created.
-- ==========================================================================

CREATE SCHEMA ashmig;
COMMENT ON SCHEMA ashmig IS 'Catalog of ashmig: migrations, where they are applied, snapshots, tenants, runs';

--
-- Migrations, and where they are applied
--

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
    hazards       jsonb,
    created_at    timestamptz NOT NULL DEFAULT pg_catalog.now(),
    created_by    name        NOT NULL DEFAULT pg_catalog."current_user"(),
    PRIMARY KEY (repo, scope, version)
);
COMMENT ON TABLE ashmig.migrations IS 'Recorded migrations: one row per migration, however many tenants it runs in';
COMMENT ON COLUMN ashmig.migrations.repo IS 'Ecto repo, such as MyApp.Repo; empty if none is named';
COMMENT ON COLUMN ashmig.migrations.scope IS 'public: runs once, in the default schema; tenant: runs in every tenant schema';
COMMENT ON COLUMN ashmig.migrations.version IS 'YYYYMMDDHHMMSS in UTC; the order in which migrations run';
COMMENT ON COLUMN ashmig.migrations.kind IS 'Origin: generated from snapshots, hand-written sql, extension, enum, or adopted from Ecto';
COMMENT ON COLUMN ashmig.migrations.dev IS 'True for a development migration, which the next named generation replaces';
COMMENT ON COLUMN ashmig.migrations.transactional IS 'False if its statements run one by one outside a transaction';
COMMENT ON COLUMN ashmig.migrations.up IS 'Statements that apply it, in order, with the placeholders @tenant@, @default@ and #{prefix()}';
COMMENT ON COLUMN ashmig.migrations.down IS 'Statements that roll it back, in order; NULL if it cannot be rolled back';
COMMENT ON COLUMN ashmig.migrations.checksum IS 'SHA-256 of up, down and transactional; empty if the row was inserted by hand';
COMMENT ON COLUMN ashmig.migrations.generation IS 'First version that the same code generation recorded in this scope; NULL if not generated';
COMMENT ON COLUMN ashmig.migrations.covered IS 'True for a hand-written migration whose effect is in the snapshots too, so that a new tenant does not need to run it';
COMMENT ON COLUMN ashmig.migrations.hazards IS 'What its up does to tables in use: a JSON object per step that locks, reads or writes one; NULL if not known';

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
COMMENT ON TABLE ashmig.versions IS 'One row per migration applied in a schema, written and deleted in the transaction that changes the schema';
COMMENT ON COLUMN ashmig.versions.elapsed IS 'Time that the statements took; NULL if they did not run here (a new tenant built from the newest state, or an adopted schema)';
COMMENT ON COLUMN ashmig.versions.checksum IS 'Checksum of the migration when it was applied';

CREATE TABLE ashmig.schema_versions (
    schema_name   text        NOT NULL,
    repo          text        NOT NULL,
    scope         text        NOT NULL,
    version       bigint      NOT NULL,
    applied       integer     NOT NULL,
    PRIMARY KEY (schema_name, repo, scope)
);
COMMENT ON TABLE ashmig.schema_versions IS 'Summary of ashmig.versions, one row per schema, repo and scope; all that a run with nothing to do reads';
COMMENT ON COLUMN ashmig.schema_versions.version IS 'Newest applied version';
COMMENT ON COLUMN ashmig.schema_versions.applied IS 'Number of applied migrations';

CREATE TABLE ashmig.partial_migrations (
    schema_name   text        NOT NULL,
    repo          text        NOT NULL,
    scope         text        NOT NULL,
    version       bigint      NOT NULL,
    down          boolean     NOT NULL,
    done          integer     NOT NULL,
    started       boolean     NOT NULL,
    batch_rows    bigint,
    batch_block   bigint,
    batch_blocks  bigint,
    PRIMARY KEY (schema_name, repo, scope, version)
);
COMMENT ON TABLE ashmig.partial_migrations IS 'Non-transactional migrations that are applied, or rolled back, in part: one row per schema and migration, from which a run resumes';
COMMENT ON COLUMN ashmig.partial_migrations.down IS 'True if the migration is being rolled back';
COMMENT ON COLUMN ashmig.partial_migrations.done IS 'Number of completed statements';
COMMENT ON COLUMN ashmig.partial_migrations.started IS 'True if the next statement was begun, and may have left something behind';
COMMENT ON COLUMN ashmig.partial_migrations.batch_rows IS 'Of a statement that is run batch by batch: number of rows it has changed so far; NULL if there is none';
COMMENT ON COLUMN ashmig.partial_migrations.batch_block IS 'Next block of its table; 0 if it is not run by blocks';
COMMENT ON COLUMN ashmig.partial_migrations.batch_blocks IS 'Block at which this pass through the table ends';

--
-- Snapshots
--

CREATE TABLE ashmig.snapshots (
    repo          text        NOT NULL DEFAULT '',
    scope         text        NOT NULL CHECK (scope IN ('public', 'tenant')),
    schema_name   text        NOT NULL DEFAULT '',
    table_name    text        NOT NULL,
    version       bigint      NOT NULL,
    dev           boolean     NOT NULL DEFAULT false,
    snapshot      jsonb,
    state         jsonb,
    brought       jsonb,
    base          text,
    base_versions bigint[],
    created_at    timestamptz NOT NULL DEFAULT pg_catalog.now(),
    PRIMARY KEY (repo, scope, schema_name, table_name, version)
);
COMMENT ON TABLE ashmig.snapshots IS 'Recorded snapshots: one row per table and generation that changed it; the newest one is current';
COMMENT ON COLUMN ashmig.snapshots.schema_name IS 'Schema that the snapshot names; empty if none';
COMMENT ON COLUMN ashmig.snapshots.version IS 'Generation that recorded it (ashmig.migrations.generation)';
COMMENT ON COLUMN ashmig.snapshots.snapshot IS 'The snapshot, merged from all snapshots of the table, and from all branches up to this version; NULL if the table was dropped';
COMMENT ON COLUMN ashmig.snapshots.state IS 'What ashmig remembers about the table that no snapshot says, such as retired columns';
COMMENT ON COLUMN ashmig.snapshots.brought IS 'Snapshot and state as the generation recorded them, if merging branches has changed them; otherwise NULL';
COMMENT ON COLUMN ashmig.snapshots.base IS 'SHA-256 of the snapshot that the generation started from; NULL for a new table';
COMMENT ON COLUMN ashmig.snapshots.base_versions IS 'Generations of the table that this one builds on, the newest of each branch; empty for a new table, NULL if not known';

CREATE VIEW ashmig.retired_columns AS
    SELECT n.repo, n.scope, n.schema_name, n.table_name, r.retired ->> 'column' AS column_name,
        r.retired ->> 'type' AS type, r.retired ->> 'default' AS column_default, n.version
    FROM (SELECT DISTINCT ON (s.repo, s.scope, s.schema_name, s.table_name) s.*
          FROM ashmig.snapshots s
          ORDER BY s.repo, s.scope, s.schema_name, s.table_name, s.dev DESC, s.version DESC) n
    CROSS JOIN LATERAL pg_catalog.jsonb_array_elements(n.state -> 'retired') r (retired)
    WHERE n.snapshot IS NOT NULL;
COMMENT ON VIEW ashmig.retired_columns IS 'One row per column that the tables still have but the snapshots no longer do (ashmig_drop_retired)';
COMMENT ON COLUMN ashmig.retired_columns.version IS 'Generation of the table''s current snapshot';

--
-- Tenants
--

CREATE TABLE ashmig.tenants (
    schema_name   text        NOT NULL PRIMARY KEY,
    schema_oid    oid,
    noted_in      text,
    managed_by    regclass,
    created_at    timestamptz NOT NULL DEFAULT pg_catalog.now(),
    created_by    name        NOT NULL DEFAULT pg_catalog."current_user"()
);
COMMENT ON TABLE ashmig.tenants IS 'Registered tenants: one row per schema that receives the tenant migrations';
COMMENT ON COLUMN ashmig.tenants.schema_oid IS 'OID of the schema, by which a renamed schema is recognized; set by a trigger';
COMMENT ON COLUMN ashmig.tenants.noted_in IS 'Cluster and database in which schema_oid was noted; elsewhere, as after pg_upgrade, it means nothing and the name decides';
COMMENT ON COLUMN ashmig.tenants.managed_by IS 'Managed table whose row the tenant belongs to; NULL if none (ashmig_manage_tenant)';

CREATE TABLE ashmig.managed_tables (
    relation       regclass NOT NULL PRIMARY KEY,
    template       text[]   NOT NULL,
    on_insert      boolean  NOT NULL,
    on_update      boolean  NOT NULL,
    on_delete      text     CHECK (on_delete = 'drop'),
    default_schema text     NOT NULL,
    owner          name     NOT NULL DEFAULT pg_catalog."current_user"()
);
COMMENT ON TABLE ashmig.managed_tables IS 'Managed tables: one row per table whose rows have a tenant each (ashmig_manage_tenant)';
COMMENT ON COLUMN ashmig.managed_tables.template IS 'Parts of the tenant''s name: text, and columns, which begin with a colon';
COMMENT ON COLUMN ashmig.managed_tables.on_insert IS 'True if a new row creates its tenant';
COMMENT ON COLUMN ashmig.managed_tables.on_update IS 'True if an update that changes the tenant''s name renames it';
COMMENT ON COLUMN ashmig.managed_tables.on_delete IS 'drop: deleting a row drops its tenant; NULL: the tenant stays';
COMMENT ON COLUMN ashmig.managed_tables.default_schema IS 'ashmig.default_schema that the triggers use, whatever the session has';
COMMENT ON COLUMN ashmig.managed_tables.owner IS 'Role as which the triggers work on tenants: the caller of ashmig_manage_tenant';

CREATE TABLE ashmig.adopted_schemas (
    schema_name   text        NOT NULL,
    scope         text        NOT NULL CHECK (scope IN ('public', 'tenant')),
    ecto_version  bigint,
    adopted_at    timestamptz NOT NULL DEFAULT pg_catalog.now(),
    adopted_by    name        NOT NULL DEFAULT pg_catalog."current_user"(),
    PRIMARY KEY (schema_name, scope)
);
COMMENT ON TABLE ashmig.adopted_schemas IS 'Schemas that existed before ashmig: one row per schema taken over by ashmig_adopt or ashmig_attach_tenant';
COMMENT ON COLUMN ashmig.adopted_schemas.ecto_version IS 'Newest version in the schema''s schema_migrations when it was taken over; NULL if there is no such table';

CREATE TABLE ashmig.ecto_versions (
    scope         text        NOT NULL CHECK (scope IN ('public', 'tenant')),
    version       bigint      NOT NULL,
    PRIMARY KEY (scope, version)
);
COMMENT ON TABLE ashmig.ecto_versions IS 'Versions that Ecto had run in all adopted schemas of a scope: what the base migrations of ashmig_adopt stand for';

--
-- Drift
--

CREATE TABLE ashmig.known_drift (
    scope         text        NOT NULL CHECK (scope IN ('public', 'tenant')),
    schema_name   text        NOT NULL,
    table_name    text        NOT NULL,
    object_kind   text        NOT NULL,
    object_name   text        NOT NULL,
    difference    text        NOT NULL CHECK (difference IN ('missing', 'extra', 'different')),
    actual        text,
    known_at      timestamptz NOT NULL DEFAULT pg_catalog.now(),
    known_by      name        NOT NULL DEFAULT pg_catalog."current_user"()
);
CREATE INDEX known_drift_schema_name_idx ON ashmig.known_drift (schema_name, scope);
COMMENT ON TABLE ashmig.known_drift IS 'Differences that were accepted, and that ashmig_drift does not report; delete a row to have it reported again';
COMMENT ON COLUMN ashmig.known_drift.actual IS 'What the schema has in its place; if that changes, the difference is reported again';

CREATE TABLE ashmig.repairs (
    repair        bigint      NOT NULL GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    scope         text        NOT NULL CHECK (scope IN ('public', 'tenant')),
    schema_name   text        NOT NULL,
    statements    text[]      NOT NULL,
    version       bigint      NOT NULL,
    adopts        bigint[]    NOT NULL,
    ecto_version  bigint,
    recorded_at   timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    recorded_by   name        NOT NULL DEFAULT pg_catalog."current_user"(),
    applied_at    timestamptz,
    applied_by    name,
    elapsed       interval
);
CREATE INDEX repairs_schema_name_idx ON ashmig.repairs (schema_name, scope);
COMMENT ON TABLE ashmig.repairs IS 'Migrations for one schema alone, which bring it back to the recorded structure (ashmig_repair): one row per schema and repair';
COMMENT ON COLUMN ashmig.repairs.statements IS 'Statements of the repair, in order, with the placeholders of ashmig.migrations.up';
COMMENT ON COLUMN ashmig.repairs.version IS 'Newest version that the schema had when the repair was recorded; 0 if none';
COMMENT ON COLUMN ashmig.repairs.adopts IS 'Adopted migrations that the schema has after the repair (ashmig_adopt)';
COMMENT ON COLUMN ashmig.repairs.ecto_version IS 'Newest version of the schema''s schema_migrations, for ashmig.adopted_schemas';
COMMENT ON COLUMN ashmig.repairs.applied_at IS 'When it was run, in the same transaction; NULL if it was not';

--
-- Runs
--

CREATE TABLE ashmig.runs (
    run           bigint      NOT NULL GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    operation     text        NOT NULL,
    started_at    timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    ended_at      timestamptz,
    started_by    name        NOT NULL DEFAULT pg_catalog."current_user"(),
    schemas       integer     NOT NULL,
    workers       integer     NOT NULL,
    status        text        NOT NULL DEFAULT 'running'
                              CHECK (status IN ('running', 'background', 'done', 'stopped', 'failed', 'canceled')),
    error         text,
    canary        integer,
    max_failures  integer,
    run_until     timestamptz,
    pause         text,
    paused_since  timestamptz,
    paused        interval    NOT NULL DEFAULT '0'
);
COMMENT ON TABLE ashmig.runs IS 'Journal: one row per run that commits schema by schema';
COMMENT ON COLUMN ashmig.runs.operation IS 'migrate, rollback or repair';
COMMENT ON COLUMN ashmig.runs.schemas IS 'Number of schemas that had something to do';
COMMENT ON COLUMN ashmig.runs.workers IS 'Number of workers requested; 0: in the calling session';
COMMENT ON COLUMN ashmig.runs.status IS 'running, background (non-transactional migrations continue), done, stopped (run_until has passed), failed or canceled; running but absent from ashmig.progress: interrupted';
COMMENT ON COLUMN ashmig.runs.error IS 'How many schemas failed, and how many were not attempted, and why; NULL if none';
COMMENT ON COLUMN ashmig.runs.canary IS 'Argument of the call: number of tenants that go first; NULL if none';
COMMENT ON COLUMN ashmig.runs.max_failures IS 'Argument of the call: number of failures after which no schema is begun; NULL if no limit';
COMMENT ON COLUMN ashmig.runs.run_until IS 'Argument of the call: time after which no schema is begun; NULL if no limit';
COMMENT ON COLUMN ashmig.runs.pause IS 'Why the run pauses now; NULL if it does not';
COMMENT ON COLUMN ashmig.runs.paused_since IS 'When that pause began';
COMMENT ON COLUMN ashmig.runs.paused IS 'Time spent in earlier pauses';

-- No foreign key to ashmig.runs, and none between any two of these tables:
-- pg_restore --jobs loads them in any order.
CREATE TABLE ashmig.run_schemas (
    run           bigint      NOT NULL,
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
COMMENT ON TABLE ashmig.run_schemas IS 'Outcome of a run: one row per schema, written in the transaction that changes the schema';
COMMENT ON COLUMN ashmig.run_schemas.status IS 'applied, rolled_back, repaired, background (continues after the call), pending, skipped (the run ended before it was attempted), missing or failed';
COMMENT ON COLUMN ashmig.run_schemas.applied IS 'Number of migrations applied or rolled back';
COMMENT ON COLUMN ashmig.run_schemas.version IS 'Newest applied version of the schema after the run';
COMMENT ON COLUMN ashmig.run_schemas.attempts IS 'Number of attempts; more than one after lock timeouts';
COMMENT ON COLUMN ashmig.run_schemas.elapsed IS 'Duration of the transaction that succeeded, or of the last one that failed';
COMMENT ON COLUMN ashmig.run_schemas.error IS 'Error message; its detail, hint and context follow, one per line';

-- A run is alive as long as its leader, or the worker that continues after
-- the call, holds the lock on its number (src/run/journal.c).
CREATE VIEW ashmig.progress AS
    SELECT r.run, r.operation, r.status, r.started_at, r.started_by, r.workers, r.schemas,
           s.done, s.failed, s.background,
           CASE WHEN s.finished > 0 THEN
               (pg_catalog.clock_timestamp() - r.started_at)
               * (greatest(r.schemas - s.finished, 0)::double precision / s.finished) END AS time_left,
           l.pids, r.canary, r.max_failures, r.run_until, r.pause, r.paused_since, r.paused
    FROM ashmig.runs AS r
    CROSS JOIN LATERAL (
        SELECT pg_catalog.count(*) FILTER (WHERE status <> 'background') AS finished,
               pg_catalog.count(*) FILTER (WHERE status NOT IN ('failed', 'background')) AS done,
               pg_catalog.count(*) FILTER (WHERE status = 'failed') AS failed,
               pg_catalog.count(*) FILTER (WHERE status = 'background') AS background
        FROM ashmig.run_schemas AS s WHERE s.run = r.run) AS s
    CROSS JOIN LATERAL (
        SELECT pg_catalog.array_agg(DISTINCT pid) AS pids FROM pg_catalog.pg_locks
        WHERE classid = 'ashmig.runs'::pg_catalog.regclass AND objsubid = 5
        AND objid::bigint = r.run & 4294967295
        AND locktype IN ('object', 'advisory') AND granted AND pid IS NOT NULL
        AND database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())) AS l
    WHERE r.status IN ('running', 'background') AND l.pids IS NOT NULL;
COMMENT ON VIEW ashmig.progress IS 'Active runs: one row per run, with the number of schemas done, failed and left to the background';
COMMENT ON COLUMN ashmig.progress.workers IS 'Number of workers requested';
COMMENT ON COLUMN ashmig.progress.pause IS 'Why no schema and no batch is begun at the moment (ashmig.max_replica_lag, ashmig.max_load); NULL if the run does not pause';
COMMENT ON COLUMN ashmig.progress.paused IS 'Time spent in earlier pauses';
COMMENT ON COLUMN ashmig.progress.pids IS 'Process that leads the run, or continues it in the background; ashmig_cancel cancels it, and its workers with it';

--
-- Extensions that an application brings itself
--

CREATE TABLE ashmig.extensions (
    name          text        NOT NULL,
    version       integer     NOT NULL CHECK (version > 0),
    up            text[]      NOT NULL,
    down          text[]      NOT NULL,
    PRIMARY KEY (name, version)
);
COMMENT ON TABLE ashmig.extensions IS 'Extensions of the application''s own, one row per version (ashmig_define_extension)';
COMMENT ON COLUMN ashmig.extensions.up IS 'Statements that bring the extension from the version before to this one';
COMMENT ON COLUMN ashmig.extensions.down IS 'Statements that bring it back';

--
-- Settings that belong to the database
--

CREATE TABLE ashmig.settings (
    name          text        NOT NULL PRIMARY KEY,
    value         text        NOT NULL,
    set_by        name        NOT NULL DEFAULT pg_catalog."current_user"()
);
COMMENT ON TABLE ashmig.settings IS 'Settings of this database: all_tenants, the query that lists tenants; last_version, the newest version ever assigned';
COMMENT ON COLUMN ashmig.settings.set_by IS 'Role that wrote the value, as which the query of all_tenants runs; set by a trigger, unless a superuser names another';

--
-- What pg_dump dumps: everything, as a restored database must know what is
-- applied in it.  A restore loads the tables in any order, and several at once.
--

SELECT pg_catalog.pg_extension_config_dump('ashmig.migrations', '');
SELECT pg_catalog.pg_extension_config_dump('ashmig.versions', '');
SELECT pg_catalog.pg_extension_config_dump('ashmig.schema_versions', '');
SELECT pg_catalog.pg_extension_config_dump('ashmig.partial_migrations', '');
SELECT pg_catalog.pg_extension_config_dump('ashmig.snapshots', '');
SELECT pg_catalog.pg_extension_config_dump('ashmig.tenants', '');
SELECT pg_catalog.pg_extension_config_dump('ashmig.managed_tables', '');
SELECT pg_catalog.pg_extension_config_dump('ashmig.adopted_schemas', '');
SELECT pg_catalog.pg_extension_config_dump('ashmig.ecto_versions', '');
SELECT pg_catalog.pg_extension_config_dump('ashmig.known_drift', '');
SELECT pg_catalog.pg_extension_config_dump('ashmig.repairs', '');
SELECT pg_catalog.pg_extension_config_dump('ashmig.repairs_repair_seq', '');
SELECT pg_catalog.pg_extension_config_dump('ashmig.runs', '');
SELECT pg_catalog.pg_extension_config_dump('ashmig.runs_run_seq', '');
SELECT pg_catalog.pg_extension_config_dump('ashmig.run_schemas', '');
SELECT pg_catalog.pg_extension_config_dump('ashmig.extensions', '');
SELECT pg_catalog.pg_extension_config_dump('ashmig.settings', '');

--
-- Triggers on the catalog
--

-- Sessions keep the recorded migrations in memory; this makes them read again.
CREATE FUNCTION ashmig.migrations_changed() RETURNS trigger
    LANGUAGE c AS 'MODULE_PATHNAME', 'ashmig_migrations_changed';
COMMENT ON FUNCTION ashmig.migrations_changed IS 'Tells every session that the recorded migrations have changed';
CREATE TRIGGER migrations_changed
    AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON ashmig.migrations
    FOR EACH STATEMENT EXECUTE FUNCTION ashmig.migrations_changed();

CREATE FUNCTION ashmig.tenant_registered() RETURNS trigger
    LANGUAGE c AS 'MODULE_PATHNAME', 'ashmig_tenant_registered';
COMMENT ON FUNCTION ashmig.tenant_registered IS 'Sets schema_oid and noted_in, which change when a dump is restored';
CREATE TRIGGER tenant_registered
    BEFORE INSERT OR UPDATE OF schema_name ON ashmig.tenants
    FOR EACH ROW EXECUTE FUNCTION ashmig.tenant_registered();

CREATE FUNCTION ashmig.managed_table_registered() RETURNS trigger
    LANGUAGE c AS 'MODULE_PATHNAME', 'ashmig_managed_table_registered';
COMMENT ON FUNCTION ashmig.managed_table_registered IS 'Refuses a registration whose owner the current role cannot SET ROLE to';
CREATE TRIGGER managed_table_registered
    BEFORE INSERT OR UPDATE OR DELETE ON ashmig.managed_tables
    FOR EACH ROW EXECUTE FUNCTION ashmig.managed_table_registered();

CREATE FUNCTION ashmig.setting_written() RETURNS trigger
    LANGUAGE c AS 'MODULE_PATHNAME', 'ashmig_setting_written';
COMMENT ON FUNCTION ashmig.setting_written IS 'Notes which role wrote a setting';
CREATE TRIGGER setting_written
    BEFORE INSERT OR UPDATE ON ashmig.settings
    FOR EACH ROW EXECUTE FUNCTION ashmig.setting_written();

--
-- DROP EXTENSION takes the catalog away, so it has to be meant
--

CREATE FUNCTION ashmig.extension_dropped() RETURNS event_trigger
    LANGUAGE c AS 'MODULE_PATHNAME', 'ashmig_extension_dropped';
COMMENT ON FUNCTION ashmig.extension_dropped IS 'Refuses to drop the extension without CASCADE while schemas have its migrations';
CREATE EVENT TRIGGER ashmig_extension_dropped
    ON ddl_command_start WHEN TAG IN ('DROP EXTENSION', 'DROP OWNED')
    EXECUTE FUNCTION ashmig.extension_dropped();
COMMENT ON EVENT TRIGGER ashmig_extension_dropped IS 'Keeps DROP EXTENSION ashmig without CASCADE from removing the record of applied migrations';

--
-- Triggers that ashmig_manage_tenant puts on a managed table
--

CREATE FUNCTION ashmig.tenant_row_inserted() RETURNS trigger
    LANGUAGE c AS 'MODULE_PATHNAME', 'ashmig_tenant_row_inserted';
COMMENT ON FUNCTION ashmig.tenant_row_inserted IS 'Creates the tenant of a new row of a managed table';

CREATE FUNCTION ashmig.tenant_row_updated() RETURNS trigger
    LANGUAGE c AS 'MODULE_PATHNAME', 'ashmig_tenant_row_updated';
COMMENT ON FUNCTION ashmig.tenant_row_updated IS 'Renames the tenant of an updated row of a managed table';

CREATE FUNCTION ashmig.tenant_row_deleted() RETURNS trigger
    LANGUAGE c AS 'MODULE_PATHNAME', 'ashmig_tenant_row_deleted';
COMMENT ON FUNCTION ashmig.tenant_row_deleted IS 'Drops the tenant of a deleted row of a managed table';

--
-- Triggers that ashmig_add_reference puts on the two tables of a reference
--

CREATE FUNCTION ashmig.reference_row_written() RETURNS trigger
    LANGUAGE c AS 'MODULE_PATHNAME', 'ashmig_reference_row_written';
COMMENT ON FUNCTION ashmig.reference_row_written IS 'Checks that the row exists that a shared reference points to';

CREATE FUNCTION ashmig.referenced_row_deleted() RETURNS trigger
    LANGUAGE c AS 'MODULE_PATHNAME', 'ashmig_referenced_row_deleted';
COMMENT ON FUNCTION ashmig.referenced_row_deleted IS 'Does what shared references say where a row is deleted that they point to';

CREATE FUNCTION ashmig.referenced_row_updated() RETURNS trigger
    LANGUAGE c AS 'MODULE_PATHNAME', 'ashmig_referenced_row_updated';
COMMENT ON FUNCTION ashmig.referenced_row_updated IS 'Does what shared references say where the key of a row changes that they point to';

CREATE FUNCTION ashmig.referenced_table_truncated() RETURNS trigger
    LANGUAGE c AS 'MODULE_PATHNAME', 'ashmig_referenced_table_truncated';
COMMENT ON FUNCTION ashmig.referenced_table_truncated IS 'Keeps a table that shared references point to from being truncated';

-- ==========================================================================
-- Code generation
-- ==========================================================================

CREATE FUNCTION ashmig_plan(
    snapshots jsonb, name text DEFAULT NULL, dev boolean DEFAULT false,
    renames jsonb DEFAULT NULL, drop_columns boolean DEFAULT false,
    drop_tables boolean DEFAULT false, concurrent_indexes boolean DEFAULT false,
    allow text[] DEFAULT NULL,
    online boolean DEFAULT NULL,
    OUT step integer, OUT repo text, OUT scope text, OUT schema_name text, OUT table_name text,
    OUT operation text, OUT subject text, OUT up text, OUT down text, OUT lock text,
    OUT rewrites boolean, OUT scans boolean, OUT destroys boolean, OUT transactional boolean,
    OUT note text,
    OUT hazards text[], OUT allowed boolean, OUT locks jsonb, OUT notice text, OUT safer text,
    OUT schemas bigint, OUT rows bigint, OUT bytes bigint, OUT estimate interval)
    RETURNS SETOF record
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION ashmig_plan
    IS 'Show what ashmig_generate would record: one row per step, with the lock it takes and what it rewrites and destroys';

CREATE FUNCTION ashmig_generate(
    snapshots jsonb, name text DEFAULT NULL, dev boolean DEFAULT false,
    renames jsonb DEFAULT NULL, drop_columns boolean DEFAULT false,
    drop_tables boolean DEFAULT false, concurrent_indexes boolean DEFAULT false,
    allow text[] DEFAULT NULL,
    online boolean DEFAULT NULL,
    OUT repo text, OUT scope text, OUT version bigint, OUT migration text,
    OUT transactional boolean, OUT statements integer)
    RETURNS SETOF record
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION ashmig_generate
    IS 'Record the snapshots and the migrations that they require, without running them; one row per migration';

CREATE FUNCTION ashmig_apply(
    snapshots jsonb, name text DEFAULT NULL, dev boolean DEFAULT false,
    renames jsonb DEFAULT NULL, drop_columns boolean DEFAULT false,
    drop_tables boolean DEFAULT false, concurrent_indexes boolean DEFAULT false,
    only_tenants text[] DEFAULT NULL, except_tenants text[] DEFAULT NULL,
    on_error text DEFAULT 'error', workers integer DEFAULT NULL,
    strict_version_order boolean DEFAULT NULL, log_sql boolean DEFAULT NULL, quiet boolean DEFAULT NULL,
    lock_timeout interval DEFAULT NULL, atomic boolean DEFAULT false,
    canary integer DEFAULT NULL, max_failures integer DEFAULT NULL, run_until timestamptz DEFAULT NULL,
    allow text[] DEFAULT NULL,
    online boolean DEFAULT NULL,
    OUT scope text, OUT schema_name text, OUT applied integer, OUT version bigint,
    OUT status text, OUT elapsed interval, OUT error text)
    RETURNS SETOF record
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION ashmig_apply
    IS 'Generate and run in one call, public first, then every tenant; one row per schema that had something to do';

CREATE FUNCTION ashmig_check(
    snapshots jsonb, renames jsonb DEFAULT NULL, drop_columns boolean DEFAULT false,
    drop_tables boolean DEFAULT false, allow text[] DEFAULT NULL)
    RETURNS boolean
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION ashmig_check
    IS 'Return true if the snapshots require no new migration; otherwise raise an error that says what is missing';

CREATE FUNCTION ashmig_operations(
    old jsonb, new jsonb, renames jsonb DEFAULT '[]', drop_columns boolean DEFAULT true,
    drop_tables boolean DEFAULT false)
    RETURNS SETOF jsonb
    LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION ashmig_operations
    IS 'Return the operations between two sets of snapshots, in order; reads no table';

CREATE FUNCTION ashmig_load(directory text, dev boolean DEFAULT false)
    RETURNS jsonb
    LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION ashmig_load
    IS 'Read a resource_snapshots directory on the server into a bundle; requires pg_read_server_files';

CREATE FUNCTION ashmig_drop_retired(
    tables text[] DEFAULT NULL, name text DEFAULT NULL, repo text DEFAULT NULL,
    OUT repo text, OUT scope text, OUT version bigint, OUT migration text,
    OUT transactional boolean, OUT statements integer)
    RETURNS SETOF record
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION ashmig_drop_retired
    IS 'Record the migrations that drop the columns of removed attributes (ashmig.retired_columns); one row per migration';

CREATE FUNCTION ashmig_squash_snapshots() RETURNS bigint
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION ashmig_squash_snapshots
    IS 'Keep only the current snapshot of each table; returns the number of snapshots removed';

-- ==========================================================================
-- Single migrations: hand-written, exported, of extensions and enums
-- ==========================================================================

CREATE FUNCTION ashmig_add_migration(
    version bigint, name text, up text DEFAULT NULL, down text DEFAULT NULL,
    tenant boolean DEFAULT false, transactional boolean DEFAULT true,
    covered boolean DEFAULT false, repo text DEFAULT '', batch text DEFAULT NULL)
    RETURNS bigint
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION ashmig_add_migration
    IS 'Record a migration written in SQL; returns its version, the next one if NULL was given. Without down it cannot be rolled back';

CREATE FUNCTION ashmig_remove_migration(
    version bigint, tenant boolean DEFAULT false, repo text DEFAULT NULL)
    RETURNS integer
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION ashmig_remove_migration
    IS 'Remove a migration that is applied nowhere, with the others of its generation in the scope and their snapshots; returns the number removed';

CREATE FUNCTION ashmig_mark_applied(
    version bigint, schema text DEFAULT NULL, tenant boolean DEFAULT false, repo text DEFAULT NULL)
    RETURNS boolean
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION ashmig_mark_applied
    IS 'Record a migration as applied in a schema without running it; false if it is already';

CREATE FUNCTION ashmig_mark_rolled_back(
    version bigint, schema text DEFAULT NULL, tenant boolean DEFAULT false, repo text DEFAULT NULL)
    RETURNS boolean
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION ashmig_mark_rolled_back
    IS 'Record a migration as not applied in a schema without running its down; false if it is not applied';

CREATE FUNCTION ashmig_release(OUT schema_name text, OUT written integer)
    RETURNS SETOF record
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION ashmig_release
    IS 'Write the versions applied in each schema to Ecto''s table schema_migrations there; one row per schema, with the number written';

CREATE PROCEDURE ashmig_release_serial()
    LANGUAGE c AS 'MODULE_PATHNAME';
COMMENT ON PROCEDURE ashmig_release_serial
    IS 'Do what ashmig_release does, committing after each schema';

CREATE FUNCTION ashmig_export_migration(
    version bigint, tenant boolean DEFAULT false, format text DEFAULT 'ashmig',
    repo text DEFAULT NULL, schema text DEFAULT NULL)
    RETURNS text
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION ashmig_export_migration
    IS 'Return the migration as a psql script that records it in another database, as plain SQL for one schema that needs no ashmig (sql), or as a migration module of Ecto (ecto)';

CREATE FUNCTION ashmig_export_migrations(since bigint DEFAULT NULL, repo text DEFAULT NULL) RETURNS text
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION ashmig_export_migrations
    IS 'Return all migrations, or one version and those after it, as a psql script that records them in another database';

CREATE FUNCTION ashmig_import_migration(
    version bigint, name text, checksum text, up text[], down text[] DEFAULT NULL,
    kind text DEFAULT 'sql', tenant boolean DEFAULT false, transactional boolean DEFAULT true,
    covered boolean DEFAULT false, repo text DEFAULT '', generation bigint DEFAULT NULL,
    snapshots jsonb DEFAULT NULL, hazards jsonb DEFAULT NULL)
    RETURNS boolean
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION ashmig_import_migration
    IS 'Record a migration from a script of ashmig_export_migration; false if it is recorded already';

CREATE FUNCTION ashmig_export_files(
    versions bigint[] DEFAULT NULL, repo text DEFAULT NULL,
    OUT path text, OUT content text)
    RETURNS SETOF record
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION ashmig_export_files
    IS 'One row per migration, as the path and the text of a file for git';

CREATE FUNCTION ashmig_import_files(
    files jsonb, repo text DEFAULT '',
    OUT path text, OUT scope text, OUT repo text, OUT version bigint, OUT name text, OUT status text)
    RETURNS SETOF record
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION ashmig_import_files
    IS 'Record the migrations of files, a JSON object of paths and texts; one row per file: imported, replaced or unchanged';

CREATE FUNCTION ashmig_check_migrations(
    OUT scope text, OUT repo text, OUT schema_name text, OUT version bigint, OUT name text,
    OUT problem text, OUT recorded text, OUT actual text)
    RETURNS SETOF record
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION ashmig_check_migrations
    IS 'One row per migration that was changed after it was recorded, is applied in a schema with another text, or whose snapshots do not fit the recorded ones';

CREATE FUNCTION ashmig_install_extensions(
    extensions text[], ash_functions_version integer DEFAULT NULL, repo text DEFAULT '',
    OUT version bigint, OUT name text)
    RETURNS SETOF record
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION ashmig_install_extensions
    IS 'Record a migration that installs extensions, including those of Ash packages; no row if all of them are recorded';

CREATE FUNCTION ashmig_define_extension(
    name text, version integer, up text, down text DEFAULT '')
    RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION ashmig_define_extension
    IS 'Define a version of an extension of the application''s own (AshPostgres.CustomExtension), which snapshots list as NAME_vVERSION';

CREATE FUNCTION ashmig_create_enum(
    name text, labels text[], tenant boolean DEFAULT false, schema text DEFAULT NULL,
    repo text DEFAULT '')
    RETURNS bigint
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION ashmig_create_enum
    IS 'Record a migration that creates an enum; returns its version';

CREATE FUNCTION ashmig_add_enum_value(
    name text, value text, before text DEFAULT NULL, after text DEFAULT NULL,
    tenant boolean DEFAULT false, schema text DEFAULT NULL, repo text DEFAULT '')
    RETURNS bigint
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION ashmig_add_enum_value
    IS 'Record a non-transactional migration that adds a value to an enum; returns its version. Rolling it back leaves the value, which PostgreSQL cannot remove';

CREATE FUNCTION ashmig_drop_enum(
    name text, tenant boolean DEFAULT false, schema text DEFAULT NULL, repo text DEFAULT '',
    labels text[] DEFAULT NULL)
    RETURNS bigint
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION ashmig_drop_enum
    IS 'Record a migration that drops an enum; returns its version. Its down creates the enum again, with these labels or those recorded';

-- ==========================================================================
-- Running
-- ==========================================================================

CREATE FUNCTION ashmig_migrate(
    to_version bigint DEFAULT NULL, step integer DEFAULT NULL, repo text DEFAULT NULL, prefix text DEFAULT NULL,
    strict_version_order boolean DEFAULT NULL, log_sql boolean DEFAULT NULL, quiet boolean DEFAULT NULL,
    lock_timeout interval DEFAULT NULL, atomic boolean DEFAULT false,
    OUT scope text, OUT schema_name text, OUT applied integer, OUT version bigint,
    OUT status text, OUT elapsed interval, OUT error text)
    RETURNS SETOF record
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION ashmig_migrate
    IS 'Run the pending public migrations';

CREATE FUNCTION ashmig_migrate_tenants(
    to_version bigint DEFAULT NULL, step integer DEFAULT NULL,
    only_tenants text[] DEFAULT NULL, except_tenants text[] DEFAULT NULL, repo text DEFAULT NULL,
    on_error text DEFAULT 'error', workers integer DEFAULT NULL,
    strict_version_order boolean DEFAULT NULL, log_sql boolean DEFAULT NULL, quiet boolean DEFAULT NULL,
    lock_timeout interval DEFAULT NULL, atomic boolean DEFAULT false,
    canary integer DEFAULT NULL, max_failures integer DEFAULT NULL, run_until timestamptz DEFAULT NULL,
    OUT scope text, OUT schema_name text, OUT applied integer, OUT version bigint,
    OUT status text, OUT elapsed interval, OUT error text)
    RETURNS SETOF record
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION ashmig_migrate_tenants
    IS 'Run the pending tenant migrations in every tenant; one row per tenant that had something to do';

CREATE FUNCTION ashmig_migrate_all(
    to_version bigint DEFAULT NULL, step integer DEFAULT NULL,
    only_tenants text[] DEFAULT NULL, except_tenants text[] DEFAULT NULL, repo text DEFAULT NULL,
    on_error text DEFAULT 'error', workers integer DEFAULT NULL,
    strict_version_order boolean DEFAULT NULL, log_sql boolean DEFAULT NULL, quiet boolean DEFAULT NULL,
    lock_timeout interval DEFAULT NULL, atomic boolean DEFAULT false,
    canary integer DEFAULT NULL, max_failures integer DEFAULT NULL, run_until timestamptz DEFAULT NULL,
    OUT scope text, OUT schema_name text, OUT applied integer, OUT version bigint,
    OUT status text, OUT elapsed interval, OUT error text)
    RETURNS SETOF record
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION ashmig_migrate_all
    IS 'Run all pending migrations, public first, then every tenant; one row per schema that had something to do';

CREATE FUNCTION ashmig_rollback(
    to_version bigint DEFAULT NULL, step integer DEFAULT NULL, all_versions boolean DEFAULT false,
    repo text DEFAULT NULL, prefix text DEFAULT NULL,
    log_sql boolean DEFAULT NULL, quiet boolean DEFAULT NULL,
    lock_timeout interval DEFAULT NULL, atomic boolean DEFAULT false,
    OUT scope text, OUT schema_name text, OUT applied integer, OUT version bigint,
    OUT status text, OUT elapsed interval, OUT error text)
    RETURNS SETOF record
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION ashmig_rollback
    IS 'Roll back public migrations: the last one, the last "step", down to "to_version" (inclusive), or all';

CREATE FUNCTION ashmig_rollback_tenants(
    to_version bigint DEFAULT NULL, step integer DEFAULT NULL, all_versions boolean DEFAULT false,
    only_tenants text[] DEFAULT NULL, except_tenants text[] DEFAULT NULL, repo text DEFAULT NULL,
    on_error text DEFAULT 'error', workers integer DEFAULT NULL,
    log_sql boolean DEFAULT NULL, quiet boolean DEFAULT NULL,
    lock_timeout interval DEFAULT NULL, atomic boolean DEFAULT false,
    canary integer DEFAULT NULL, max_failures integer DEFAULT NULL, run_until timestamptz DEFAULT NULL,
    OUT scope text, OUT schema_name text, OUT applied integer, OUT version bigint,
    OUT status text, OUT elapsed interval, OUT error text)
    RETURNS SETOF record
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION ashmig_rollback_tenants
    IS 'Roll back tenant migrations in every tenant: the last one, the last "step", down to "to_version" (inclusive), or all';

CREATE PROCEDURE ashmig_migrate_all_serial(
    to_version bigint DEFAULT NULL, step integer DEFAULT NULL,
    only_tenants text[] DEFAULT NULL, except_tenants text[] DEFAULT NULL, repo text DEFAULT NULL,
    on_error text DEFAULT 'error',
    strict_version_order boolean DEFAULT NULL, log_sql boolean DEFAULT NULL, quiet boolean DEFAULT NULL,
    lock_timeout interval DEFAULT NULL,
    canary integer DEFAULT NULL, max_failures integer DEFAULT NULL, run_until timestamptz DEFAULT NULL)
    LANGUAGE c AS 'MODULE_PATHNAME';
COMMENT ON PROCEDURE ashmig_migrate_all_serial
    IS 'Run all pending migrations in the calling session, committing after each schema; for servers without free background workers';

CREATE FUNCTION ashmig_precheck(
    only_tenants text[] DEFAULT NULL, except_tenants text[] DEFAULT NULL, repo text DEFAULT NULL,
    to_version bigint DEFAULT NULL,
    OUT scope text, OUT schema_name text, OUT version bigint, OUT table_name text, OUT problem text,
    OUT object_name text, OUT sample jsonb, OUT error text, OUT query text)
    RETURNS SETOF record
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION ashmig_precheck
    IS 'Find data that would make pending migrations fail, without running them; one row per schema and failure, with a sample row and the query that shows all';

CREATE FUNCTION ashmig_try(
    schema text, with_public boolean DEFAULT false, repo text DEFAULT NULL,
    to_version bigint DEFAULT NULL, lock_timeout interval DEFAULT NULL,
    OUT scope text, OUT schema_name text, OUT version bigint, OUT statement integer, OUT status text,
    OUT elapsed interval, OUT locks text[], OUT rewritten text[], OUT wal_bytes bigint,
    OUT error text, OUT sql text)
    RETURNS SETOF record
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION ashmig_try
    IS 'Run what is pending in one schema and roll it back; one row per statement, with its duration, the locks it took, the files it rewrote and the WAL it wrote';

CREATE PROCEDURE ashmig_wait(run bigint DEFAULT NULL)
    LANGUAGE c AS 'MODULE_PATHNAME';
COMMENT ON PROCEDURE ashmig_wait
    IS 'Wait for the background part of a run, by default of the last run that has one; raises an error if it failed';

CREATE FUNCTION ashmig_cancel(run bigint) RETURNS boolean
    LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION ashmig_cancel
    IS 'Cancel a run, as pg_cancel_backend does; completed schemas are unaffected. False if the run is not active';

-- ==========================================================================
-- Status
-- ==========================================================================

CREATE FUNCTION ashmig_status(
    OUT scope text, OUT repo text, OUT schema_name text, OUT version bigint, OUT applied integer, OUT pending integer,
    OUT last_applied_at timestamptz, OUT status text, OUT error text)
    RETURNS SETOF record
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION ashmig_status
    IS 'One row per schema and repo: newest version, number of migrations applied and pending, last failure';

CREATE FUNCTION ashmig_migrations(
    OUT scope text, OUT repo text, OUT version bigint, OUT name text, OUT kind text, OUT dev boolean,
    OUT transactional boolean, OUT reversible boolean, OUT applied integer, OUT pending integer)
    RETURNS SETOF record
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION ashmig_migrations
    IS 'One row per migration: number of schemas in which it is applied and pending';

CREATE FUNCTION ashmig_public_references(
    OUT schema_name text, OUT table_name text, OUT keys bigint, OUT tenants bigint, OUT triggers bigint,
    OUT locks_needed bigint, OUT locks_available bigint, OUT max_locks_per_transaction bigint)
    RETURNS SETOF record
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION ashmig_public_references
    IS 'One row per table that foreign keys of other schemas reference: their number, the locks that one DELETE or key update there takes and the server has, and the setting with which half of them stay free';

-- ==========================================================================
-- Tenants
-- ==========================================================================

CREATE FUNCTION ashmig_create_tenant(schema text) RETURNS bigint
    LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION ashmig_create_tenant
    IS 'Create and register a tenant''s schema at the newest version; returns that version';

CREATE PROCEDURE ashmig_create_missing_tenants()
    LANGUAGE c AS 'MODULE_PATHNAME';
COMMENT ON PROCEDURE ashmig_create_missing_tenants
    IS 'Create the tenants that the query of ashmig_set_all_tenants lists but that have no schema, committing after each';

CREATE FUNCTION ashmig_rename_tenant(old text, new text) RETURNS void
    LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION ashmig_rename_tenant
    IS 'Rename a tenant: its schema, its registration and its versions';

CREATE FUNCTION ashmig_drop_tenant(schema text, cascade boolean DEFAULT false) RETURNS void
    LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION ashmig_drop_tenant
    IS 'Drop a tenant: its schema, its registration and its versions; cascade also drops what is in the schema';

CREATE PROCEDURE ashmig_drop_tenant_serial(schema text, batch integer DEFAULT 500)
    LANGUAGE c AS 'MODULE_PATHNAME';
COMMENT ON PROCEDURE ashmig_drop_tenant_serial
    IS 'Drop a tenant and all its tables, committing after each batch of tables';

CREATE FUNCTION ashmig_export_tenant(schema text, on_drift text DEFAULT NULL) RETURNS text
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION ashmig_export_tenant
    IS 'Return what is recorded of a tenant as a psql script that registers it in another database, where its dump has been restored';

CREATE FUNCTION ashmig_import_tenant(tenant jsonb, on_drift text DEFAULT 'error') RETURNS boolean
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION ashmig_import_tenant
    IS 'Register a tenant from a script of ashmig_export_tenant, with its versions; false if it is registered with them already';

CREATE FUNCTION ashmig_set_all_tenants(query text) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION ashmig_set_all_tenants
    IS 'Set the query that lists tenants in addition to the registered ones: a SELECT of one text column, or NULL for none';

CREATE FUNCTION ashmig_all_tenants(
    OUT schema_name text, OUT registered boolean, OUT listed boolean, OUT managed_by text, OUT schema_exists boolean,
    OUT error text)
    RETURNS SETOF record
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION ashmig_all_tenants
    IS 'One row per tenant: whether it is registered, whether the query of ashmig_set_all_tenants lists it, which table manages it, whether its schema exists, why its name cannot be that of a tenant';

CREATE FUNCTION ashmig_manage_tenant(
    relation regclass, template text[], on_insert boolean DEFAULT true,
    on_update boolean DEFAULT true, on_delete text DEFAULT NULL)
    RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION ashmig_manage_tenant
    IS 'Create triggers on a table that create a tenant per row, rename it with the row and, with on_delete => ''drop'', drop it with the row';

CREATE FUNCTION ashmig_unmanage_tenant(relation regclass) RETURNS void
    LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION ashmig_unmanage_tenant
    IS 'Remove the triggers of ashmig_manage_tenant; the tenants stay';

CREATE FUNCTION ashmig_add_reference(
    relation regclass, name text, columns text[], referenced regclass,
    on_delete text DEFAULT 'no action', on_update text DEFAULT 'no action')
    RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION ashmig_add_reference
    IS 'Let columns of a tenant''s table reference the primary key of a public table as a foreign key does, by triggers that all tenants share; DROP TRIGGER removes it';

-- ==========================================================================
-- Drift
-- ==========================================================================

CREATE FUNCTION ashmig_drift(
    only_tenants text[] DEFAULT NULL, except_tenants text[] DEFAULT NULL, public boolean DEFAULT true,
    repo text DEFAULT NULL,
    OUT scope text, OUT schema_name text, OUT table_name text, OUT object_kind text, OUT object_name text,
    OUT difference text, OUT expected text, OUT actual text, OUT repair text)
    RETURNS SETOF record
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION ashmig_drift
    IS 'Compare schemas with what is recorded for them: one row per difference, with the DDL that removes it';

CREATE FUNCTION ashmig_drift_summary(
    OUT scope text, OUT version bigint, OUT schemas integer, OUT majority boolean, OUT differences integer,
    OUT schema_names text[])
    RETURNS SETOF record
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION ashmig_drift_summary
    IS 'One row per group of schemas that look the same: how many they are, and in how much they differ from what is recorded';

CREATE FUNCTION ashmig_repair(
    schemas text[] DEFAULT NULL, on_error text DEFAULT 'error', workers integer DEFAULT NULL,
    log_sql boolean DEFAULT NULL, quiet boolean DEFAULT NULL,
    lock_timeout interval DEFAULT NULL, atomic boolean DEFAULT false,
    OUT scope text, OUT schema_name text, OUT applied integer, OUT version bigint,
    OUT status text, OUT elapsed interval, OUT error text)
    RETURNS SETOF record
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION ashmig_repair
    IS 'Run the DDL that removes the differences of schemas, or of all; one row per schema that had any';

-- ==========================================================================
-- Taking over what exists
-- ==========================================================================

CREATE FUNCTION ashmig_adopt(
    snapshots jsonb, tenants text[] DEFAULT NULL, on_drift text DEFAULT 'error', dry_run boolean DEFAULT false,
    repo text DEFAULT NULL,
    OUT scope text, OUT schema_name text, OUT status text, OUT table_name text, OUT object_kind text,
    OUT object_name text, OUT difference text, OUT expected text, OUT actual text, OUT repair text, OUT error text)
    RETURNS SETOF record
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION ashmig_adopt
    IS 'Take over a database that Ecto has migrated: record the snapshots and, for each schema that has their structure, that it has; one row per schema, or per difference with dry_run';

CREATE FUNCTION ashmig_attach_tenant(schema text, version bigint DEFAULT NULL) RETURNS bigint
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION ashmig_attach_tenant
    IS 'Make an existing schema a tenant at a version, by default the newest one whose structure it has; returns that version';

-- ==========================================================================
-- Rights
-- ==========================================================================

CREATE FUNCTION ashmig_grant(role text) RETURNS SETOF text
    LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION ashmig_grant
    IS 'Grant a role all it needs to generate, migrate and manage tenants; returns the statements that did so';

CREATE FUNCTION ashmig_revoke(role text) RETURNS SETOF text
    LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION ashmig_revoke
    IS 'Revoke from a role what ashmig_grant grants; returns the statements that did so';

--
-- Nobody but the extension's owner may read, write or run anything until the
-- owner grants it: whoever can write ashmig.migrations decides what the next
-- run executes.  Exceptions: ashmig_operations, which reads no table, and
-- ashmig.progress for monitoring.
--

REVOKE EXECUTE ON FUNCTION
    ashmig.migrations_changed, ashmig.tenant_registered, ashmig.managed_table_registered,
    ashmig.setting_written, ashmig.extension_dropped,
    ashmig.tenant_row_inserted, ashmig.tenant_row_updated, ashmig.tenant_row_deleted,
    ashmig.reference_row_written, ashmig.referenced_row_deleted, ashmig.referenced_row_updated,
    ashmig.referenced_table_truncated
    FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION
    ashmig_plan, ashmig_generate, ashmig_apply, ashmig_check, ashmig_load,
    ashmig_drop_retired, ashmig_squash_snapshots
    FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION
    ashmig_add_migration, ashmig_remove_migration, ashmig_export_migration, ashmig_export_migrations,
    ashmig_import_migration,
    ashmig_export_files, ashmig_import_files, ashmig_check_migrations, ashmig_install_extensions,
    ashmig_define_extension, ashmig_create_enum, ashmig_add_enum_value,
    ashmig_drop_enum, ashmig_mark_applied, ashmig_mark_rolled_back, ashmig_release
    FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION
    ashmig_migrate, ashmig_migrate_tenants, ashmig_migrate_all, ashmig_rollback, ashmig_rollback_tenants,
    ashmig_cancel, ashmig_status, ashmig_migrations, ashmig_precheck, ashmig_try, ashmig_public_references
    FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION
    ashmig_create_tenant, ashmig_rename_tenant, ashmig_drop_tenant, ashmig_export_tenant,
    ashmig_import_tenant, ashmig_set_all_tenants,
    ashmig_all_tenants, ashmig_manage_tenant, ashmig_unmanage_tenant, ashmig_add_reference
    FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION
    ashmig_drift, ashmig_drift_summary, ashmig_repair, ashmig_adopt, ashmig_attach_tenant
    FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION ashmig_grant, ashmig_revoke FROM PUBLIC;
REVOKE EXECUTE ON PROCEDURE
    ashmig_migrate_all_serial, ashmig_release_serial, ashmig_wait, ashmig_create_missing_tenants, ashmig_drop_tenant_serial
    FROM PUBLIC;

GRANT USAGE ON SCHEMA ashmig TO pg_monitor;
GRANT SELECT ON ashmig.progress TO pg_monitor;
