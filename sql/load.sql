--
-- ashmig_load: reads a resource_snapshots folder on the server into a bundle.
--
SELECT current_database() AS home \gset
CREATE DATABASE ashmig_load;
\c ashmig_load
SET client_min_messages = warning;
CREATE EXTENSION ashmig;
\pset format unaligned
\pset tuples_only on
\set root `pwd`/results/load
SELECT set_config('test.root', :'root', false) = :'root';

-- The content of a bundle: the files, and the tables of their snapshots
CREATE FUNCTION pg_temp.loaded(folder text, dev boolean DEFAULT false) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
	bundle jsonb := ashmig_load(current_setting('test.root') || '/' || folder, dev);
BEGIN
	RETURN concat_ws(E'\n',
		(SELECT string_agg((file #>> '{}') || '  has  ' || (bundle->'snapshots'->(position::int - 1)->>'table'), E'\n' ORDER BY position)
		 FROM jsonb_array_elements(bundle->'files') WITH ORDINALITY AS f(file, position)),
		'extensions: ' || (bundle->'extensions')::text);
END $$;
CREATE FUNCTION pg_temp.refused(folder text) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
	detail text;
	hint text;
BEGIN
	PERFORM ashmig_load(current_setting('test.root') || '/' || folder);
	RETURN 'taken';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
	RETURN concat_ws(E'\n    ', replace(sqlstate || ': ' || sqlerrm, current_setting('test.root'), '...'),
		nullif(detail, ''), nullif(hint, ''));
END $$;

\! rm -rf results/load
\! mkdir -p results/load/app/repo/posts results/load/app/repo/audit.logs results/load/app/repo/logs results/load/app/repo/tenants/notes
\! mkdir -p results/load/app/repo/drafts results/load/app/repo/empty results/load/app/repo/early results/load/app/other_repo/things
\! cd results/load/app/repo && echo '{"table": "posts, old", "attributes": []}' > posts/20240101000000.json
\! cd results/load/app/repo && echo '{"table": "posts", "attributes": []}' > posts/20250101000000.json
\! cd results/load/app/repo && echo '{"table": "posts, dev", "attributes": []}' > posts/20260101000000_dev.json
\! cd results/load/app/repo && echo 'not JSON' > posts/README.md && echo 'not JSON' > posts/2025.json && echo 'not JSON' > posts/20250101000000.json.orig
\! cd results/load/app/repo && echo '{"table": "posts, flat", "attributes": []}' > posts.json && echo '{"table": "users", "attributes": []}' > users.json
\! cd results/load/app/repo && echo '{"table": "drafts", "attributes": []}' > drafts/20250101000000_dev.json && echo '{"table": "early", "attributes": []}' > early/initial.json
\! cd results/load/app/repo && echo '{"table": "logs", "schema": "audit", "attributes": []}' > audit.logs/20250101000000.json
\! cd results/load/app/repo && echo '{"table": "logs, old", "schema": "audit", "attributes": []}' > logs/20240101000000.json
\! cd results/load/app/repo && echo '{"table": "tenants", "attributes": []}' > tenants/20240101000000.json
\! cd results/load/app/repo && echo '{"table": "notes", "multitenancy": {"strategy": "context"}, "attributes": []}' > tenants/notes/20240101000000.json
\! cd results/load/app && echo '{"table": "things", "attributes": []}' > other_repo/things/20240101000000.json
\! cd results/load/app && echo '{"ash_functions_version": 5, "installed": ["ash-functions", "citext"]}' > repo/extensions.json && echo '["citext", "pg_trgm"]' > other_repo/extensions.json
\! chmod -R a+rX results/load

-- All repos, one repo, with development files
SELECT pg_temp.loaded('app');
SELECT pg_temp.loaded('app/repo');
SELECT pg_temp.loaded('app/other_repo/');
SELECT pg_temp.loaded('app', dev => true);

-- A table may be called extensions
\! mkdir -p results/load/tables/repo/extensions && echo '{"table": "extensions", "attributes": []}' > results/load/tables/repo/extensions/20240101000000.json
SELECT pg_temp.loaded('tables');

-- extensions.json alone, and next to the repos, as in older versions
\! mkdir -p results/load/only/repo && echo '{"installed": ["citext"]}' > results/load/only/repo/extensions.json
SELECT pg_temp.loaded('only');
\! mkdir -p results/load/legacy/repo/posts && echo '["citext"]' > results/load/legacy/extensions.json
\! echo '{"table": "posts", "attributes": []}' > results/load/legacy/repo/posts/20240101000000.json
SELECT pg_temp.loaded('legacy');

-- The bundle is a valid argument
SELECT count(*) FROM ashmig_operations('[]', ashmig_load(current_setting('test.root') || '/legacy'));

-- A mistake in a file, found when it is decoded
\! echo '{"table": "posts", "attributes": [{"source": "id"}]}' > results/load/legacy/repo/posts/20250101000000.json
SELECT count(*) FROM ashmig_operations('[]', ashmig_load(current_setting('test.root') || '/legacy'));

-- Files that are not snapshots
\! mkdir -p results/load/bad/repo/posts
\! printf '{"table": ' > results/load/bad/repo/posts/20240101000000.json
SELECT pg_temp.refused('bad');
\! printf '' > results/load/bad/repo/posts/20240101000000.json
SELECT pg_temp.refused('bad');
\! printf 'version https://git-lfs.github.com/spec/v1' > results/load/bad/repo/posts/20240101000000.json
SELECT pg_temp.refused('bad');
\! printf '[{"table": "posts"}]' > results/load/bad/repo/posts/20240101000000.json
SELECT pg_temp.refused('bad');
\! printf '{"table": "p\377"}' > results/load/bad/repo/posts/20240101000000.json
SELECT pg_temp.refused('bad');
\! printf '{"table": "p\000"}' > results/load/bad/repo/posts/20240101000000.json
SELECT pg_temp.refused('bad');
\! printf '{"table": "p\\u0000"}' > results/load/bad/repo/posts/20240101000000.json
SELECT pg_temp.refused('bad');
\! head -c 17000000 /dev/zero > results/load/bad/repo/posts/20240101000000.json
SELECT pg_temp.refused('bad');
\! rm results/load/bad/repo/posts/20240101000000.json && mkfifo results/load/bad/repo/posts/20240101000000.json
SELECT pg_temp.refused('bad');
\! rm results/load/bad/repo/posts/20240101000000.json && echo '{"installed": {}}' > results/load/bad/repo/extensions.json
SELECT pg_temp.refused('bad');

-- Missing and invalid folders
SELECT pg_temp.refused('no such folder');
SELECT pg_temp.refused('app/repo/users.json');
SELECT pg_temp.refused('app/repo/empty');
SELECT ashmig_load('relative/path');
SELECT ashmig_load(NULL) IS NULL;

-- Privileges
CREATE ROLE regress_ashmig_loader;

GRANT EXECUTE ON FUNCTION ashmig_load(text, boolean) TO regress_ashmig_loader;
SET ROLE regress_ashmig_loader;
SELECT ashmig_load('/');
RESET ROLE;
GRANT pg_read_server_files TO regress_ashmig_loader;
SET ROLE regress_ashmig_loader;
SELECT jsonb_array_length(ashmig_load(current_setting('test.root') || '/app')->'snapshots');
RESET ROLE;
REVOKE ALL ON FUNCTION ashmig_load(text, boolean) FROM regress_ashmig_loader;

DROP ROLE regress_ashmig_loader;
\! rm -rf results/load
\c :home
DROP DATABASE ashmig_load;
