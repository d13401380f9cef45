/*
 * renames.c
 *		Answers to the question whether something was renamed: see renames.h.
 */
#include <string.h>

#include "bundle.h"
#include "folder.h"
#include "output.h"
#include "prompt.h"
#include "renames.h"
#include "text.h"

/* A question, as the DETAIL has it */
typedef struct Question
{
	const char *table;
	const char *schema;			/* or NULL */
	const char *column;			/* NULL: it is about the table */
	const char *answer_key;		/* "to", or "to_schema": was it moved? */
	StringList	candidates;
} Question;

static const char *
member(const cJSON *object, const char *key)
{
	return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, key));
}

void
renames_read(Renames *renames, const char *folder)
{
	memset(renames, 0, sizeof(*renames));
	renames->path = text_printf("%s/renames.json", folder);
	renames->kept = bundle_is_file(renames->path) ? cJSON_Parse(folder_read_file(renames->path))
		: cJSON_CreateArray();
	if (!cJSON_IsArray(renames->kept))
		fail("Write the answers as \"[{...}, ...]\", or remove the file.",
			 "file \"%s\" is not a JSON array", renames->path);
}

bool
renames_asked(const PGresult *result)
{
	return text_equal(PQresultErrorField(result, PG_DIAG_SQLSTATE), "MG006");
}

/* Has this candidate been chosen for another table or column? */
static bool
is_taken(const Renames *renames, const Question *question, const char *candidate)
{
	const cJSON *answer;

	cJSON_ArrayForEach(answer, renames->answers)
	{
		if (text_equal(member(answer, question->answer_key), candidate) &&
			(question->column == NULL) == (member(answer, "column") == NULL) &&
			(question->column == NULL || text_equal(member(answer, "table"), question->table)) &&
			text_equal(member(answer, "schema"), question->schema))
			return true;
	}
	return false;
}

static Question
read_question(const Renames *renames, const cJSON *json)
{
	Question	question = {
		.table = member(json, "table"),
		.schema = member(json, "schema"),
		.column = member(json, "column"),
		.answer_key = text_equal(member(json, "question"), "moved") ? "to_schema" : "to"
	};
	const cJSON *candidate;

	cJSON_ArrayForEach(candidate, cJSON_GetObjectItemCaseSensitive(json, "candidates"))
	{
		if (cJSON_IsString(candidate) && !is_taken(renames, &question, candidate->valuestring))
			list_add(&question.candidates, candidate->valuestring);
	}
	return question;
}

/*
 * The kept answer to a question: not a rename, or a rename to one of its
 * candidates
 */
static const cJSON *
kept_answer(const Renames *renames, const Question *question)
{
	const cJSON *answer;

	cJSON_ArrayForEach(answer, renames->kept)
	{
		const cJSON *to = cJSON_GetObjectItemCaseSensitive(answer, question->answer_key);

		if (to && text_equal(member(answer, "table"), question->table) &&
			text_equal(member(answer, "schema"), question->schema) &&
			text_equal(member(answer, "column"), question->column) &&
			(cJSON_IsNull(to) || list_has(&question->candidates, cJSON_GetStringValue(to))))
			return answer;
	}
	return NULL;
}

static char *
subject(const Question *question, const char *table, const char *column)
{
	return text_printf("%s%s%s%s%s", question->schema ? question->schema : "", question->schema ? "." : "",
					   table, column ? "." : "", column ? column : "");
}

/*
 * The candidate that a person chooses, in mix's words; NULL: not renamed.
 */
