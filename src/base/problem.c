/*
 * problem.c
 *		An error as a value: see problem.h.
 */
#include "postgres.h"

#include "base/problem.h"

/*
 * Note a problem, unless there is one already.
 */
bool
problem_note(Problem *problem, int sqlerrcode, const char *path,
			 const char *detail, const char *hint, const char *fmt, ...)
{
	va_list		args;
	char		small[1];
	int			length;

	if (problem->sqlerrcode != 0)
		return false;

	va_start(args, fmt);
	length = vsnprintf(small, sizeof(small), fmt, args);
	va_end(args);

	problem->message = palloc(length + 1);
	va_start(args, fmt);
	vsnprintf(problem->message, length + 1, fmt, args);
	va_end(args);

	problem->sqlerrcode = sqlerrcode;
	problem->path = path ? pstrdup(path) : NULL;
	problem->detail = detail ? pstrdup(detail) : NULL;
	problem->hint = hint ? pstrdup(hint) : NULL;
	return false;
}

/*
 * Raise what was noted.  The JSON path opens the DETAIL, where psql and every
 * driver show it.
 */
void
problem_raise(const Problem *problem)
{
	char	   *detail = problem->detail;

	if (problem->sqlerrcode == 0)
		return;
	if (problem->path)
		detail = detail ? psprintf("At %s: %s", problem->path, detail)
			: psprintf("At %s.", problem->path);

	ereport(ERROR,
			(errcode(problem->sqlerrcode),
			 errmsg_internal("%s", problem->message),
			 detail ? errdetail_internal("%s", detail) : 0,
			 problem->hint ? errhint("%s", problem->hint) : 0));
}
