--
-- What cannot be made is refused when it is planned, with its path.
--
\set database ashmig_refusals
\i sql/include/opening.sql

SELECT ashmig_create_tenant('t1');
CREATE FUNCTION users(rest jsonb DEFAULT '{}') RETURNS jsonb
LANGUAGE sql AS $$ SELECT resource('users', id(), attr('org_id', 'uuid'), attr('email', 'text')) || rest $$;
CREATE FUNCTION posts(rest jsonb DEFAULT '{}', target text DEFAULT 'users.email', table_rest jsonb DEFAULT '{}') RETURNS jsonb
LANGUAGE sql AS $$
SELECT resource('posts', id(), attr('tenant_id', 'uuid'), ref('author', target, '{"primary_key?": false}' || rest, type => 'text')) || table_rest
$$;
CREATE FUNCTION identity(rest jsonb) RETURNS jsonb
LANGUAGE sql AS $$ SELECT jsonb_build_object('identities', jsonb_build_array('{"name": "i", "index_name": "i"}' || rest)) $$;
CREATE FUNCTION index(rest jsonb) RETURNS jsonb
LANGUAGE sql AS $$ SELECT jsonb_build_object('custom_indexes', jsonb_build_array('{"name": "x"}' || rest)) $$;
CREATE FUNCTION verdict(VARIADIC snapshots jsonb[]) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
  message text;
  detail text;
BEGIN
  PERFORM ashmig_plan(to_jsonb(snapshots), renames => '[]', drop_columns => true, drop_tables => false);
  RETURN 'planned';
EXCEPTION WHEN SQLSTATE 'MG058' OR SQLSTATE 'MG059' THEN
  GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL;
  RETURN SQLSTATE || ': ' || message || ' - ' || detail;
END
$$;

-- Columns that the snapshot does not have
SELECT ashmig_plan(users(identity('{"keys": ["mail"]}')));
SELECT verdict(users(index('{"fields": ["org_id", "mail"]}')));
SELECT verdict(users(index('{"fields": ["Mail"]}')));
SELECT verdict(users(index('{"fields": ["\"mail\" DESC"]}')));
SELECT verdict(users(index('{"fields": ["org_id"], "include": ["mail"]}')));
SELECT verdict(users(identity('{"keys": ["email"]}') || strategy('attribute', 'account_id')));
SELECT verdict(users(), posts('{"match_with": {"owner": "org_id"}}'));
SELECT verdict(users(), posts('{}', 'users.mail'));
-- expressions, and columns that are written as SQL, are none of these
SELECT verdict(users(index('{"fields": ["lower(mail)"]}')));
SELECT verdict(users(index('{"fields": ["EMAIL", "\"org_id\" DESC", "email text_pattern_ops"]}')));
SELECT verdict(users(identity('{"keys": ["coalesce(email, ''x'')"]}')));
-- an index of the table of that name in another schema
SELECT verdict(users(index('{"fields": ["mail"], "prefix": "archive"}')));
-- the column goes, its index does not: with the column, or with a retired one
SELECT apply(users(identity('{"keys": ["email"]}')));
SELECT ashmig_plan(resource('users', id(), attr('org_id', 'uuid')) || identity('{"keys": ["email"]}'), drop_columns => true);
SELECT ashmig_plan(resource('users', id(), attr('org_id', 'uuid')) || identity('{"keys": ["email"]}'));
SELECT verdict(resource('users', id(), attr('org_id', 'uuid')));
SELECT status FROM ashmig_rollback();
SELECT ashmig_remove_migration(version) FROM ashmig.migrations;

