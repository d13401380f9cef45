/*
 * parallel.h
 *		One step of a command on several servers at once.
 *
 * Each server has a process of its own, a copy of this one, which runs the step
 * as if that server were the only one: a connection that is lost, an error that
 * ends the program and a statement that hangs concern one server.  What it
 * prints comes back through pipes.
 *
 * Ctrl-C reaches this process alone, which passes it on; each copy then cancels
 * its statement.
 */
#ifndef ASHMIG_PARALLEL_H
#define ASHMIG_PARALLEL_H

#include <stdbool.h>
#include <sys/types.h>

#include <cjson/cJSON.h>

#include "output.h"
#include "servers.h"
#include "text.h"

typedef struct Job
{
	Server		server;
	const char *only_tenants;	/* of those that were asked for, the ones that
								 * are there; NULL: all */
	const char *except_tenants; /* likewise */
	bool		with_public;	/* public has to wait for tenants here */
	bool		left_out;		/* it failed, or there is nothing to do */
	bool		skipped;		/* a step was not begun, as the run had to end */

	/* the last step */
	bool		has_run;
	ExitStatus	status;
	cJSON	   *report;			/* what --json gives; NULL: text */
	char	   *printed;		/* on standard output */
	char	   *errors;			/* on standard error */

	/* over all steps */
	ExitStatus	worst;
	double		seconds;

	/* while it runs */
	pid_t		process;
	int			pipes[3];		/* standard output and error, progress; -1:
								 * closed */
	Text		received[3];
	double		started;
	long		schemas;		/* of the run */
	long		done;
	long		failed;
} Job;

typedef struct JobList
{
	Job		   *items;
	int			count;
	int			at_once;		/* so many processes */
	bool		stop_on_error;
	bool		interrupted;	/* by Ctrl-C */
} JobList;

/* A step; the status to exit with. */
typedef int (*JobStep) (const Arguments *arguments, const Job *job);

/* A job for each server that was asked for */
extern JobList parallel_begin(const Arguments *arguments);

/*
 * Run the step on all servers that are not left out; those on which it fails are
 * from then on.  "json": as with --json, and what is printed is a report.
 * What they print on standard error is shown, under their names.
 */
extern void parallel_run(JobList *jobs, JobStep step, const Arguments *arguments, bool json);

/* Has it to end here, by stop_on_error or Ctrl-C?  Then no step begins. */
extern bool parallel_is_stopped(const JobList *jobs);

#endif							/* ASHMIG_PARALLEL_H */
