--
-- Drift: schemas compared with what is recorded for them, and repaired
--
\set database ashmig_drift
\i sql/include/opening.sql
SET ashmig.workers = 2;

SELECT jsonb_build_array(
  resource('orgs', id(), attr('name', 'text')),
  resource('posts', id(), attr('title', 'text', '{"allow_nil?": false, "default": "\"untitled\""}'), attr('rank', 'bigint', '{"default": "0"}'),
    ref('org_id', 'orgs.id')) || strategy('context')
  || '{"identities": [{"name": "title", "keys": ["title"], "index_name": "posts_title_index"}],
       "custom_indexes": [{"fields": ["rank"]}],
       "check_constraints": [{"attribute": ["rank"], "name": "rank_ok", "check": "rank in (0, 1, 2)"}],
       "custom_statements": [{"name": "twice", "up": "CREATE FUNCTION #{prefix()}.twice(i integer) RETURNS integer LANGUAGE sql AS ''SELECT 2 * i''",
                              "down": "DROP FUNCTION #{prefix()}.twice", "code?": false}]}')::text AS snapshots \gset
SELECT * FROM apply(:'snapshots');
SELECT count(ashmig_create_tenant('org_' || i)) FROM generate_series(1, 14) AS i;

-- As they were made; what nobody speaks of is no drift
CREATE TABLE org_1.oban_jobs (id bigint);
CREATE TYPE org_1.mood AS ENUM ('good');
CREATE TABLE public.hand_made (id bigint);
COMMENT ON TABLE org_1.posts IS 'ours';
ALTER TABLE org_1.posts SET (fillfactor = 80);
CREATE FUNCTION org_1.audit() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER audit BEFORE INSERT ON org_1.posts FOR EACH ROW EXECUTE FUNCTION org_1.audit();
SELECT * FROM ashmig_drift();
SELECT scope, schemas, majority, differences FROM ashmig_drift_summary();

-- Every kind of difference, each in a tenant of its own
ALTER TABLE org_1.posts ADD COLUMN extra text;
ALTER TABLE org_2.posts DROP COLUMN org_id;
ALTER TABLE org_3.posts ALTER COLUMN title SET DEFAULT 'other';
DROP INDEX org_4.posts_rank_index;
ALTER TABLE org_5.posts DROP CONSTRAINT rank_ok, ADD CONSTRAINT rank_ok CHECK (rank IN (0, 1, 2)) NOT VALID;
UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'org_6.posts_title_index'::regclass;
ALTER TABLE org_7.posts RENAME CONSTRAINT posts_pkey TO mine;
ALTER INDEX org_8.posts_title_index RENAME TO mine;
ALTER TABLE org_9.posts ALTER COLUMN rank TYPE integer, ALTER COLUMN title DROP NOT NULL;
DROP TABLE org_10.posts;
DROP FUNCTION org_11.twice(integer);
ALTER TABLE org_12.posts ADD CONSTRAINT more CHECK (rank <> 1), DROP CONSTRAINT posts_org_id_fkey;
DROP SCHEMA org_13 CASCADE;
CREATE UNIQUE INDEX one_rank ON org_14.posts (rank);
ALTER TABLE public.orgs ALTER COLUMN name TYPE varchar(20), ADD COLUMN age integer;
\x
SELECT * FROM ashmig_drift();
\x
SELECT scope, schemas, majority, differences FROM ashmig_drift_summary();

-- Some of them
SELECT schema_name, object_name FROM ashmig_drift(only_tenants => '{org_3,org_4}', public => false);
SELECT count(*) FROM ashmig_drift(except_tenants => '{org_3}');
SELECT count(*) FROM ashmig_drift(repo => 'Other.Repo') WHERE table_name IS NOT NULL;
SELECT * FROM ashmig_drift(only_tenants => '{nobody}');
SELECT * FROM ashmig_drift(only_tenants => '{org_3}', except_tenants => '{org_4}');

-- Nothing that is repaired loses data
INSERT INTO org_1.posts (id, title, extra) VALUES (gen_random_uuid(), 'one', 'mine');
INSERT INTO public.orgs (id, name) VALUES (gen_random_uuid(), 'an organization');
BEGIN;
SELECT schema_name, applied, status FROM ashmig_repair('{org_3,org_4,org_5}');
SELECT schema_name FROM ashmig_drift() WHERE schema_name IN ('org_3', 'org_4', 'org_5');
ROLLBACK;
SELECT scope, schema_name, status, error FROM ashmig_repair();
SELECT scope, schema_name, object_kind, object_name, difference FROM ashmig_drift();
SELECT extra FROM org_1.posts;
SELECT name FROM public.orgs;
SELECT schema_name, statements FROM ashmig.repairs WHERE applied_at IS NOT NULL AND schema_name IN ('org_3', 'org_5') ORDER BY 1;
SELECT operation, status FROM ashmig.runs ORDER BY run DESC LIMIT 1;

-- A type that would change values, and data that breaks what is expected
ALTER TABLE org_2.posts ALTER COLUMN rank TYPE numeric;
INSERT INTO org_2.posts (id, title, rank) VALUES (gen_random_uuid(), 'two', 1);
ALTER TABLE org_2.posts DROP CONSTRAINT rank_ok;
UPDATE org_2.posts SET rank = 1.5;
DROP INDEX org_3.posts_title_index;
INSERT INTO org_3.posts (id, title) SELECT gen_random_uuid(), 'same' FROM generate_series(1, 2);
SELECT schema_name, status, error FROM ashmig_repair('{org_2,org_3}', on_error => 'report');

-- A tenant at an older version is compared with that one, retired columns are known
SELECT replace(replace(:'snapshots', '"source": "rank"', '"source": "score"'), '["rank"]', '["score"]')::text AS later \gset
SELECT replace(:'later', 'rank in', 'score in')::text AS later \gset
SELECT count(*) FROM ashmig_generate(:'later'::jsonb, name => 'later', renames => '[]');
SELECT schema_name, object_name FROM ashmig_drift(only_tenants => '{org_5,org_6}');
SELECT schema_name, status FROM ashmig_migrate_tenants(only_tenants => '{org_5}');
SELECT schema_name, object_name FROM ashmig_drift(only_tenants => '{org_5,org_6}');
ALTER TABLE org_5.posts DROP COLUMN score;
ALTER TABLE org_6.posts DROP COLUMN rank;
SELECT schema_name, object_name, difference FROM ashmig_drift(only_tenants => '{org_5,org_6}');

-- Without the older snapshots, the older structure is what rolling back leads to
SELECT ashmig_squash_snapshots() > 0 AS squashed;
DROP INDEX org_7.posts_title_index;
SELECT schema_name, object_name, difference FROM ashmig_drift(only_tenants => '{org_5,org_7}');

\c :home
DROP DATABASE ashmig_drift;
