--
-- Shared references: a foreign key's promise, by triggers that all tenants share.
--
\set database ashmig_shared_references
\i sql/include/opening.sql
SET search_path = public, tools;

CREATE TABLE users (id integer PRIMARY KEY, name text NOT NULL);
CREATE SCHEMA shared_1;
CREATE SCHEMA shared_2;
CREATE TABLE shared_1.posts (id integer PRIMARY KEY, author_id integer, editor_id integer, title text);
CREATE TABLE shared_2.posts (id integer PRIMARY KEY, author_id integer NOT NULL);
CREATE INDEX posts_author_id_idx ON shared_1.posts (author_id);
INSERT INTO users SELECT n, 'user ' || n FROM generate_series(1, 9) AS n;
INSERT INTO shared_2.posts VALUES (1, 1), (2, 10);

-- Rows that are there are checked. What fails leaves nothing behind.
SELECT ashmig_add_reference('shared_2.posts', 'posts_author_id_fkey', '{author_id}', 'users');
SELECT tgname FROM pg_trigger WHERE tgrelid = 'users'::regclass;
DELETE FROM shared_2.posts WHERE id = 2;
SELECT ashmig_add_reference('shared_2.posts', 'posts_author_id_fkey', '{author_id}', 'users');
SELECT ashmig_add_reference('shared_1.posts', 'posts_author_id_fkey', '{author_id}', 'users', 'cascade', 'cascade');
SELECT ashmig_add_reference('shared_1.posts', 'posts_editor_id_fkey', '{editor_id}', 'users', on_delete => 'set null');
SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE tgrelid IN ('users'::regclass, 'shared_1.posts'::regclass) ORDER BY tgname;

-- The tenant's side, with the errors that applications know.
INSERT INTO shared_1.posts VALUES (1, 10, NULL, 'no such author');
INSERT INTO shared_1.posts VALUES (1, 1, 2, 'first'), (2, 2, 1, 'second'), (3, NULL, NULL, 'third');
UPDATE shared_1.posts SET author_id = 10 WHERE id = 1;
UPDATE shared_1.posts SET title = 'changed' WHERE id = 1;
\set VERBOSITY sqlstate
INSERT INTO shared_2.posts VALUES (3, 10);
\set VERBOSITY default
DO $$
DECLARE
  violated text;
BEGIN
  INSERT INTO shared_2.posts VALUES (3, 10);
EXCEPTION WHEN foreign_key_violation THEN
  GET STACKED DIAGNOSTICS violated = CONSTRAINT_NAME;
  RAISE WARNING 'violated: %', violated;
END
$$;

-- A trigger that changes the column is no way around it.
CREATE FUNCTION to_ten() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.author_id := 10; RETURN NEW; END';
CREATE TRIGGER to_ten BEFORE UPDATE ON shared_1.posts FOR EACH ROW EXECUTE FUNCTION to_ten();
UPDATE shared_1.posts SET title = 'sneaky' WHERE id = 1;
DROP TRIGGER to_ten ON shared_1.posts;
-- Nor one that updates the new row before the check of its insertion.
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS
  'BEGIN UPDATE shared_1.posts SET title = upper(title) WHERE id = NEW.id; RETURN NULL; END';
CREATE TRIGGER a_touch AFTER INSERT ON shared_1.posts FOR EACH ROW EXECUTE FUNCTION touch();
INSERT INTO shared_1.posts VALUES (9, 10, NULL, 'touched');
INSERT INTO shared_1.posts VALUES (9, 9, NULL, 'touched');
DROP TRIGGER a_touch ON shared_1.posts;

-- The public side.
DELETE FROM users WHERE id = 1;
DELETE FROM shared_2.posts;
DELETE FROM users WHERE id = 1;
TABLE shared_1.posts ORDER BY id;
UPDATE users SET id = 20 WHERE id = 2;
UPDATE users SET name = 'no key' WHERE id = 20;
TABLE shared_1.posts ORDER BY id;
-- "No action" looks at the end of the statement.
INSERT INTO shared_2.posts VALUES (1, 5);
WITH again AS (INSERT INTO users VALUES (5, 'again')) DELETE FROM users WHERE id = 5;
UPDATE users SET id = 12 WHERE id = 5;
TRUNCATE users;
TRUNCATE users CASCADE;

