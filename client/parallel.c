/*
 * parallel.c
 *		One step of a command on several servers at once: see parallel.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "parallel.h"
#include "progress.h"
#include "prompt.h"

#define DEFAULT_JOBS 16

/* Seconds after which a server that does not answer counts as down, unless the environment says */
#define CONNECT_TIMEOUT "10"

/* Without a terminal, a line of progress at every so many seconds */
#define LINE_PAUSE 10

enum
{
	PIPE_OUTPUT,
	PIPE_ERRORS,
	PIPE_PROGRESS,
	PIPES
};

/* What ends a run: Ctrl-C, and the end of whoever has started us */
static const int signals[] = {SIGINT, SIGTERM, SIGHUP};

static volatile sig_atomic_t interrupts;

static double
now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec + time.tv_nsec / 1e9;
}

JobList
parallel_begin(const Arguments *arguments)
{
	ServerList	servers = servers_read(arguments);
	const char *at_once = option_value(arguments, "jobs");
	JobList		jobs = {.items = allocate(sizeof(Job) * servers.count), .count = servers.count};

	for (int i = 0; i < servers.count; i++)
	{
		jobs.items[i].server = servers.items[i];
		jobs.items[i].only_tenants = option_value(arguments, "only-tenants");
		jobs.items[i].except_tenants = option_value(arguments, "except-tenants");
	}
	jobs.at_once = at_once ? atoi(at_once) : DEFAULT_JOBS;
	if (jobs.at_once < 1)
		fail_usage("--jobs needs a number of servers, 1 or more");
	jobs.stop_on_error = option_given(arguments, "stop-on-error");
	setenv("PGCONNECT_TIMEOUT", CONNECT_TIMEOUT, false);
	if (option_given(arguments, "password"))
	{
		const char *password = prompt_password(option_value(arguments, "username"));

		if (password)
			setenv("PGPASSWORD", password, true);
	}
	return jobs;
}

bool
parallel_is_stopped(const JobList *jobs)
{
	for (int i = 0; i < jobs->count; i++)
	{
		if (jobs->stop_on_error && jobs->items[i].worst == EXIT_FAILED)
			return true;
	}
	return jobs->interrupted;
}

/* ------------------------------------------------------------------------
 * The copy
 * ------------------------------------------------------------------------
 */

/* The command line as it would be for this server alone */
static Arguments
own_arguments(const Arguments *all, const Job *job)
{
	static const char *const ours[] = {"servers", "jobs", "stop-on-error", "dbname", "password", "json", "only-tenants", "except-tenants"};
	Arguments	arguments = *all;

	for (int i = 0; i < lengthof(ours); i++)
		option_remove(&arguments, ours[i]);
	option_set(&arguments, "dbname", job->server.conninfo);
	option_set(&arguments, "no-password", "true");
	if (job->only_tenants)
		option_set(&arguments, "only-tenants", job->only_tenants);
	if (job->except_tenants)
		option_set(&arguments, "except-tenants", job->except_tenants);
	return arguments;
}

static void
__attribute__((noreturn))
run_copy(const Job *job, JobStep step, const Arguments *all, bool json, int (*pipes)[2])
{
	Arguments	arguments = own_arguments(all, job);
	int			nothing = open("/dev/null", O_RDONLY);

	setpgid(0, 0);				/* so that the terminal's Ctrl-C comes by way
								 * of the other one */
	for (int i = 0; i < lengthof(signals); i++)
		signal(signals[i], SIG_DFL);
	dup2(nothing, STDIN_FILENO);
	dup2(pipes[PIPE_OUTPUT][1], STDOUT_FILENO);
	dup2(pipes[PIPE_ERRORS][1], STDERR_FILENO);
	output_init(json, json || output_is_quiet());
	progress_send_to(pipes[PIPE_PROGRESS][1]);
	exit(output_end(step(&arguments, job)));
}

