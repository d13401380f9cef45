--
-- Types: what an attribute becomes as a column.
--
\set database ashmig_types
\i sql/include/opening.sql

CREATE EXTENSION citext SCHEMA public;
CREATE TYPE public.money_with_currency AS (currency_code varchar, amount numeric);
CREATE TYPE public."Mood" AS ENUM ('ok', 'sad');

-- The type of a column made of it
CREATE FUNCTION becomes(type jsonb, rest jsonb DEFAULT '{}') RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
  column_type text;
BEGIN
  PERFORM ashmig_apply(jsonb_build_array(resource('t', attr('x', 'text') || jsonb_build_object('type', type) || rest)),
                       drop_columns => true);
  SELECT definition INTO column_type FROM structure('public') WHERE name = 'x' AND kind = 'column';
  PERFORM ashmig_rollback(all_versions => true);
  DELETE FROM ashmig.migrations;
  DELETE FROM ashmig.snapshots;
  RETURN column_type;
END
$$;

-- Ecto's names
SELECT t, becomes(to_jsonb(t)) FROM unnest(ARRAY['string', 'text', 'integer', 'id', 'bigint', 'binary_id', 'uuid', 'binary',
  'bitstring', 'map', 'decimal', 'float', 'boolean', 'date', 'time', 'utc_datetime', 'naive_datetime', 'time_usec',
  'utc_datetime_usec', 'naive_datetime_usec', 'duration', 'identity']) AS t;

-- With size, precision and scale
SELECT becomes('"string"', '{"size": 40}');
SELECT becomes('"binary"', '{"size": null}');
SELECT becomes('"char"', '{"size": 3}');
SELECT becomes('"varbit"', '{"size": 8}');
SELECT becomes('"decimal"', '{"precision": 10}');
SELECT becomes('"decimal"', '{"precision": 10, "scale": 2}');
SELECT becomes('"decimal"', '{"precision": 10, "scale": 0}');
SELECT becomes('"decimal"', '{"precision": null, "scale": 2}');
SELECT becomes('"numeric"', '{"precision": 10, "scale": 2}');
SELECT becomes('"utc_datetime_usec"', '{"precision": 3}');
SELECT becomes('"naive_datetime_usec"', '{"precision": 0}');
SELECT becomes('"time_usec"', '{"precision": 6}');
SELECT becomes('"duration"', '{"precision": 0}');

-- Sequences
SELECT becomes('"bigint"', '{"generated?": true}');
SELECT becomes('"integer"', '{"generated?": true}');
SELECT becomes('"bigint"', '{"generated?": true, "default": "0"}');
SELECT becomes('"smallint"', '{"generated?": true}');
SELECT becomes('"uuid"', '{"generated?": true}');
SELECT t, becomes(to_jsonb(t)) FROM unnest(ARRAY['serial', 'bigserial', 'smallserial']) AS t;
SELECT becomes('"serial"', '{"default": "7"}');
SELECT becomes('["array", "serial"]');

-- Lists
SELECT becomes('["array", "text"]');
SELECT becomes('["array", "string"]');
SELECT becomes('["array", "string"]', '{"size": 12}');
SELECT becomes('["array", "map"]');
SELECT becomes('["array", "utc_datetime"]');
SELECT becomes('["array", "decimal"]', '{"precision": 6, "scale": 1}');
SELECT becomes('["array", ["array", "integer"]]');
SELECT becomes('["map", "text"]');
SELECT becomes('["array", ["map", "integer"]]');

-- PostgreSQL's own
SELECT t, becomes(to_jsonb(t)) FROM unnest(ARRAY['citext', 'CITEXT', 'timestamptz', 'timestamptz(6)', 'timestamp with time zone',
  'timestamp (2) with time zone', 'interval day to second(2)', 'double precision', 'numeric(6,2)', 'character varying(7)', 'bit varying(3)',
  'inet', 'int4range', 'tsvector', 'text[]', 'integer[3][]', 'public.citext', '"Mood"', 'public."Mood"', 'money_with_currency', '"char"']) AS t;

-- Unknown types, and text that is not a single type
SELECT becomes('"Mood"');
SELECT becomes('"nonsense"');
SELECT becomes('"vector(384)"');
SELECT becomes('"text; DROP TABLE t"');
SELECT becomes('"varchar"', '{"size": 0}');
SELECT becomes('"varchar"', '{"size": 20000000}');
SELECT becomes('"utc_datetime_usec"', '{"precision": 7}');
SELECT becomes('"decimal"', '{"precision": 2000, "scale": 1}');
SELECT count(*) FROM ashmig.migrations;
-- a temporary type
CREATE TYPE pg_temp.passing AS ENUM ('a');
SELECT becomes('"passing"');
SELECT becomes('["array", "passing"]');
-- an error of the server is not reported as an unknown type
CREATE TYPE public.broken;
CREATE FUNCTION public.broken_in(cstring) RETURNS public.broken LANGUAGE internal IMMUTABLE STRICT AS 'textin';
CREATE FUNCTION public.broken_out(public.broken) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'textout';
CREATE FUNCTION public.broken_modifiers(cstring[]) RETURNS integer LANGUAGE internal IMMUTABLE STRICT AS 'tsvector_update_trigger_byid';
CREATE TYPE public.broken (INPUT = public.broken_in, OUTPUT = public.broken_out, TYPMOD_IN = public.broken_modifiers, LIKE = text);
SELECT becomes('"broken"');
\set VERBOSITY sqlstate
SELECT becomes('"broken(1)"');
\set VERBOSITY default

-- A default that is not valid for its type is an error before anything is recorded
SELECT becomes('"integer"', '{"default": "\"many\""}');
SELECT becomes('"map"', '{"default": "~D[2022-04-19]"}');
SELECT becomes('"\"Mood\""', '{"default": "\"bad\""}');
SELECT becomes('"\"Mood\""', '{"default": "\"sad\""}');
SELECT becomes('["array", "uuid"]', '{"default": "[\"a\"]"}');
SELECT becomes('"integer"', '{"default": "true"}');
SELECT becomes('"integer"', '{"default": "fragment(\"still_to_come()\")"}');
SELECT count(*) FROM ashmig.migrations;

-- A type, or an enum's value, that a pending statement creates, however it is written.
-- It is planning that is asked here; a proof asks more.
SET ashmig.prove = off;
CREATE FUNCTION brought(statement text, column_type text) RETURNS text
LANGUAGE plpgsql AS $$
BEGIN
  PERFORM ashmig_generate(jsonb_build_array(resource('first', id()) || jsonb_build_object('custom_statements',
    jsonb_build_array(jsonb_build_object('name', 's', 'up', statement, 'down', '', 'code?', false)))));
  PERFORM ashmig_generate(jsonb_build_array(resource('second', id(), attr('x', column_type, '{"default": "\"new\""}'))));
  RAISE EXCEPTION 'accepted';
EXCEPTION WHEN OTHERS THEN
  RETURN sqlerrm;
END
$$;
SELECT brought('CREATE TYPE brought_1 AS ENUM (''new'')', 'brought_1');
SELECT brought(E'create\n\t/* a */ -- b\n  Type brought_2 AS ENUM (''new'')', 'brought_2');
SELECT brought('ALTER  TYPE "Mood" ADD VALUE ''new''', '"Mood"');
SELECT brought('CREATE TABLE recreate (type text)', 'brought_3');
SELECT brought('SELECT 1', '"Mood"');
RESET ashmig.prove;

\c :home
DROP DATABASE ashmig_types;