static const char *
ask(const Question *question)
{
	const char *candidate = question->candidates.count ? question->candidates.items[0] : NULL;
	char	   *old = subject(question, question->table, question->column);
	int			choice;

	if (candidate == NULL)
		return NULL;
	if (strcmp(question->answer_key, "to_schema") == 0)
	{
		if (question->candidates.count == 1)
			return prompt_yes(text_printf("Are you moving %s to the schema %s?", old, candidate), true) ? candidate : NULL;
		if (!prompt_yes(text_printf("Are you moving %s to another schema?", old), true))
			return NULL;
		choice = prompt_choice("Where are you moving it to?", question->candidates.items, question->candidates.count);
	}
	else
	{
		if (question->candidates.count == 1)
		{
			char	   *new = question->column ? subject(question, question->table, candidate)
				: subject(question, candidate, NULL);

			return prompt_yes(text_printf("Are you renaming %s to %s?", old, new), true) ? candidate : NULL;
		}
		if (!prompt_yes(text_printf("Are you renaming %s?", old), true))
			return NULL;
		choice = prompt_choice("What are you renaming it to?", question->candidates.items, question->candidates.count);
	}
	return choice < 0 ? NULL : question->candidates.items[choice];
}

static cJSON *
make_answer(const Question *question, const char *candidate)
{
	cJSON	   *answer = cJSON_CreateObject();

	cJSON_AddStringToObject(answer, "table", question->table);
	if (question->schema)
		cJSON_AddStringToObject(answer, "schema", question->schema);
	if (question->column)
		cJSON_AddStringToObject(answer, "column", question->column);
	cJSON_AddItemToObject(answer, question->answer_key,
						  candidate ? cJSON_CreateString(candidate) : cJSON_CreateNull());
	return answer;
}

bool
renames_answer(Renames *renames, const PGresult *error, bool may_ask)
{
	cJSON	   *questions = cJSON_Parse(PQresultErrorField(error, PG_DIAG_MESSAGE_DETAIL));
	const cJSON *json;

	if (renames->answers == NULL)
		renames->answers = cJSON_CreateArray();
	cJSON_ArrayForEach(json, questions)
	{
		Question	question = read_question(renames, json);
		const cJSON *kept = kept_answer(renames, &question);
		cJSON	   *answer;

		if (kept)
		{
			answer = cJSON_Duplicate(kept, true);
			say("%s has the answer %s", renames->path, cJSON_PrintUnformatted(answer));
		}
		else if (may_ask)
		{
			answer = make_answer(&question, ask(&question));
			cJSON_AddItemToArray(renames->kept, cJSON_Duplicate(answer, true));
			renames->changed = true;
		}
		else
			return false;
		cJSON_AddItemToArray(renames->answers, answer);
	}
	return cJSON_GetArraySize(questions) > 0;
}

void
renames_report(const Renames *renames, const PGresult *error)
{
	cJSON	   *questions = cJSON_Parse(PQresultErrorField(error, PG_DIAG_MESSAGE_DETAIL));
	const cJSON *json;
	Text		example;
	bool		first = true;

	text_open(&example);
	cJSON_ArrayForEach(json, questions)
	{
		Question	question = read_question(renames, json);
		const char *candidate = question.candidates.count ? question.candidates.items[0] : NULL;

		warn("%s: %s %s?", subject(&question, question.table, question.column),
			 strcmp(question.answer_key, "to") == 0 ? "renamed to" : "moved to schema",
			 candidate ? candidate : "something else");
		fprintf(example.out, "%s%s", first ? "[" : ", ",
				cJSON_PrintUnformatted(make_answer(&question, candidate)));
		first = false;
	}
	output_error(error, NULL,
				 text_printf("Run \"ashmig codegen\" at a terminal, which asks; or write the answers into %s, with null for what was not renamed: %s]",
							 renames->path, text_close(&example)));
}

char *
renames_text(const Renames *renames)
{
	return renames->answers ? cJSON_PrintUnformatted(renames->answers) : NULL;
}

/* One answer per line, so that git merges them well */
void
renames_keep(const Renames *renames)
{
	const cJSON *answer;
	Text		text;

	if (!renames->changed)
		return;
	text_open(&text);
	cJSON_ArrayForEach(answer, renames->kept)
		fprintf(text.out, "%s%s", answer->prev->next ? ",\n" : "[\n", cJSON_PrintUnformatted(answer));
	fputs("\n]\n", text.out);
	folder_replace_file(renames->path, text_close(&text));
}