static void
start(Job *job, JobStep step, const Arguments *arguments, bool json)
{
	int			pipes[PIPES][2];

	for (int i = 0; i < PIPES; i++)
	{
		if (pipe2(pipes[i], O_CLOEXEC) != 0)
			fail("Fewer servers at a time need fewer: --jobs.", "could not open a pipe: %s", strerror(errno));
		job->pipes[i] = pipes[i][0];
		text_open(&job->received[i]);
	}
	fflush(stdout);
	job->started = now();
	job->schemas = job->done = job->failed = 0;
	job->process = fork();
	if (job->process < 0)
		fail("Fewer servers at a time need fewer: --jobs.", "could not start a process: %s", strerror(errno));
	if (job->process == 0)
		run_copy(job, step, arguments, json, pipes);
	setpgid(job->process, job->process);	/* whoever of the two is first */
	for (int i = 0; i < PIPES; i++)
		close(pipes[i][1]);
}

/* ------------------------------------------------------------------------
 * What comes back
 * ------------------------------------------------------------------------
 */

static bool
is_running(const Job *job)
{
	return job->process != 0;
}

/* The last line says how far the run is: "schemas done failed". */
static void
note_progress(Job *job, const char *lines)
{
	const char *line = lines;

	for (const char *end = strchr(lines, '\n'); end; end = strchr(line, '\n'))
	{
		(void) sscanf(line, "%ld %ld %ld", &job->schemas, &job->done, &job->failed);
		line = end + 1;
	}
}

/* Read what there is; false at its end. */
static bool
receive(Job *job, int number)
{
	char		chunk[4096 + 1];
	ssize_t		length = read(job->pipes[number], chunk, sizeof(chunk) - 1);

	if (length < 0 && errno == EINTR)
		return true;
	if (length <= 0)
		return false;
	chunk[length] = '\0';
	if (number == PIPE_PROGRESS)
		note_progress(job, chunk);
	else
		fwrite(chunk, 1, length, job->received[number].out);
	return true;
}

/* What a copy prints on standard error, under its server's name */
static void
show_errors(const Job *job)
{
	const char *line = job->errors;

	while (*line)
	{
		size_t		length = strcspn(line, "\n");

		warn("%s%s:%s %.*s", paint(COLOR_BOLD), job->server.name, paint(COLOR_NONE), (int) length, line);
		line += length + (line[length] == '\n');
	}
}

/* Its pipes are closed: note what became of it. */
static void
finish(Job *job, bool json)
{
	int			status = 0;

	while (waitpid(job->process, &status, 0) < 0 && errno == EINTR)
		;
	job->process = 0;
	job->has_run = true;
	job->seconds += now() - job->started;
	job->printed = text_close(&job->received[PIPE_OUTPUT]);
	job->errors = text_close(&job->received[PIPE_ERRORS]);
	free(text_close(&job->received[PIPE_PROGRESS]));
	job->report = json ? cJSON_Parse(job->printed) : NULL;
	job->status = WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_FAILED;
	if (job->status != EXIT_DONE && job->status != EXIT_PENDING)
		job->status = EXIT_FAILED;
	if (job->status == EXIT_FAILED || job->worst == EXIT_DONE)
		job->worst = job->status;
	job->left_out = job->left_out || job->status == EXIT_FAILED;
	show_errors(job);
}

/* All that run, in one line */
static void
show_progress(const JobList *jobs, double *shown)
{
	long		schemas = 0;
	long		done = 0;
	long		failed = 0;
	int			running = 0;
	char	   *line;

	for (int i = 0; i < jobs->count; i++)
	{
		schemas += jobs->items[i].schemas;
		done += jobs->items[i].done;
		failed += jobs->items[i].failed;
		running += is_running(&jobs->items[i]);
	}
	if (output_is_quiet() || schemas == 0)
		return;
	line = text_printf("%ld of %s%s, %s at work", done, count_of(schemas, "schema", "schemas"),
					   failed ? text_printf(", %ld failed", failed) : "",
					   count_of(running, "server", "servers"));
	if (output_is_terminal())
		output_status_line(line);
	else if (now() - *shown >= LINE_PAUSE)
	{
		warn("%s", line);
		*shown = now();
	}
}

