/*
 * bundled_install.h
 *		The statements that bring a built-in extension from one version to
 *		another, in a database that may have some of its objects already.
 */
#ifndef ASHMIG_BUNDLED_INSTALL_H
#define ASHMIG_BUNDLED_INSTALL_H

#include "postgres.h"

#include "nodes/pg_list.h"

#include "record/bundled.h"

/* What the statements are made for, and what they are */
typedef struct BundledInstall
{
	const BundledExtension *extension;
	int			from;			/* version; 0: none */
	int			to;
	List	   *made;			/* of char *: what recorded migrations, and
								 * the one to be, execute; what another
								 * package has made there is not made again */
	List	   *dropped;		/* of char *: what the downs of recorded
								 * migrations execute, so that what they drop
								 * is ours */
	List	   *up;				/* the result: of char * */
	List	   *down;
} BundledInstall;

/*
 * Fill in "up" and "down".  A function that exists and that no migration has
 * made is replaced, and the down restores it; a type or an aggregate that fits
 * is left as it is, and so is what belongs to an extension.  Raises
 * ERRCODE_ASHMIG_CONFLICT for anything else of that name.
 */
extern void bundled_install(BundledInstall *install);

#endif							/* ASHMIG_BUNDLED_INSTALL_H */