-- It looks into the tables and lets go of them: only one that has rows stays locked.
BEGIN;
DELETE FROM users WHERE id = 8;
SELECT relation::regclass::text, mode FROM pg_locks
 WHERE pid = pg_backend_pid() AND relation::regclass::text LIKE 'shared\_%' ORDER BY 1, 2;
DELETE FROM users WHERE id = 9;
SELECT DISTINCT relation::regclass::text FROM pg_locks
 WHERE pid = pg_backend_pid() AND relation::regclass::text LIKE 'shared\_%' ORDER BY 1;
ROLLBACK;

-- Names may change. A dropped table is forgotten, a dropped trigger ends the reference.
ALTER TABLE users RENAME TO people;
ALTER TABLE people RENAME COLUMN id TO key;
ALTER TABLE shared_1.posts RENAME COLUMN author_id TO writer_id;
ALTER SCHEMA shared_1 RENAME TO shared_3;
INSERT INTO shared_3.posts VALUES (4, 10);
INSERT INTO shared_3.posts VALUES (4, 3);
DELETE FROM people WHERE key = 3;
SELECT count(*) FROM shared_3.posts WHERE id = 4;
DROP TABLE shared_2.posts;
DROP TRIGGER posts_editor_id_fkey ON shared_3.posts;
UPDATE shared_3.posts SET editor_id = 100;
ALTER TABLE shared_3.posts DROP COLUMN writer_id;

-- Without the public side, the tenants' side refuses; adding it again mends that.
CREATE TABLE shared_3.notes (id integer PRIMARY KEY, author_id integer);
SELECT ashmig_add_reference('shared_3.notes', 'notes_author_id_fkey', '{author_id}', 'people');
ALTER TABLE people DISABLE TRIGGER ashmig_referenced_row_deleted;
INSERT INTO shared_3.notes VALUES (1, 4);
DROP TRIGGER notes_author_id_fkey ON shared_3.notes;
SELECT ashmig_add_reference('shared_3.notes', 'notes_author_id_fkey', '{author_id}', 'people');
INSERT INTO shared_3.notes VALUES (1, 4);
ALTER TABLE people DROP CONSTRAINT users_pkey;
INSERT INTO shared_3.notes VALUES (2, 4);
ALTER TABLE people ADD PRIMARY KEY (key);
INSERT INTO shared_3.notes VALUES (2, 4);

-- What cannot be a shared reference.
CREATE TABLE odd (id bigint PRIMARY KEY, a integer, b text);
CREATE TABLE no_key (id integer);
CREATE TABLE parts (id integer PRIMARY KEY) PARTITION BY RANGE (id);
CREATE TEMPORARY TABLE passing (id integer);
SELECT ashmig_add_reference('odd', 'f', '{id}', 'people');
SELECT ashmig_add_reference('odd', 'f', '{a,b}', 'people');
SELECT ashmig_add_reference('odd', 'f', '{a,a}', 'people');
SELECT ashmig_add_reference('odd', 'f', '{nothing}', 'people');
SELECT ashmig_add_reference('odd', 'f', '{a}', 'no_key');
SELECT ashmig_add_reference('odd', 'f', '{a}', 'parts');
SELECT ashmig_add_reference('passing', 'f', '{id}', 'people');
SELECT ashmig_add_reference('odd', 'f', '{a}', 'people', on_delete => 'set default');
SELECT ashmig_add_reference('odd', 'f', '{a}', 0);
CREATE TRIGGER mine AFTER INSERT ON odd FOR EACH ROW EXECUTE FUNCTION ashmig.reference_row_written();
INSERT INTO odd VALUES (1);
DROP TABLE odd, no_key, parts, passing;