/* ------------------------------------------------------------------------
 * All of them
 * ------------------------------------------------------------------------
 */

static void
note_interrupt(int number)
{
	interrupts++;
}

/*
 * Pass Ctrl-C on: the copies cancel what they run.  Whoever presses it again does
 * not wait for that.
 */
static void
pass_on(JobList *jobs, int *passed)
{
	if (*passed == interrupts)
		return;
	if (*passed == 0)
		warn("Canceling ...");
	*passed = interrupts;
	jobs->interrupted = true;
	for (int i = 0; i < jobs->count; i++)
	{
		if (is_running(&jobs->items[i]))
			kill(jobs->items[i].process, SIGINT);
	}
}

/* Wait for output of those that run, a second at most, and read it. */
static void
wait_for_output(JobList *jobs, const sigset_t *let_in, bool json)
{
	static const struct timespec pause = {.tv_sec = 1};
	struct pollfd *polled = allocate(sizeof(struct pollfd) * jobs->count * PIPES);
	int			ready;

	for (int i = 0; i < jobs->count * PIPES; i++)
	{
		const Job  *job = &jobs->items[i / PIPES];

		polled[i].fd = is_running(job) ? job->pipes[i % PIPES] : -1;
		polled[i].events = POLLIN;
	}
	ready = ppoll(polled, jobs->count * PIPES, &pause, let_in);
	for (int i = 0; ready > 0 && i < jobs->count * PIPES; i++)
	{
		Job		   *job = &jobs->items[i / PIPES];
		int			number = i % PIPES;

		if (polled[i].fd < 0 || polled[i].revents == 0 || receive(job, number))
			continue;
		close(job->pipes[number]);
		job->pipes[number] = -1;
		if (job->pipes[PIPE_OUTPUT] < 0 && job->pipes[PIPE_ERRORS] < 0 && job->pipes[PIPE_PROGRESS] < 0)
			finish(job, json);
	}
	free(polled);
}

static int
count_running(const JobList *jobs)
{
	int			running = 0;

	for (int i = 0; i < jobs->count; i++)
		running += is_running(&jobs->items[i]);
	return running;
}

/* The signals are only let in by ppoll, as in session.c. */
void
parallel_run(JobList *jobs, JobStep step, const Arguments *arguments, bool json)
{
	struct sigaction action = {.sa_handler = note_interrupt};
	struct sigaction old_actions[lengthof(signals)];
	sigset_t	blocked;
	sigset_t	old_blocked;
	double		shown = now();
	int			passed = 0;
	int			next = 0;

	for (int i = 0; i < jobs->count; i++)
		jobs->items[i].has_run = false;
	interrupts = 0;
	sigemptyset(&blocked);
	for (int i = 0; i < lengthof(signals); i++)
	{
		sigaddset(&blocked, signals[i]);
		sigaction(signals[i], &action, &old_actions[i]);
	}
	for (;;)
	{
		for (; next < jobs->count && count_running(jobs) < jobs->at_once; next++)
		{
			if (jobs->items[next].left_out)
				continue;
			if (parallel_is_stopped(jobs))
				jobs->items[next].skipped = true;
			else
				start(&jobs->items[next], step, arguments, json);
		}
		if (count_running(jobs) == 0)
			break;
		sigprocmask(SIG_BLOCK, &blocked, &old_blocked);
		wait_for_output(jobs, &old_blocked, json);
		sigprocmask(SIG_SETMASK, &old_blocked, NULL);
		pass_on(jobs, &passed);
		show_progress(jobs, &shown);
	}
	output_status_line(NULL);
	for (int i = 0; i < lengthof(signals); i++)
		sigaction(signals[i], &old_actions[i], NULL);
}
