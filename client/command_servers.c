/*
 * command_servers.c
 *		migrate, rollback, and what only looks, on several servers.
 *
 * What runs on each server is what runs where it is the only one.  Here is the
 * order of the steps, what the servers must agree on before anything runs, and
 * the report.
 */
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "config.h"
#include "folder.h"
#include "output.h"
#include "parallel.h"
#include "prompt.h"
#include "runs.h"

/* SQLSTATE MG036: a public migration has to wait for the tenants */
#define WAITS_FOR_TENANTS "MG036"

/* Differences between servers that are told */
#define MAX_DIFFERENCES 20

/* ------------------------------------------------------------------------
 * What is recorded where
 * ------------------------------------------------------------------------
 */

/* The tenants among those that were named that this server has */
static void
report_tenants(Session *session, const Arguments *arguments, const char *option)
{
	const char *values[] = {option_value(arguments, option)};
	PGresult   *found;

	if (values[0] == NULL)
		return;
	found = session_run(session,
						text_printf("SELECT coalesce(pg_catalog.string_agg(schema_name, ','), '') AS names"
									" FROM %s.ashmig_all_tenants()"
									" WHERE schema_name = ANY (pg_catalog.string_to_array($1, ','))",
									session->schema), 1, values);
	report_text(option, result_value(found, 0, "names"));
}

/* Step: what this server has */
static int
look(const Arguments *arguments, const Job *job)
{
	Session    *session = session_open(arguments);

	report_rows("migrations", session_run(session,
										  "SELECT scope, repo, version::text AS version, name, checksum, dev"
										  " FROM ashmig.migrations ORDER BY version, scope, repo", 0, NULL));
	report_tenants(session, arguments, "only-tenants");
	report_tenants(session, arguments, "except-tenants");
	return EXIT_DONE;
}

static const char *
member(const cJSON *object, const char *name)
{
	return cJSON_GetStringValue(cJSON_GetObjectItem(object, name));
}

/* The migrations of a server, by what names them */
typedef struct Record
{
	char	   *key;
	const cJSON *migration;
} Record;

typedef struct RecordList
{
	Record	   *items;
	int			count;
} RecordList;

static int
compare_records(const void *a, const void *b)
{
	return strcmp(((const Record *) a)->key, ((const Record *) b)->key);
}

static char *
record_key(const cJSON *migration)
{
	return text_printf("%s %s %s", member(migration, "scope"), member(migration, "version"), member(migration, "repo"));
}

/* Did the server say what it has? */
static bool
has_answered(const Job *job)
{
	return job->has_run && job->status == EXIT_DONE && job->report;
}

/* None where it has not answered */
static RecordList
records_of(const Job *job)
{
	RecordList	records = {0};
	const cJSON *migrations = has_answered(job) ? cJSON_GetObjectItem(job->report, "migrations") : NULL;
	const cJSON *migration;

	records.items = allocate(sizeof(Record) * cJSON_GetArraySize(migrations));
	cJSON_ArrayForEach(migration, migrations)
	{
		records.items[records.count].key = record_key(migration);
		records.items[records.count++].migration = migration;
	}
	qsort(records.items, records.count, sizeof(Record), compare_records);
	return records;
}

/*
 * Say where a migration of one server is missing or different on another; how
 * often.  Each pair of servers is looked at from both sides, so a difference is
 * told by the first of the two.
 */
static int
tell_differences(const JobList *jobs, const RecordList *records, int number, const Record *record)
{
	const cJSON *migration = record->migration;
	const char *what = text_printf("%s migration %s \"%s\"", member(migration, "scope"),
								   member(migration, "version"), member(migration, "name"));
	const char *here = jobs->items[number].server.name;
	int			count = 0;

	for (int i = 0; i < jobs->count; i++)
	{
		const char *there = jobs->items[i].server.name;
		const Record *same;

		if (i == number || !has_answered(&jobs->items[i]))
			continue;
		same = bsearch(record, records[i].items, records[i].count, sizeof(Record), compare_records);
		if (same == NULL)
			warn("%s is recorded on %s, but not on %s", what, here, there);
		else if (i > number && !text_equal(member(same->migration, "checksum"), member(migration, "checksum")))
			warn("%s has another text on %s than on %s", what, here, there);
		else
			continue;
		count++;
	}
	return count;
}

/* The migrations that have a file */
static StringList
keys_of_files(const Arguments *arguments)
{
	StringList	files = folder_files(config_read(option_value(arguments, "config")).migrations);
	StringList	keys = {0};

	for (int i = 0; i < files.count; i++)
		list_add(&keys, folder_key(folder_scope(files.items[i]), text_printf("%lld", folder_version(files.items[i]))));
	return keys;
}