-- A key of two columns.
CREATE TABLE places (country text, city text, PRIMARY KEY (country, city));
CREATE TABLE shared_2.visits (id integer PRIMARY KEY, town text, land text);
INSERT INTO places VALUES ('de', 'Köln'), ('fr', 'Lyon');
SELECT ashmig_add_reference('shared_2.visits', 'visits_place_fkey', '{land,town}', 'places', 'set null', 'cascade');
INSERT INTO shared_2.visits VALUES (1, 'Lyon', 'de');
INSERT INTO shared_2.visits VALUES (1, 'Lyon', NULL), (2, 'Lyon', 'fr'), (3, 'Köln', 'de');
UPDATE places SET city = 'Cologne' WHERE country = 'de';
DELETE FROM places WHERE country = 'fr';
TABLE shared_2.visits ORDER BY id;

-- Rows are written by a role that has no right on the schema ashmig, and none to read
-- the tables of tenants: those are looked into, and changed, as their owners.
CREATE ROLE ashmig_clerk;
CREATE ROLE ashmig_landlord;
CREATE TABLE shops (id integer PRIMARY KEY);
INSERT INTO shops SELECT generate_series(1, 5);
CREATE SCHEMA shared_4 AUTHORIZATION ashmig_landlord;
CREATE TABLE shared_4.orders (id integer PRIMARY KEY, shop_id integer);
ALTER TABLE shared_4.orders OWNER TO ashmig_landlord;
CREATE TABLE shared_4.notes (id integer PRIMARY KEY, shop_id integer);
ALTER TABLE shared_4.notes OWNER TO ashmig_landlord;
SELECT ashmig_add_reference('shared_4.orders', 'orders_shop_id_fkey', '{shop_id}', 'shops', 'cascade');
SELECT ashmig_add_reference('shared_4.notes', 'notes_shop_id_fkey', '{shop_id}', 'shops');
INSERT INTO shared_4.notes VALUES (1, 5);
GRANT USAGE ON SCHEMA shared_4 TO ashmig_clerk;
GRANT INSERT ON shared_4.orders TO ashmig_clerk;
GRANT SELECT, DELETE, TRUNCATE ON shops TO ashmig_clerk;
SET ROLE ashmig_clerk;
INSERT INTO shared_4.orders VALUES (1, 1), (2, 2), (3, 5);
INSERT INTO shared_4.orders VALUES (4, 6);
DELETE FROM shops WHERE id IN (1, 4);
DELETE FROM shops WHERE id = 5;
TRUNCATE shops;
RESET ROLE;
TABLE shared_4.orders;
-- What the owner of a tenant's table has written never runs as somebody else.
SET ROLE ashmig_landlord;
CREATE FUNCTION shared_4.who(integer) RETURNS integer LANGUAGE plpgsql IMMUTABLE AS
  $$ BEGIN IF current_user <> 'ashmig_landlord' THEN RAISE WARNING 'runs as somebody else'; END IF; RETURN 1; END $$;
CREATE INDEX ON shared_4.orders (shop_id) WHERE shared_4.who(1) = 1;
RESET ROLE;
-- in a session that has not read the index yet
\c :database
SET search_path = public, tools;
DELETE FROM shops WHERE id IN (2, 3);
SET ROLE ashmig_landlord;
TABLE shared_4.orders;
RESET ROLE;

--
-- The same as foreign keys do: what happens to two copies of the same tables, one with
-- foreign keys and one with shared references, in 1,500 random statements
--
CREATE SCHEMA keys_0;
CREATE SCHEMA refs_0;
CREATE TABLE outcomes (state text);
DO $$
DECLARE
  action text;
  form text;
  t text;
BEGIN
  FOREACH form IN ARRAY ARRAY['keys', 'refs'] LOOP
    EXECUTE format('CREATE TABLE %I.top (id integer PRIMARY KEY, name text)', form || '_0');
    FOREACH action IN ARRAY ARRAY['no action', 'restrict', 'cascade', 'set null'] LOOP
      FOR i IN 1 .. 2 LOOP
        t := translate(action, ' ', '_') || i;
        EXECUTE format('CREATE TABLE %I.%I (id integer PRIMARY KEY, top_id integer)', form || '_0', t);
        IF i = 1 THEN EXECUTE format('CREATE INDEX ON %I.%I (top_id)', form || '_0', t); END IF;
        IF form = 'keys' THEN
          EXECUTE format('ALTER TABLE keys_0.%I ADD CONSTRAINT f FOREIGN KEY (top_id) REFERENCES keys_0.top ON DELETE %s ON UPDATE %s',
                         t, action, CASE WHEN i = 1 THEN action ELSE 'cascade' END);
        ELSE
          PERFORM ashmig_add_reference(format('refs_0.%I', t)::regclass, 'f', '{top_id}', 'refs_0.top',
                                       action, CASE WHEN i = 1 THEN action ELSE 'cascade' END);
        END IF;
      END LOOP;
    END LOOP;
  END LOOP;
