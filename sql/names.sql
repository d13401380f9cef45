--
-- Names that users write: none needs quotes, in no argument, result column
-- or column of a table or view.
--
SELECT proname, argument
  FROM pg_depend AS d JOIN pg_proc AS p ON p.oid = d.objid, unnest(proargnames) AS argument
 WHERE d.classid = 'pg_proc'::regclass AND d.deptype = 'e'
   AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'ashmig')
   AND quote_ident(argument) <> argument;
SELECT attrelid::regclass, attname
  FROM pg_class AS c JOIN pg_attribute ON attrelid = c.oid
 WHERE relnamespace = 'ashmig'::regnamespace AND attnum > 0
   AND quote_ident(attname) <> attname;
