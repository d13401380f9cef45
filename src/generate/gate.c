/*
 * gate.c
 *		Which hazards may pass: see gate.h.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/varlena.h"

#include "base/compat.h"
#include "base/errors.h"
#include "base/settings.h"
#include "generate/gate.h"
#include "metadata/catalog_spi.h"
#include "plan/deparse.h"
#include "plan/migration_plan.h"
#include "plan/operation_hazard.h"

/* The word for all hazards */
#define ALL "all"

/* How many steps an error names; the others it counts. */
#define STEPS_SHOWN 10

/* What to do about steps of a plan, statements of one migration, and recorded migrations */
#define HINT_PLAN \
	"SELECT * FROM ashmig_plan(snapshots) shows what each does, and the safer way. To let them pass: allow => '{%s}'."
#define HINT_SETTING \
	"To let them pass: SET ashmig.allow = '%s'."
#define HINT_RECORDED \
	"The column hazards of ashmig.migrations shows what each does, and the safer way. To let them pass: allow => '{%s}'."

/* ----------
 * What may pass
 * ----------
 */
HazardSet
gate_of_words(const List *words)
{
	HazardSet	allowed = 0;
	HazardKind	kind;

	foreach_ptr(const char, word, (List *) words)
	{
		if (strcmp(word, ALL) == 0)
			allowed = GATE_OPEN;
		else if (hazard_find(word, &kind))
			allowed |= HAZARD_BIT(kind);
		else
			ereport(ERROR,
					(errcode(ERRCODE_ASHMIG_INVALID_ARGUMENT),
					 errmsg("\"%s\" is not a hazard", word),
					 errhint("Hazards are %s; \"" ALL "\" stands for all of them.",
							 hazard_names(GATE_OPEN))));
	}
	return allowed;
}

HazardSet
gate_setting(void)
{
	List	   *words;

	if (!SplitIdentifierString(pstrdup(ashmig_allow), ',', &words))
		ereport(ERROR,
				(errcode(ERRCODE_ASHMIG_INVALID_ARGUMENT),
				 errmsg("invalid value for \"ashmig.allow\": \"%s\"", ashmig_allow),
				 errhint("Write words with commas between them: %s; or \"" ALL "\".",
						 hazard_names(GATE_OPEN))));
	return gate_of_words(words);
}

/* ----------
 * What does not
 * ----------
 */

/* The steps that do not pass, so far */
typedef struct Refused
{
	int			steps;
	HazardSet	kinds;			/* that would have to be allowed */
	StringInfoData text;
} Refused;

static void
refuse(Refused *refused, const char *step, HazardSet kinds)
{
	if (refused->steps == 0)
		initStringInfo(&refused->text);
	refused->kinds |= kinds;
	if (++refused->steps <= STEPS_SHOWN)
		appendStringInfo(&refused->text, "%s%s: %s.", refused->steps > 1 ? "\n" : "", step,
						 hazard_names(kinds));
}

/* "hint" says how to look at them, and how to let the words that it gets pass. */
static void
raise_refused(const Refused *refused, HazardSet allowed, const char *hint)
{
	char	   *words = hazard_names(allowed | refused->kinds);

	if (refused->steps == 0)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_ASHMIG_HAZARD),
			 errmsg_plural("%d step has a hazard that is not allowed",
						   "%d steps have hazards that are not allowed",
						   refused->steps, refused->steps),
			 refused->steps > STEPS_SHOWN
			 ? errdetail("%s\nAnd %d more.", refused->text.data, refused->steps - STEPS_SHOWN)
			 : errdetail("%s", refused->text.data),
			 errhint(hint, words)));
}

/* "add_foreign_key posts.posts_author_fkey" */
static char *
step_name(const Operation *operation)
{
	const char *name = operation_subject_name(operation);

	return psprintf("%s %s%s%s", operation_name(operation->kind),
					table_name_show(&operation->table), name ? "." : "", name ? name : "");
}

static void
check_planned(const List *migrations, HazardSet allowed, const char *hint)
{
	HazardReader reader = hazard_reader();
	Refused		refused = {0};

	if (allowed == GATE_OPEN)
		return;
	foreach_ptr(const PlannedMigration, planned, (List *) migrations)
	{
		foreach_ptr(const Operation, operation, planned->operations)
		{
			List	   *up = deparse_up(list_make1((void *) operation));
			HazardSet	kinds = operation_hazards(&reader, operation, up)->kinds & ~allowed;

			if (kinds != 0)
				refuse(&refused, step_name(operation), kinds);
		}
	}
	raise_refused(&refused, allowed, hint);
}

void
gate_check(const List *migrations, HazardSet allowed)
{
	check_planned(migrations, allowed, HINT_PLAN);
}

void
gate_check_by_setting(const List *migrations)
{
	check_planned(migrations, gate_setting(), HINT_SETTING);
}

void
gate_check_statements(const List *statements)
{
	HazardSet	allowed = gate_setting();
	HazardReader reader = hazard_reader();
	Refused		refused = {0};
	int			number = 0;

	if (allowed == GATE_OPEN)
		return;
	foreach_ptr(const char, statement, (List *) statements)
	{
		HazardSet	kinds = hazard_read(&reader, statement)->kinds & ~allowed;

		number++;
		if (kinds != 0)
			refuse(&refused, psprintf("statement %d", number), kinds);
	}
	raise_refused(&refused, allowed, HINT_SETTING);
}

void
gate_check_recorded(HazardSet allowed)
{
	static CatalogStatement query = {
		.sql = "SELECT m.scope || ' migration ' || m.version || ' \"' || m.name || '\"',"
		"  pg_catalog.array_agg(DISTINCT w.word)"
		" FROM ashmig.migrations m,"
		"  LATERAL pg_catalog.jsonb_array_elements(m.hazards) h,"
		"  LATERAL pg_catalog.jsonb_array_elements_text(h -> 'hazards') w (word)"
		" WHERE w.word <> ALL ($1) AND NOT EXISTS (SELECT FROM ashmig.versions v"
		"  WHERE v.repo = m.repo AND v.scope = m.scope AND v.version = m.version)"
		" GROUP BY m.repo, m.scope, m.version, m.name ORDER BY m.version, m.scope, m.repo",
		.nargs = 1, .types = {TEXTARRAYOID}
	};
	Refused		refused = {0};
	Datum		values[1];
	uint64		rows;
	int			level;

	if (allowed == GATE_OPEN)
		return;
	level = catalog_connect();
	values[0] = catalog_text_array(hazard_words(allowed));
	rows = catalog_query(&query, values, NULL);
	for (uint64 i = 0; i < rows; i++)
	{
		bool		isnull;
		List	   *words = catalog_text_list(catalog_datum(i, 2, &isnull));

		refuse(&refused, catalog_string(i, 1, CurrentMemoryContext), gate_of_words(words));
	}
	raise_refused(&refused, allowed, HINT_RECORDED);
	catalog_disconnect(level);
}