-- Foreign keys need a unique key over exactly their columns
SELECT ashmig_plan(jsonb_build_array(users(), posts()));
SELECT verdict(posts(), users(identity('{"keys": ["email"]}')));
SELECT verdict(posts(), users(identity('{"keys": ["email"], "where": "email <> ''''"}')));
SELECT verdict(posts(), users(identity('{"keys": ["email", "org_id"]}')));
SELECT verdict(posts(), users(index('{"fields": ["email"], "unique": true}')));
SELECT verdict(posts(), users(index('{"fields": ["EMAIL"], "unique": true}')));
SELECT verdict(posts(), users(index('{"fields": ["email"]}')));
SELECT verdict(posts(), users(index('{"fields": ["lower(email)"], "unique": true}')));
SELECT verdict(posts('{}', 'users.id'), users());
-- with further columns, in any order
SELECT verdict(users(identity('{"keys": ["email", "org_id"]}')), posts('{"match_with": {"tenant_id": "org_id"}}'));
SELECT verdict(users(identity('{"keys": ["email"]}')), posts('{"match_with": {"tenant_id": "org_id"}}'));
-- two tables by tenant attribute: the tenant's column comes with the identity
SELECT verdict(users(strategy('attribute', 'org_id') || identity('{"keys": ["email"]}')),
               posts(strategy('attribute', 'org_id'), table_rest => strategy('attribute', 'tenant_id')));
SELECT verdict(users(strategy('attribute', 'org_id') || identity('{"keys": ["email"], "all_tenants?": true}')),
               posts(strategy('attribute', 'org_id'), table_rest => strategy('attribute', 'tenant_id')));
SELECT verdict(users(strategy('attribute', 'org_id')), posts('{"match_tenant?": true}' || strategy('attribute', 'org_id'), 'users.id', strategy('attribute', 'tenant_id')));
-- the identity that the HINT shows is one that does
SELECT verdict(users(strategy('attribute', 'org_id') || '{"identities": [{"name": "id_org_id", "index_name": "users_id_org_id_unique_index", "keys": ["id", "org_id"], "all_tenants?": true}]}'),
               posts('{"match_tenant?": true}' || strategy('attribute', 'org_id'), 'users.id', strategy('attribute', 'tenant_id')));
-- partitioned tables, named schemas, tenants
SELECT verdict(resource('users', id(), attr('email', 'text', '{"primary_key?": true}')) || '{"create_table_options": "PARTITION BY HASH (id)"}', posts());
SELECT verdict(users('{"schema": "crm"}' || identity('{"keys": ["email"]}')), posts('{"schema": "crm"}'));
SELECT verdict(users('{"schema": "crm"}'), posts('{"schema": "crm"}'));
SELECT verdict(users(strategy('context')), posts(strategy('context'), table_rest => strategy('context')));
SELECT verdict(users(strategy('context') || identity('{"keys": ["email"]}')), posts(strategy('context'), table_rest => strategy('context')));
SELECT verdict(users(), posts(table_rest => strategy('context')));
SELECT verdict(users(identity('{"keys": ["email"]}')), posts(table_rest => strategy('context')));

-- The recorded table counts as well as a given one
SELECT apply(users(identity('{"keys": ["email"]}')));
SELECT verdict(posts());
SELECT verdict(posts('{}', 'users.org_id'));
SELECT apply(posts());
-- ... also where it loses the key, and the table that points to it is not given
SELECT verdict(users());
SELECT verdict(users(index('{"fields": ["email"], "unique": true}')));
-- ... or goes by another name
SELECT up FROM ashmig_plan(jsonb_set(users(identity('{"keys": ["email"]}')), '{table}', '"people"'), renames => '[{"table": "users", "to": "people"}]');
-- what does not change is not looked at
SELECT verdict(users(identity('{"keys": ["email"]}')), posts());
-- a table of another repo
SELECT verdict(jsonb_set(posts(), '{table}', '"notes"') || '{"repo": "Elixir.Other.Repo"}');
SELECT verdict(jsonb_set(posts('{}', 'users.org_id'), '{table}', '"notes"') || '{"repo": "Elixir.Other.Repo"}');

-- What no snapshot says: tables made by hand, keys made by hand
CREATE TABLE public.legacy (id bigint, code text, UNIQUE (code, id));
SELECT ashmig_plan(posts('{}', 'legacy.code'));
SELECT verdict(jsonb_set(posts('{"match_with": {"number": "id"}}', 'legacy.code'), '{attributes,2}', attr('number', 'bigint')));
CREATE TABLE t1.legacy (code text UNIQUE, number text);
SELECT verdict(posts(strategy('context'), 'legacy.code', strategy('context')));
SELECT verdict(posts(strategy('context'), 'legacy.number', strategy('context')));
SELECT verdict(posts('{}', 'nowhere.code'));
CREATE UNIQUE INDEX by_hand ON public.users (org_id);
SELECT verdict(posts('{}', 'users.org_id'));
DROP INDEX public.by_hand;
SELECT verdict(posts('{}', 'users.org_id'));
SELECT ashmig_add_migration(NULL, 'a key', 'ALTER TABLE users ADD UNIQUE (org_id)') > 0;
SELECT verdict(posts('{}', 'users.org_id'));
SELECT ashmig_remove_migration(max(version)) FROM ashmig.migrations;
SELECT verdict(posts('{}', 'users.org_id'), resource('other', id()) || '{"custom_statements": [{"name": "k", "up": "CREATE UNIQUE INDEX ON users (org_id)", "down": ""}]}');

\c :home
DROP DATABASE ashmig_refusals;
