--
-- Defaults: the Elixir text of a snapshot becomes a DEFAULT clause.
--
-- "tried" shows the clause and the value that a row gets in a table made with it.
--
SELECT current_database() AS home \gset
CREATE DATABASE ashmig_defaults TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C';
\c ashmig_defaults
SET client_min_messages = warning;
CREATE EXTENSION ashmig;
SET TimeZone = 'UTC';
SET DateStyle = 'ISO';
\pset format unaligned
\pset tuples_only on
CREATE FUNCTION pg_temp.tried(column_type text, source text) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
	column_json jsonb := jsonb_build_object('source', 'a', 'default', source,
		'type', CASE WHEN column_type LIKE '[%' THEN column_type::jsonb ELSE to_jsonb(column_type) END);
	operation jsonb;
	value text;
BEGIN
	SELECT ashmig_operations('[]', jsonb_build_object('table', 'defaults_try', 'attributes',
		jsonb_build_array(column_json))) INTO STRICT operation;
	EXECUTE replace(operation->'up'->>0, '@default@', 'public');
	INSERT INTO defaults_try DEFAULT VALUES;
	EXECUTE 'SELECT a::text FROM defaults_try' INTO value;
	EXECUTE replace(operation->'down'->>0, '@default@', 'public');
	RETURN coalesce(substring(operation->'up'->>0 FROM '"a" (.*)\)$'), '?') || '  gives  ' || coalesce(value, 'NULL');
EXCEPTION WHEN OTHERS THEN
	RETURN sqlstate || ': ' || sqlerrm;
END $$;

-- Nothing, booleans, numbers
SELECT pg_temp.tried('text', 'nil');
SELECT pg_temp.tried('text', ':nil');
SELECT pg_temp.tried('boolean', 'true');
SELECT pg_temp.tried('boolean', 'false');
SELECT pg_temp.tried('boolean', ':true');
SELECT pg_temp.tried('boolean', '"yes"');
SELECT pg_temp.tried('bigint', '0');
SELECT pg_temp.tried('bigint', '-1');
SELECT pg_temp.tried('bigint', '-0');
SELECT pg_temp.tried('bigint', '1_000_000');
SELECT pg_temp.tried('bigint', '007');
SELECT pg_temp.tried('bigint', '0xFF');
SELECT pg_temp.tried('bigint', '0o17');
SELECT pg_temp.tried('bigint', '-0b101');
SELECT pg_temp.tried('decimal', '123456789012345678901234567890');
SELECT pg_temp.tried('decimal', '0xFFFFFFFFFFFFFFFFFFFFFFFF');
SELECT pg_temp.tried('decimal', '"123.4567890987654321987"');
SELECT pg_temp.tried('float', '0.5');
SELECT pg_temp.tried('float', '-0.25');
SELECT pg_temp.tried('float', '1.0e10');
SELECT pg_temp.tried('float', '1.0E-10');
SELECT pg_temp.tried('float', '1');
SELECT f, pg_temp.tried('decimal', f) FROM unnest(ARRAY['0.00', '-0.0', '1.50', '0001.5', '1_000.5', '100.0', '1000.0', '123456.0', '1230000.0',
  '0.001', '0.0001', '0.00012', '1.5e-7', '12345678901234567890.0', '9007199254740991.0', '9007199254740992.0', '123456789.123456789',
  '1.0e23', '1.0e-400']) AS f;
SELECT f, pg_temp.tried('float', f) FROM unnest(ARRAY['5.0e-324', '1.7976931348623157e308', '0.30000000000000004']) AS f;
SELECT pg_temp.tried('["array", "decimal"]', '[1.0, 2.50, 1000.0]');
SELECT pg_temp.tried('map', '%{"a" => 1.50, "b" => [0.00]}');
SELECT pg_temp.tried('bigint', '?a');
SELECT pg_temp.tried('["array", "bigint"]', '[?\n, ?é, ?\x{1F600}, ?\xFF, ??]');
SELECT pg_temp.tried('text', '5');
SELECT pg_temp.tried('bigint', '"5"');

-- Strings and their escapes
SELECT pg_temp.tried('text', '""');
SELECT pg_temp.tried('text', '"draft"');
SELECT pg_temp.tried('text', '"it''s"');
SELECT pg_temp.tried('text', '"say \"hi\""');
SELECT pg_temp.tried('text', '"back\\slash"');
SELECT pg_temp.tried('text', '"tab\tend"');
SELECT pg_temp.tried('text', '"a\sb"');
SELECT pg_temp.tried('text', '"\x41\x{e9}\u00e9\u{1F600}"');
SELECT pg_temp.tried('text', '"\xC3\xA9"');
SELECT pg_temp.tried('text', '"Grüße – 日本"');
SELECT pg_temp.tried('text', '"\#{name} and \q"');
SELECT pg_temp.tried('text', E'"one \\\n line"');
SELECT pg_temp.tried('text', E'"""\n  here\n    doc\n  """');
SELECT pg_temp.tried('text', '''charlist''');
SELECT pg_temp.tried('text', '~s(with "quotes" \) and \x41)');
SELECT pg_temp.tried('text', '~S(raw \n #{x}\))');
SELECT pg_temp.tried('text', '~c"list"');
SELECT pg_temp.tried('text', ':atom');
SELECT pg_temp.tried('text', ':"quoted atom"');
SELECT pg_temp.tried('text', '"@tenant@ @default@ #\{prefix()}"');
SELECT pg_temp.tried('uuid', '"00000000-0000-0000-0000-000000000001"');
SELECT pg_temp.tried('binary', '"\\x0001ff"');
SELECT pg_temp.tried('string', '"varchar"');