/*
 * What has a file comes from there to all servers.  The program ends where
 * servers differ in anything else: they would not be alike after the run.
 */
static void
check_records(const JobList *jobs, const Arguments *arguments)
{
	StringList	files = keys_of_files(arguments);
	RecordList *records = allocate(sizeof(RecordList) * jobs->count);
	int			count = 0;

	for (int i = 0; i < jobs->count; i++)
		records[i] = records_of(&jobs->items[i]);
	for (int i = 0; i < jobs->count; i++)
	{
		for (int j = 0; j < records[i].count && count < MAX_DIFFERENCES; j++)
		{
			const cJSON *migration = records[i].items[j].migration;

			if (!list_has(&files, folder_key(member(migration, "scope"), member(migration, "version"))))
				count += tell_differences(jobs, records, i, &records[i].items[j]);
		}
	}
	if (count)
		fail("\"ashmig export -d CONNECTION\" writes the files of what one server has, and the others then get it; "
			 "\"SELECT ashmig_remove_migration(VERSION)\" removes what is applied nowhere.",
			 "the servers do not have the same migrations, and there are no files of these; nothing was run");
}

/* ------------------------------------------------------------------------
 * Which tenants
 * ------------------------------------------------------------------------
 */

/* Does one of the servers have the tenant? */
static bool
has_tenant(const JobList *jobs, const char *option, const char *name)
{
	for (int i = 0; i < jobs->count; i++)
	{
		char	   *names = has_answered(&jobs->items[i]) ? text_printf("%s", member(jobs->items[i].report, option)) : NULL;

		for (char *one = names ? strtok(names, ",") : NULL; one; one = strtok(NULL, ","))
		{
			if (strcmp(one, name) == 0)
				return true;
		}
	}
	return false;
}

/* A tenant that was named and that no server has is a mistake, unless a server is down. */
static void
check_tenants(const JobList *jobs, const Arguments *arguments, const char *option)
{
	char	   *names = option_given(arguments, option) ? text_printf("%s", option_value(arguments, option)) : "";
	char	   *next;

	for (int i = 0; i < jobs->count; i++)
	{
		if (!has_answered(&jobs->items[i]))
			return;
	}
	for (char *name = names; *name; name = next)
	{
		next = name + strcspn(name, ",");
		if (*next)
			*next++ = '\0';
		if (!has_tenant(jobs, option, name))
			fail("\"ashmig tenants --servers FILE\" lists the tenants of all servers.",
				 "no server has a tenant \"%s\"", name);
	}
}

/* Each server gets those that it has; one that has none has nothing to do. */
static void
share_tenants(JobList *jobs, const Arguments *arguments)
{
	check_tenants(jobs, arguments, "only-tenants");
	check_tenants(jobs, arguments, "except-tenants");
	for (int i = 0; i < jobs->count; i++)
	{
		Job		   *job = &jobs->items[i];
		const char *except;

		if (!has_answered(job))
			continue;
		if (job->only_tenants)
			job->only_tenants = member(job->report, "only-tenants");
		except = member(job->report, "except-tenants");
		job->except_tenants = except && except[0] ? except : NULL;
		job->left_out = job->only_tenants && job->only_tenants[0] == '\0';
	}
}

/* ------------------------------------------------------------------------
 * The report
 * ------------------------------------------------------------------------
 */

/* What a server's runs came to */
typedef struct Summary
{
	long		counts[EXIT_PENDING + 1];	/* schemas, by what they mean for
											 * the exit status */
	cJSON	   *schemas;		/* rows of all steps */
	cJSON	   *files;			/* that were imported; NULL: none */
	cJSON	   *error;			/* NULL: none but those of schemas */
} Summary;

/* Add what the last step reported. */
static void
sum_up(Summary *summary, Job *job)
{
	cJSON	   *rows = cJSON_DetachItemFromObject(job->report, "schemas");
	cJSON	   *files = cJSON_DetachItemFromObject(job->report, "files");
	cJSON	   *error = cJSON_DetachItemFromObject(job->report, "error");
	cJSON	   *row;

	if (files)
		summary->files = files;
	if (summary->schemas == NULL)
		summary->schemas = cJSON_CreateArray();
	while ((row = cJSON_DetachItemFromArray(rows, 0)) != NULL)
	{
		const char *status = member(row, "status");

		summary->counts[runs_exit_status(status ? status : "failed")]++;
		cJSON_AddItemToArray(summary->schemas, row);
	}
	if (error)
		summary->error = error;
}

static const char *
result_word(const Job *job)
{
	static const char *const words[] = {
		[EXIT_DONE] = "done",
		[EXIT_FAILED] = "failed",
		[EXIT_PENDING] = "pending"
	};

	return job->skipped ? "skipped" : words[job->worst];
}

