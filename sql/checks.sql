--
-- Check constraints and custom statements.
--
\set database ashmig_checks
\i sql/include/opening.sql

SELECT ashmig_create_tenant('t1');
SELECT ashmig_create_tenant('t-2');
CREATE FUNCTION posts(parts jsonb, strategy text DEFAULT NULL) RETURNS jsonb
LANGUAGE sql AS $$
SELECT jsonb_build_array(resource('posts', id(), attr('price', 'integer'), attr('draft', 'boolean')) || strategy(strategy) || parts)
$$;
CREATE FUNCTION step_with(parts jsonb, strategy text DEFAULT NULL) RETURNS SETOF text
LANGUAGE sql AS $$
SELECT concat_ws(' | ', nullif(up, ''), nullif(down, '')) FROM planned(posts(parts, strategy), drop_tables => true)
UNION ALL SELECT lawful(posts(parts, strategy), drop_tables => true)
$$;

-- Checks
SELECT step_with('{"check_constraints": [{"name": "positive", "attribute": ["price"], "check": "price > 0"}]}');
SELECT step_with('{"check_constraints": [{"name": "positive", "attribute": "price", "check": "price > 0"}]}');
SELECT step_with('{"check_constraints": [{"name": "positive", "attribute": ["price"], "check": "price > 1 OR price IS NULL"}]}');
-- with a filter; then only the filter changes
SELECT step_with('{"check_constraints": [{"name": "positive", "attribute": ["price"], "check": "price > 1 OR price IS NULL", "base_filter": "NOT draft"}]}');
SELECT step_with('{"check_constraints": [{"name": "positive", "attribute": ["price"], "check": "price > 1 OR price IS NULL", "base_filter": "draft"}]}');
SELECT step_with('{"check_constraints": [{"name": "positive", "attribute": ["price"], "check": "price > 1 -- at least", "base_filter": "draft -- too"}]}');
SELECT step_with('{"check_constraints": [{"name": "positive", "attribute": ["price"], "check": "price > 1"}, {"name": "it''s \"two\"", "attribute": [], "check": "draft"}]}');
SELECT name, definition FROM structure('public') WHERE kind = 'constraint';
SELECT step_with('{}');

-- Not a single condition
SELECT step_with('{"check_constraints": [{"name": "c", "attribute": [], "check": "price > 0) NO INHERIT; DROP TABLE posts; --"}]}');
SELECT step_with('{"check_constraints": [{"name": "c", "attribute": [], "check": "price > 0 AS x"}]}');
SELECT step_with('{"check_constraints": [{"name": "c", "attribute": [], "check": ""}]}');
SELECT step_with('{"check_constraints": [{"name": "c", "attribute": [], "check": "/* open"}]}');
SELECT step_with('{"check_constraints": [{"name": "c", "attribute": [], "check": "missing > 0"}]}');
SELECT step_with('{"check_constraints": [{"name": "c", "attribute": [], "check": "price > 0"}, {"name": "c", "attribute": [], "check": "price > 1"}]}');

-- Statements: added in order, removed in reverse order; a changed one is removed and added again
SELECT step_with('{"custom_statements": [
  {"name": "a", "up": "CREATE SEQUENCE a; -- one\n", "down": "DROP SEQUENCE a"},
  {"name": "b", "up": "CREATE VIEW b AS SELECT '';'' || last_value AS x FROM a", "down": "DROP VIEW b"}]}');
SELECT step_with('{"custom_statements": [
  {"name": "a", "up": "CREATE SEQUENCE a START 5", "down": "DROP SEQUENCE a"},
  {"name": "b", "up": "CREATE VIEW b AS SELECT '';'' || last_value AS y FROM a", "down": "DROP VIEW b"}]}');
SELECT step_with('{"custom_statements": [{"name": "b", "up": "CREATE VIEW b AS SELECT 1 AS z", "down": "DROP VIEW b"}]}');
SELECT step_with('{}');
-- an empty statement is ignored
SELECT step_with('{"custom_statements": [{"name": "nothing", "up": " \n", "down": ""}]}');
-- Elixir code
SELECT step_with('{"custom_statements": [{"name": "code", "up": "create table(:x)", "down": "drop table(:x)", "code?": true}]}');

-- In tenants: the name of the schema, and tables without a schema
SELECT step_with('{"custom_statements": [
  {"name": "a", "up": "CREATE VIEW \"#{prefix()}\".cheap AS SELECT id FROM posts", "down": "DROP VIEW \"#{prefix()}\".cheap"},
  {"name": "b", "up": "COMMENT ON TABLE @tenant@.posts IS ''of #{prefix()}''", "down": "COMMENT ON TABLE @tenant@.posts IS NULL"},
  {"name": "c", "up": "CREATE SEQUENCE of_all", "down": "DROP SEQUENCE of_all", "global?": true}]}', 'context');
SELECT schema, e.name FROM unnest('{public,t1,t-2}'::text[]) AS schema, structure(schema) AS e WHERE kind IN ('view', 'sequence');
SELECT obj_description('t1.posts'::regclass), obj_description('"t-2".posts'::regclass);
-- only the global one changes
SELECT scope, up, down FROM planned(posts('{"custom_statements": [
  {"name": "a", "up": "CREATE VIEW \"#{prefix()}\".cheap AS SELECT id FROM posts", "down": "DROP VIEW \"#{prefix()}\".cheap"},
  {"name": "b", "up": "COMMENT ON TABLE @tenant@.posts IS ''of #{prefix()}''", "down": "COMMENT ON TABLE @tenant@.posts IS NULL"}]}', 'context'));

-- A statement that fails rolls everything back
SET ashmig.prove = off;
SELECT step_with('{"custom_statements": [{"name": "fails", "up": "SELECT 1/0", "down": ""}]}', 'context');
RESET ashmig.prove;
SELECT schema, e.name FROM unnest('{public,t1,t-2}'::text[]) AS schema, structure(schema) AS e WHERE kind IN ('view', 'sequence');

\c :home
DROP DATABASE ashmig_checks;