END
$$;

-- Run it in both; returns what happened where that differs.
CREATE FUNCTION in_both(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  states text[] := '{}';
  form text;
  n bigint;
BEGIN
  FOREACH form IN ARRAY ARRAY['keys_0', 'refs_0'] LOOP
    BEGIN
      PERFORM set_config('search_path', form, true);
      EXECUTE statement;
      GET DIAGNOSTICS n = ROW_COUNT;
      states := states || n::text;
    EXCEPTION WHEN OTHERS THEN
      states := states || SQLSTATE;
    END;
  END LOOP;
  INSERT INTO public.outcomes VALUES (states[1]);
  RETURN CASE WHEN states[1] <> states[2] THEN format('%s: %s, %s', statement, states[1], states[2]) END;
END
$$;

CREATE FUNCTION random_statement() RETURNS text LANGUAGE sql VOLATILE AS $$
  SELECT CASE
    WHEN dice < 0.25 THEN format('INSERT INTO top SELECT n FROM generate_series(%s, %s) AS n ON CONFLICT DO NOTHING', a, a + 2)
    WHEN dice < 0.45 THEN format('INSERT INTO %I VALUES (%s, %s) ON CONFLICT (id) DO UPDATE SET top_id = excluded.top_id', t, b, a)
    WHEN dice < 0.60 THEN format('UPDATE %I SET top_id = %s WHERE id BETWEEN %s AND %s', t, coalesce(nullif(a, 7)::text, 'NULL'), b, b + 3)
    WHEN dice < 0.70 THEN format('DELETE FROM %I WHERE id = %s', t, b)
    WHEN dice < 0.80 THEN format('DELETE FROM top WHERE id IN (%s, %s)', a, b)
    WHEN dice < 0.88 THEN format('UPDATE top SET id = %s - id WHERE id IN (%s, %s)', a + b, a, b)
    WHEN dice < 0.95 THEN format('UPDATE top SET id = %s WHERE id = %s', b, a)
    ELSE format('WITH gone AS (DELETE FROM %I WHERE top_id = %s) DELETE FROM top WHERE id = %s', t, a, a) END
  FROM (SELECT random() AS dice, (random() * 12)::integer AS a, (random() * 12)::integer AS b,
    (ARRAY['no_action', 'restrict', 'cascade', 'set_null'])[1 + (random() * 3)::integer] || 1 + (random())::integer AS t) AS r
$$;

SELECT setseed(0.4);
SELECT differs FROM generate_series(1, 1500) AS n, LATERAL in_both(random_statement() || left(n::text, 0)) AS differs
 WHERE differs IS NOT NULL;
CREATE FUNCTION rows_of(relation text) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  result jsonb;
BEGIN
  EXECUTE format('SELECT jsonb_agg(to_jsonb(t) ORDER BY t.id) FROM %s AS t', relation) INTO result;
  RETURN result;
END
$$;
SELECT t AS differs FROM unnest(ARRAY['top', 'no_action1', 'no_action2', 'restrict1', 'restrict2', 'cascade1', 'cascade2',
  'set_null1', 'set_null2']) AS t
 WHERE rows_of('keys_0.' || t) IS DISTINCT FROM rows_of('refs_0.' || t);
-- There was something to compare.
SELECT count(*) FILTER (WHERE state = '23503') > 50, count(*) FILTER (WHERE state ~ '^[1-9]$') > 200 FROM outcomes;
SELECT jsonb_array_length(rows_of('refs_0.top')) > 3, jsonb_array_length(rows_of('refs_0.cascade2')) > 3;

\c :home
DROP DATABASE ashmig_shared_references;
DROP ROLE ashmig_clerk, ashmig_landlord;