/* Of all servers: failed, else pending, else done */
static int
worst_of(const JobList *jobs)
{
	int			worst = EXIT_DONE;

	for (int i = 0; i < jobs->count; i++)
	{
		if (jobs->items[i].skipped && worst == EXIT_DONE)
			worst = EXIT_PENDING;
		if (jobs->items[i].worst == EXIT_FAILED || worst == EXIT_DONE)
			worst = jobs->items[i].worst;
	}
	return jobs->interrupted ? EXIT_FAILED : worst;
}

/* "servers": an object per server */
static void
report_servers(const JobList *jobs, const Summary *summaries)
{
	cJSON	   *servers = cJSON_CreateArray();

	for (int i = 0; i < jobs->count; i++)
	{
		const Job  *job = &jobs->items[i];
		cJSON	   *object = summaries || job->report == NULL ? cJSON_CreateObject() : job->report;

		cJSON_DeleteItemFromObject(object, "result");
		cJSON_AddStringToObject(object, "server", job->server.name);
		cJSON_AddStringToObject(object, "result", result_word(job));
		cJSON_AddNumberToObject(object, "seconds", (double) (long) (job->seconds * 1000) / 1000);
		if (summaries && summaries[i].files)
			cJSON_AddItemToObject(object, "files", summaries[i].files);
		if (summaries && summaries[i].schemas)
			cJSON_AddItemToObject(object, "schemas", summaries[i].schemas);
		if (summaries && summaries[i].error)
			cJSON_AddItemToObject(object, "error", summaries[i].error);
		cJSON_AddItemToArray(servers, object);
	}
	report_json("servers", servers);
}

static char *
count_text(long count)
{
	return text_printf("%ld", count);
}

/* One row per server */
static void
show_table(const JobList *jobs, const Summary *summaries)
{
	static const Column columns[] = {
		{"server", "server"}, {"done", "done"}, {"failed", "failed"}, {"pending", "pending"},
		{"time", "time"}, {"result", "result"}, {0}
	};
	static const char *const numbers[] = {"done", "failed", "pending", NULL};
	PGresult   *table = output_make_result(columns, numbers);

	for (int i = 0; i < jobs->count; i++)
	{
		const Job  *job = &jobs->items[i];
		const char *message = summaries[i].error ? member(summaries[i].error, "message") : NULL;

		output_put(table, i, "server", job->server.name);
		output_put(table, i, "done", count_text(summaries[i].counts[EXIT_DONE]));
		output_put(table, i, "failed", count_text(summaries[i].counts[EXIT_FAILED]));
		output_put(table, i, "pending", count_text(summaries[i].counts[EXIT_PENDING]));
		output_put(table, i, "time", text_printf("%.1f s", job->seconds));
		output_put(table, i, "result", message ? text_printf("%s: %s", result_word(job), message) : result_word(job));
	}
	if (!output_is_quiet())
		output_table(table, columns, 0);
}

static int
end_runs(const JobList *jobs, const Summary *summaries)
{
	int			status = worst_of(jobs);

	report_servers(jobs, summaries);
	show_table(jobs, summaries);
	if (jobs->interrupted)
		warn("Canceled. Schemas that were done stay done; run it again for the others.");
	else if (status == EXIT_FAILED)
		say("Run it again when the cause is mended: what is done is left alone.");
	return status;
}

/* ------------------------------------------------------------------------
 * migrate
 * ------------------------------------------------------------------------
 */

/* Step: record what the folder has */
static int
import_files(const Arguments *arguments, const Job *job)
{
	(void) folder_open_session(arguments);
	return EXIT_DONE;
}

/* Tell people what was imported where. */
static void
say_imported(const JobList *jobs, const Summary *summaries)
{
	for (int i = 0; i < jobs->count; i++)
	{
		const cJSON *file;

		cJSON_ArrayForEach(file, summaries[i].files)
		{
			if (!text_equal(member(file, "status"), "unchanged"))
				say("%-8s  %s on %s", member(file, "status"), member(file, "path"), jobs->items[i].server.name);
		}
	}
}

/* Options of a run that speak of tenants, and that a function for public does not take */
static Arguments
without_tenants(const Arguments *all)
{
	static const char *const of_tenants[] = {"only-tenants", "except-tenants", "workers", "canary", "max-failures", "run-until"};
	Arguments	arguments = *all;

	for (int i = 0; i < lengthof(of_tenants); i++)
		option_remove(&arguments, of_tenants[i]);
	return arguments;
}

/* Step: the public migrations */
static int
run_public(const Arguments *all, const Job *job)
{
	Arguments	arguments = without_tenants(all);
	Session    *session = session_open(&arguments);
	Call		call;

	call_begin(&call, session, "ashmig_migrate");
	call_options(&call, &arguments);
	return runs_expect(&call, false, WAITS_FOR_TENANTS);
}