-- Dates and times
SELECT pg_temp.tried('date', '~D[2022-04-19]');
SELECT pg_temp.tried('time', '~T[08:30:45]');
SELECT pg_temp.tried('naive_datetime', '~N[2022-02-02 08:30:30]');
SELECT pg_temp.tried('timestamptz', '~U[2022-02-02 08:30:30Z]');
SELECT pg_temp.tried('date', 'fragment("''2022-04-19''")');

-- Lists
SELECT pg_temp.tried('["array", "text"]', '[]');
SELECT pg_temp.tried('["array", "text"]', '["a", "b,c", "it''s", nil]');
SELECT pg_temp.tried('["array", "text"]', '~w(one two)');
SELECT pg_temp.tried('["array", "text"]', '[:one, :two,]');
SELECT pg_temp.tried('["array", "bigint"]', '[1, -2, 1_000]');
SELECT pg_temp.tried('["array", "boolean"]', '[true, false]');
SELECT pg_temp.tried('["array", "float"]', '[1, 0.5]');
SELECT pg_temp.tried('["array", ["array", "bigint"]]', '[[1, 2], [3, 4]]');
SELECT pg_temp.tried('["array", "map"]', '[%{a: 1}]');
SELECT pg_temp.tried('map', '[]');
SELECT pg_temp.tried('map', '[1, "two", nil, [true]]');
SELECT pg_temp.tried('text', '"{not, a, list}"');

-- Maps
SELECT pg_temp.tried('map', '%{}');
SELECT pg_temp.tried('map', '%{"a" => 1, "b" => [1, 2.5, nil, true]}');
SELECT pg_temp.tried('map', '%{a: 1, b: %{c: "it''s"}}');
SELECT pg_temp.tried('map', '%{:a => :b, "c d": "\"e\\"}');
SELECT pg_temp.tried('map', '%{1 => 2, nil => true}');
SELECT pg_temp.tried('map', '[a: 1, b: nil]');
SELECT pg_temp.tried('text', '%{a: 1}');

-- SQL
SELECT pg_temp.tried('integer', 'fragment("1 + 1")');
SELECT pg_temp.tried('integer', 'fragment( ~s[length(''a"b'')] )');
SELECT pg_temp.tried('integer', 'fragment("3 -- three")');
SELECT pg_temp.tried('boolean', 'fragment("now() = now()")');

-- Values that PostgreSQL refuses
SELECT pg_temp.tried('bigint', '"many"');
SELECT pg_temp.tried('bigint', '99999999999999999999');
SELECT pg_temp.tried('uuid', '"no uuid"');

-- Elixir code
SELECT pg_temp.tried('text', 'Foo.bar()');
SELECT pg_temp.tried('text', 'MyApp.Status');
SELECT pg_temp.tried('decimal', 'Decimal.new("1.5")');
SELECT pg_temp.tried('text', 'status');
SELECT pg_temp.tried('text', '"a#{b}"');
SELECT pg_temp.tried('text', '"a" <> "b"');
SELECT pg_temp.tried('bigint', '1 + 1');
SELECT pg_temp.tried('bigint', '-x');
SELECT pg_temp.tried('boolean', 'not true');
SELECT pg_temp.tried('text', '&Ash.UUID.generate/0');
SELECT pg_temp.tried('map', '%MyApp.Struct{a: 1}');
SELECT pg_temp.tried('map', '%{map | a: 1}');
SELECT pg_temp.tried('text', '~r/a/');
SELECT pg_temp.tried('text', 'fragment("?", 1)');
SELECT pg_temp.tried('text', 'fragment(sql)');

-- Not a literal
SELECT pg_temp.tried('text', '');
SELECT pg_temp.tried('text', '"open');
SELECT pg_temp.tried('text', '["a"');
SELECT pg_temp.tried('text', '["a" "b"]');
SELECT pg_temp.tried('text', '"a" "b"');
SELECT pg_temp.tried('text', '{1, 2}');
SELECT pg_temp.tried('binary', '<<0, 255>>');
SELECT pg_temp.tried('text', '"\0"');
SELECT pg_temp.tried('text', '"\xFF"');
SELECT pg_temp.tried('text', '"\u{110000}"');
SELECT pg_temp.tried('text', '[1, a: 2]');
SELECT pg_temp.tried('map', '%{[1] => 2}');
SELECT pg_temp.tried('["array", "text"]', '[fragment("now()")]');
SELECT pg_temp.tried('bigint', '1e5');
SELECT pg_temp.tried('float', '1.0e400');
SELECT pg_temp.tried('bigint', '?');
SELECT pg_temp.tried('bigint', '?\u{110000}');
SELECT pg_temp.tried('bigint', '?ab');
SELECT pg_temp.tried('bigint', '0x');
SELECT pg_temp.tried('map', repeat('[', 65) || repeat(']', 65));

-- Settings do not matter
SET standard_conforming_strings = off;
SET backslash_quote = on;
SET escape_string_warning = off;
SET quote_all_identifiers = on;
SET DateStyle = 'SQL, DMY';
SET bytea_output = 'escape';
SELECT ashmig_operations('[]', $${"table": "t", "attributes": [
	{"source": "a", "type": "text", "default": "\"back\\\\slash it's\""},
	{"source": "b", "type": "text", "default": "fragment(\"'a\\\\b' || E'\\\\''\")"}]}$$)->'up'->>0;

\c :home
DROP DATABASE ashmig_defaults;
