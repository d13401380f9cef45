\set ECHO none
--
-- The shared opening of the tests of code generation: work in a copy of the
-- database of setup.sql, and print tuples only.
--
--   \set database ashmig_NAME
--   \i sql/include/opening.sql
--   ...
--   \c :home
--   DROP DATABASE ashmig_NAME;
--
SELECT current_database() AS home \gset
CREATE DATABASE :database TEMPLATE :"home";
\c :database
SET client_min_messages = warning;
SET search_path = tools, public;
SET ashmig.workers = 0;
\set SHOW_CONTEXT never
\pset format unaligned
\pset fieldsep ' | '
\pset tuples_only on
\set ECHO all
