/*
 * operation_json.c
 *		An operation as a JSON object: see operation_json.h.
 */
#include "postgres.h"

#include "base/json_writer.h"
#include "plan/deparse.h"
#include "plan/operation_hazard.h"
#include "plan/operation_json.h"

char *
operation_json(const char *repo, HazardReader *reader, const Operation *operation)
{
	List	   *one = list_make1((void *) operation);
	List	   *up = deparse_up(one);
	Hazards    *hazards = operation_hazards(reader, operation, up);
	JsonWriter	json;

	json_write_init(&json);
	json_write_open(&json, NULL, '{');
	json_write_string(&json, "operation", operation_name(operation->kind));
	json_write_string(&json, "repo", repo);
	json_write_string(&json, "scope", scope_name(operation_scope(operation)));
	json_write_string(&json, "schema", operation->table.schema);
	json_write_string(&json, "table", operation->table.name);
	json_write_string(&json, "name", operation_subject_name(operation));
	json_write_bool(&json, "destroys", hazard_has(hazards, HAZARD_DATA_LOSS));
	hazard_write(&json, hazards);
	json_write_strings(&json, "up", up);
	json_write_strings(&json, "down", deparse_down(one));
	json_write_close(&json, '}');
	return json.text.data;
}
