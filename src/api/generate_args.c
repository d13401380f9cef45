/*
 * generate_args.c
 *		The arguments of code generation: see generate_args.h.
 */
#include "postgres.h"

#include "utils/jsonb.h"

#include "api/args.h"
#include "api/generate_args.h"
#include "base/settings.h"
#include "metadata/catalog_spi.h"

GenerateOptions
generate_args_read(FunctionCallInfo fcinfo)
{
	GenerateOptions options = {0};
	Datum		renames;
	Datum		allow;

	options.name = call_string(fcinfo, "name");
	if (call_argument(fcinfo, "renames", &renames))
	{
		Jsonb	   *json = DatumGetJsonbP(renames);

		options.renames = JsonbToCString(NULL, &json->root, VARSIZE(json));
	}
	options.dev = call_boolean(fcinfo, "dev", false);
	options.drop_columns = call_boolean(fcinfo, "drop_columns", false);
	options.drop_tables = call_boolean(fcinfo, "drop_tables", false);
	options.concurrent_indexes = call_boolean(fcinfo, "concurrent_indexes", false);
	options.allowed = call_argument(fcinfo, "allow", &allow)
		? gate_of_words(catalog_text_list(allow)) : gate_setting();
	options.online = call_boolean(fcinfo, "online", ashmig_online);
	return options;
}