/* Step: those of the tenants; with public where that has to wait for them, or is one with them */
static int
run_tenants(const Arguments *arguments, const Job *job)
{
	Session    *session = session_open(arguments);
	Call		call;

	call_begin(&call, session, job->with_public ? "ashmig_migrate_all" : "ashmig_migrate_tenants");
	call_options(&call, arguments);
	return runs_call(&call, true);
}

/*
 * Where public has to wait for the tenants, both run in the next step, in the order
 * of their history.
 */
static void
defer_public(JobList *jobs)
{
	for (int i = 0; i < jobs->count; i++)
	{
		Job		   *job = &jobs->items[i];

		if (!job->has_run || !cJSON_HasObjectItem(job->report, RUNS_EXPECTED))
			continue;
		job->with_public = true;
		job->worst = EXIT_DONE;
	}
}

/* Run a step that runs migrations, or leads to it, and add up what comes of it. */
static void
run_step(JobList *jobs, Summary *summaries, JobStep step, const Arguments *arguments)
{
	parallel_run(jobs, step, arguments, true);
	if (step == run_public)
		defer_public(jobs);
	for (int i = 0; i < jobs->count; i++)
	{
		if (jobs->items[i].has_run && jobs->items[i].report)
			sum_up(&summaries[i], &jobs->items[i]);
	}
}

int
command_servers_migrate(const Arguments *arguments)
{
	bool		only_tenants = option_given(arguments, "tenants");
	bool		only_public = option_given(arguments, "public");
	bool		atomic = option_given(arguments, "atomic");
	JobList		jobs = parallel_begin(arguments);
	Summary    *summaries = allocate(sizeof(Summary) * jobs.count);

	if (only_tenants && only_public)
		fail_usage("--tenants and --public exclude each other; without them, both are migrated");
	command_run_check(arguments, !only_public);
	run_step(&jobs, summaries, look, arguments);
	check_records(&jobs, arguments);
	share_tenants(&jobs, arguments);
	run_step(&jobs, summaries, import_files, arguments);
	say_imported(&jobs, summaries);
	if (!only_tenants && !atomic)
		run_step(&jobs, summaries, run_public, arguments);
	for (int i = 0; i < jobs.count; i++)
		jobs.items[i].with_public = jobs.items[i].with_public || (atomic && !only_tenants);
	if (!only_public)
		run_step(&jobs, summaries, run_tenants, arguments);
	return end_runs(&jobs, summaries);
}

/* ------------------------------------------------------------------------
 * rollback
 * ------------------------------------------------------------------------
 */
static int
run_command(const Arguments *arguments, const Job *job)
{
	return arguments->command->run(arguments);
}

/* Where tenants are named, ask first which server has which. */
static void
find_tenants(JobList *jobs, Summary *summaries, const Arguments *arguments)
{
	if (!option_given(arguments, "only-tenants") && !option_given(arguments, "except-tenants"))
		return;
	run_step(jobs, summaries, look, arguments);
	share_tenants(jobs, arguments);
}

int
command_servers_rollback(const Arguments *arguments)
{
	Arguments	forced = *arguments;
	JobList		jobs = parallel_begin(arguments);
	Summary    *summaries = allocate(sizeof(Summary) * jobs.count);

	command_run_check(arguments, option_given(arguments, "tenants"));
	if (output_is_terminal() && !option_given(arguments, "force"))
	{
		prompt_destroy(false, text_printf("Rolling back on %s may drop tables or columns, with the rows in them. Go on?",
										  count_of(jobs.count, "server", "servers")));
		option_set(&forced, "force", "true");
	}
	find_tenants(&jobs, summaries, arguments);
	run_step(&jobs, summaries, run_command, &forced);
	return end_runs(&jobs, summaries);
}

/* ------------------------------------------------------------------------
 * What is shown server by server
 * ------------------------------------------------------------------------
 */
int
command_servers_each(const Arguments *arguments)
{
	JobList		jobs = parallel_begin(arguments);
	Summary    *summaries = allocate(sizeof(Summary) * jobs.count);

	find_tenants(&jobs, summaries, arguments);
	parallel_run(&jobs, run_command, arguments, output_is_json());
	for (int i = 0; i < jobs.count; i++)
	{
		const Job  *job = &jobs.items[i];

		if (job->has_run && job->report == NULL && job->printed[0])
			show("%s%s%s\n%s", paint(COLOR_BOLD), job->server.name, paint(COLOR_NONE), text_trim(job->printed));
	}
	if (output_is_json())
		report_servers(&jobs, NULL);
	return worst_of(&jobs);
}
