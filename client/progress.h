/*
 * progress.h
 *		How far a run is, while it runs.
 *
 * A second connection looks at ashmig.progress once a second, as the first one
 * waits for the run's result.  It is made when the run has taken a second.  At
 * a terminal there is a bar, otherwise a line now and then.
 */
#ifndef ASHMIG_PROGRESS_H
#define ASHMIG_PROGRESS_H

#include "session.h"

/* Show the run that this session leads from now on, or the one of that number. */
extern void progress_begin(Session *session, const char *run);

/*
 * From now on, write "schemas done failed" to this file instead of showing it,
 * a line a second.
 */
extern void progress_send_to(int file);

/* No longer */
extern void progress_end(void);

#endif							/* ASHMIG_PROGRESS_H */
